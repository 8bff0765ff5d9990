import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import {
	ADMIN_CONFIG,
	type AdminStage,
	describeConventions,
	expectLimit,
	expectRefused,
	OTHERS,
	openAdminStage,
} from './admin-resource.ts';

const RULES = '/workspaces/google/servers/wiki/rules';
const ADDRESS = '/w/google/s/wiki/mcp';
const NONE = { 'if-none-match': '*' };

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'WIKI' });
	const servers = { wiki: { transport: 'http', url: upstream.url } };
	const workspaces = { google: { servers }, microsoft: { servers: { wiki: servers.wiki } } };
	stage = await openAdminStage(postgres, { ...ADMIN_CONFIG, workspaces });
});
afterAll(async () => {
	await stage.close();
	await upstream.close();
	await postgres.close();
});

describe('a tool rule', () => {
	describeConventions(() => stage, {
		...{
			kind: 'tool-rule',
			table: 'tool_rule',
			listPath: RULES,
			as: 'admins',
			others: OTHERS,
			chain: 'google',
		},
		make: (n) => ({ method: 'PUT', path: `${RULES}/tool-${n}`, body: { enabled: false } }),
		change: { method: 'PUT', body: { minimumLevel: 'admin', readable: true, description: 'Ours' } },
	});

	it('decides who sees and calls a tool, at once', async () => {
		const put = (body: unknown, said: object) => stage.ask('PUT', `${RULES}/echo`, { body, ...said });
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('WIKI: hello');
		const made = await put({ minimumLevel: 'write' }, { headers: NONE });
		expect(made.json).toMatchObject({
			tool: 'echo',
			enabled: null,
			minimumLevel: 'write',
			readable: false,
			version: 1,
		});
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('PC_TOOL_UNKNOWN');
		expect(await stage.tools(ADDRESS, 'readers')).not.toContain('echo');
		expect(await stage.call(ADDRESS, 'writers', 'echo')).toBe('WIKI: hello');
		expect((await put({ enabled: false }, { match: '"1"' })).json).toMatchObject({
			enabled: false,
			minimumLevel: 'read',
		});
		expect(await stage.call(ADDRESS, 'admins', 'echo')).toBe('PC_TOOL_UNKNOWN');
		expect((await stage.records()).at(-1)).toMatchObject({
			...{ action: 'tool-rule.update', object: 'wiki/echo', fields: ['enabled', 'minimumLevel'] },
		});
		await put({ definitionDigest: '0'.repeat(64) }, { match: '"2"' });
		expect(await stage.call(ADDRESS, 'admins', 'echo')).toBe('PC_TOOL_UNKNOWN');
		await stage.ask('DELETE', `${RULES}/echo`, { match: '"3"' });
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('WIKI: hello');
	});

	it('is about any name a server may give', async () => {
		for (const tool of [
			'a/b',
			'a b',
			'Ünï',
			'..',
			'%2e',
			'ａ',
			'${env:HOME}',
			"'; drop table x; --",
			'*',
			'__proto__',
		]) {
			const at = `${RULES}/${encodeURIComponent(tool).replaceAll('.', '%2E')}`;
			const told = await stage.ask('PUT', at, { body: {}, headers: NONE });
			if (tool === '..') continue;
			expect(told.json, tool).toMatchObject({ tool, version: 1 });
			const location = String(told.headers['location']).replace('/api/v1', '');
			expect((await stage.ask('GET', location)).json).toEqual(told.json);
			expect((await stage.ask('DELETE', location, { match: '*' })).status).toBe(204);
		}
		for (const [length, status] of [
			[255, 201],
			[256, 201],
			[257, 404],
		] as const) {
			const told = await stage.ask('PUT', `${RULES}/${'x'.repeat(length)}`, { body: {}, headers: NONE });
			expect(told.status).toBe(status);
		}
		expectRefused(await stage.ask('PUT', `${RULES}/a%00b`, { body: {}, headers: NONE }), 'PC_NOT_FOUND');
	});

	it('has a description of limited length, and a digest that is one', async () => {
		const at = `${RULES}/limits`;
		await stage.ask('PUT', at, { body: {}, headers: NONE });
		await expectLimit(8_192, (description) => stage.ask('PUT', at, { body: { description }, match: '*' }));
		for (const wrong of [{ definitionDigest: 'x' }, { definitionDigest: 'A'.repeat(64) }, { minimumLevel: 'none' }]) {
			expectRefused(await stage.ask('PUT', at, { body: wrong, match: '*' }), 'PC_INPUT_INVALID');
		}
		const description = 'Costs $${ or ${file:/etc/passwd}';
		expect((await stage.ask('PUT', at, { body: { description }, match: '*' })).json.description).toBe(description);
		expect(
			stage.gateway.configuration.snapshots
				.current()
				.workspaces.get('google')
				?.servers.get('wiki')
				?.toolRules.get('limits'),
		).toMatchObject({ description });
	});

	it('belongs to a server of the workspace, and is the file’s where that is', async () => {
		const nowhere = '/workspaces/google/servers/nowhere/rules';
		expectRefused(await stage.ask('GET', nowhere), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('GET', `${nowhere}/echo`), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('PUT', `${nowhere}/echo`, { body: {}, headers: NONE }), 'PC_NOT_FOUND');
		await stage.sql("update portcullis.server set managed_by = 'file'");
		expectRefused(await stage.ask('PUT', `${RULES}/echo`, { body: {}, headers: NONE }), 'PC_FILE_MANAGED');
		expectRefused(await stage.ask('DELETE', `${RULES}/limits`, { match: '*' }), 'PC_FILE_MANAGED');
		await stage.sql("update portcullis.server set managed_by = 'api'");
	});
});
