import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import {
	type AdminStage,
	describeConventions,
	expectLimit,
	expectRefused,
	OTHERS,
	openAdminStage,
} from './admin-resource.ts';

const MEMBERS = '/workspaces/google/members';

let postgres: TestPostgres;
let stage: AdminStage;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	stage = await openAdminStage(postgres);
});
afterAll(async () => {
	await stage.close();
	await postgres.close();
});

describe('a member', () => {
	describeConventions(() => stage, {
		...{
			kind: 'member',
			table: 'membership',
			listPath: MEMBERS,
			as: 'admins',
			others: OTHERS,
			chain: 'google',
		},
		make: (n) => ({ method: 'POST', path: MEMBERS, body: { oid: `person-${n}`, level: 'read' } }),
		change: { method: 'PATCH', body: { level: 'write', name: 'Ada' } },
	});

	it('reaches the workspace whatever their groups, until they are no member any more', async () => {
		const address = '/w/google/mcp';
		const ada = { oid: 'ada' };
		expect(await stage.tools(address, 'nobodies', ada)).toBe('PC_ADDRESS_UNKNOWN');
		const { json } = await stage.ask('POST', MEMBERS, { body: { oid: 'ada', level: 'read', name: 'Ada' } });
		const { id, issuer, tenantId } = stage.gateway.directory.directory;
		expect(json).toMatchObject({ issuer, tid: tenantId, oid: 'ada', directory: id, name: 'Ada', level: 'read' });
		expect(json.id).toBe(Buffer.from(JSON.stringify([issuer, tenantId, 'ada'])).toString('base64url'));
		expect(await stage.tools(address, 'nobodies', ada)).toEqual([]);
		expect(await stage.tools(address, 'nobodies', { oid: 'bob' })).toBe('PC_ADDRESS_UNKNOWN');
		await stage.ask('DELETE', `${MEMBERS}/${json.id}`, { match: '"1"' });
		expect(await stage.tools(address, 'nobodies', ada)).toBe('PC_ADDRESS_UNKNOWN');
	});

	it('is named by an id that says who, and by nothing else', async () => {
		const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
		const others = [
			'nobody',
			encode(['a', 'b']),
			encode(['a', 'b', 'c', 'd']),
			encode([1, 2, 3]),
			encode({}),
			'%00',
			'.A',
		];
		for (const id of [...others, encode(['a', 'b', 'c'])]) {
			expectRefused(await stage.ask('GET', `${MEMBERS}/${encodeURIComponent(id)}`), 'PC_NOT_FOUND');
		}
	});

	it('is of a directory that there is', async () => {
		const body = { oid: 'eve', level: 'read' };
		const told = await stage.ask('POST', MEMBERS, { body: { ...body, directory: 'nowhere' } });
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual([{ path: 'body.directory', message: 'there is no such directory' }]);
		for (const alien of [{ issuer: 'https://evil.example' }, { tid: 'x' }]) {
			expectRefused(await stage.ask('POST', MEMBERS, { body: { ...body, ...alien } }), 'PC_INPUT_INVALID');
		}
	});

	it('has an id and a name of limited length', async () => {
		await expectLimit(128, (oid) => stage.ask('POST', MEMBERS, { body: { oid, level: 'read' } }));
		const { json } = await stage.ask('POST', MEMBERS, { body: { oid: 'limits', level: 'read' } });
		const at = `${MEMBERS}/${json.id}`;
		await expectLimit(256, (name) => stage.ask('PATCH', at, { body: { name }, match: '*' }));
	});
});
