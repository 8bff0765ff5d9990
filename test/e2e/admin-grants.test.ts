import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import {
	ADMIN_CONFIG,
	type AdminStage,
	describeConventions,
	expectLimit,
	expectRefused,
	OTHERS,
	openAdminStage,
} from './admin-resource.ts';

const GRANTS = '/workspaces/google/grants';
const SECOND = {
	issuer: 'https://second.example/v2.0',
	tenantId: 'second-directory',
	audiences: ['api://second'],
	jwksUrl: 'https://second.example/keys',
};

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

describe('a grant', () => {
	describeConventions(() => stage, {
		...{ kind: 'grant', table: 'grant_rule', listPath: GRANTS, as: 'admins', others: OTHERS, chain: 'google' },
		make: (n) => ({ method: 'POST', path: GRANTS, body: { claim: 'group', value: `group-${n}`, level: 'read' } }),
		change: { method: 'PATCH', body: { level: 'write' } },
	});

	it('opens the workspace to those it names, and closes it again', async () => {
		const address = '/w/google/mcp';
		expect(await stage.tools(address, 'newcomers')).toBe('PC_ADDRESS_UNKNOWN');
		const body = { claim: 'group', value: 'newcomers', level: 'read' };
		const { json } = await stage.ask('POST', GRANTS, { body });
		expect(await stage.tools(address, 'newcomers')).toEqual([]);
		expectRefused(await stage.ask('GET', GRANTS, { as: 'newcomers' }), 'PC_LEVEL_TOO_LOW');
		const at = `${GRANTS}/${json.id}`;
		await stage.ask('PATCH', at, { body: { level: 'admin' }, match: '"1"' });
		expect((await stage.ask('GET', GRANTS, { as: 'newcomers' })).status).toBe(200);
		await stage.ask('DELETE', at, { match: '"2"' });
		expect(await stage.tools(address, 'newcomers')).toBe('PC_ADDRESS_UNKNOWN');
	});

	it('takes its admin no further than the workspace', async () => {
		const body = { claim: 'group', value: 'admins', level: 'admin' };
		expectRefused(await stage.ask('POST', '/workspaces/microsoft/grants', { body }), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('POST', '/workspaces/*/grants', { body }), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('POST', '/platform/grants', { body }), 'PC_LEVEL_TOO_LOW');
		expectRefused(await stage.ask('GET', '/platform/grants'), 'PC_LEVEL_TOO_LOW');
		// A group by the name of the star is a group.
		const star = await stage.ask('POST', GRANTS, { body: { ...body, value: '*' } });
		expect(star.status).toBe(201);
		await stage.ask('DELETE', `${GRANTS}/${star.json.id}`, { match: '*' });
		const { json } = await stage.ask('GET', '/me');
		expect(json).toMatchObject({ platformLevel: null, workspaces: [{ workspace: 'google' }] });
	});

	it('of another workspace is not there, whatever its id', async () => {
		const { json } = await stage.ask('GET', '/workspaces/microsoft/grants', { as: 'elsewhere' });
		const at = `${GRANTS}/${json.items[0].id}`;
		expectRefused(await stage.ask('GET', at), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('PATCH', at, { body: { level: 'read' }, match: '*' }), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('DELETE', at, { match: '*' }), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('GET', `${GRANTS}/no-uuid`), 'PC_NOT_FOUND');
	});

	it('is for one level, one claim and one value', async () => {
		const body = { claim: 'role', value: 'Mcp.Read', level: 'read' };
		for (const wrong of [
			{ level: 'owner' },
			{ claim: 'email' },
			{ value: '' },
			{ value: 7 },
			{ directory: 'No Slug' },
		]) {
			expectRefused(await stage.ask('POST', GRANTS, { body: { ...body, ...wrong } }), 'PC_INPUT_INVALID');
		}
		const { json } = await stage.ask('POST', GRANTS, { body });
		const at = `${GRANTS}/${json.id}`;
		await expectLimit(512, (value) => stage.ask('PATCH', at, { body: { value }, match: '*' }));
		const taken = await stage.ask('PATCH', at, { body: { claim: 'group', value: 'readers' }, match: '*' });
		expectRefused(taken, 'PC_CONFLICT');
		await stage.ask('DELETE', at, { match: '*' });
	});
});

describe('the directory of a grant', () => {
	const body = { claim: 'group', value: 'partners', level: 'read' };
	const fault = (message: string) => ({ errors: [{ path: 'body.directory', message }] });

	it('is one that there is', async () => {
		const told = await stage.ask('POST', GRANTS, { body: { ...body, directory: 'nowhere' } });
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json).toMatchObject(fault('there is no such directory'));
		const { id } = stage.gateway.directory.directory;
		const { json } = await stage.ask('POST', GRANTS, { body: { ...body, directory: id } });
		expect(json).toMatchObject({ directory: id });
		await stage.ask('DELETE', `${GRANTS}/${json.id}`, { match: '*' });
	});

	it('is named where there are several', async () => {
		const { directory } = stage.gateway.directory;
		const named = ADMIN_CONFIG.grants.map((grant) => ({ ...grant, directory: directory.id }));
		const directories = [directory, { id: 'second', ...SECOND }];
		const other = await openAdminStage(postgres, { ...ADMIN_CONFIG, directories, grants: named });
		// The tokens of the other stage are of its own directory.
		const told = await other.ask('POST', GRANTS, { as: 'operator', body });
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json).toMatchObject(fault('name the directory, since more than one is configured'));
		const { status, json } = await other.ask('POST', GRANTS, {
			as: 'operator',
			body: { ...body, directory: 'second' },
		});
		expect([status, json.directory]).toEqual([201, 'second']);
		const at = `${GRANTS}/${json.id}`;
		expectRefused(
			await other.ask('PATCH', at, { as: 'operator', body: { directory: null }, match: '*' }),
			'PC_INPUT_INVALID',
		);
		await other.close();
	});
});
