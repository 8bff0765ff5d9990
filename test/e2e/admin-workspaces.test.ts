import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, post } from '../fakes/gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { type AdminStage, describeConventions, expectLimit, expectRefused, openAdminStage } from './admin-resource.ts';

const WORKSPACES = '/workspaces';

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

describe('a workspace', () => {
	describeConventions(() => stage, {
		...{ kind: 'workspace', table: 'workspace', listPath: WORKSPACES, as: 'platform', chain: 'its own' },
		others: ['admins', 'elsewhere', 'nobodies'].map((name) => [name, 'PC_LEVEL_TOO_LOW', 'PC_NOT_FOUND'] as const),
		listedAs: ({ slug, title, audit }) => ({ slug, title, audit }),
		make: (n) => ({ method: 'POST', path: WORKSPACES, body: { slug: `workspace-${n}`, title: `Workspace ${n}` } }),
		change: { method: 'PATCH', body: { title: 'Another title', audit: 'best-effort' } },
	});

	it('goes from nothing to a tool that somebody calls, and back to nothing', async () => {
		const upstream = await startModernHttp({ canary: 'ACME' });
		const asPlatform = (method: 'POST' | 'DELETE', path: string, said = {}) =>
			stage.ask(method, path, { as: 'platform', ...said });
		expect((await asPlatform('POST', WORKSPACES, { body: { slug: 'acme' } })).json).toMatchObject({
			...{ slug: 'acme', title: 'acme', audit: 'strict', managedBy: 'api', version: 1 },
		});
		const body = { claim: 'group', value: 'acme-people', level: 'write' };
		expect((await asPlatform('POST', '/workspaces/acme/grants', { body })).status).toBe(201);
		const server = { slug: 'wiki', transport: 'http', url: upstream.url };
		expect((await asPlatform('POST', '/workspaces/acme/servers', { body: server })).status).toBe(201);
		const address = '/w/acme/s/wiki/mcp';
		expect(await stage.tools(address, 'acme-people')).toContain('echo');
		expect(await stage.call(address, 'acme-people', 'echo')).toBe('ACME: hello');
		expect(await stage.tools(address, 'writers')).toBe('PC_ADDRESS_UNKNOWN');
		await stage.gateway.shipped();
		const [{ id } = {}] = await stage.sql("select workspace_id as id from portcullis.workspace where slug = 'acme'");

		expect((await asPlatform('DELETE', '/workspaces/acme', { match: '"1"' })).status).toBe(204);
		expect(await stage.tools(address, 'acme-people')).toBe('PC_ADDRESS_UNKNOWN');
		expect(await stage.call(address, 'acme-people', 'echo')).toBe('PC_ADDRESS_UNKNOWN');
		expect(await stage.tools('/w/acme/mcp', 'platform')).toBe('PC_ADDRESS_UNKNOWN');
		expect(await stage.tools('/mcp', 'acme-people')).toEqual([]);
		expectRefused(await stage.ask('GET', '/workspaces/acme', { as: 'platform' }), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('GET', '/workspaces/acme/servers', { as: 'platform' }), 'PC_NOT_FOUND');
		await stage.gateway.shipped();
		const left = await stage.sql(
			`select count(*)::int as rows from (
				select workspace_id from portcullis.server union all select workspace_id from portcullis.grant_rule
				union all select workspace_id from portcullis.audit_event union all select workspace_id from portcullis.usage_hour
				union all select workspace_id from portcullis.audit_chain
			) as everything where workspace_id = '${id}'`,
		);
		expect(left).toEqual([{ rows: 0 }]);
		// Who did it is known to the platform.
		const [last] = (await stage.records()).slice(-1);
		expect(last).toMatchObject({ chain: 'platform', action: 'workspace.delete', object: 'acme' });
		const uses = await stage.sql(
			`select line from portcullis.audit_event where kind = 'platform' and line like '%${id}%'`,
		);
		expect(uses.map(({ line }) => JSON.parse(String(line)))).toMatchObject([{ reason: 'deleteWorkspace', erased: id }]);
		await upstream.close();
	});

	it('says how its tools are shown as an OpenAPI service, and what it does not say stays', async () => {
		const upstream = await startModernHttp({ canary: 'ACME' });
		const ask = (method: 'POST' | 'PATCH' | 'DELETE', path: string, said = {}) =>
			stage.ask(method, WORKSPACES + path, { as: 'platform', ...said });
		const made = await ask('POST', '', { body: { slug: 'facade', openApi: { embeds: 'allow' } } });
		expect(made.json.openApi).toEqual({ mcpo: 'fixed', coercion: 'allow', embeds: 'allow' });
		await ask('POST', '/facade/grants', { body: { claim: 'group', value: 'facade-people', level: 'write' } });
		await ask('POST', '/facade/servers', { body: { slug: 'wiki', transport: 'http', url: upstream.url } });
		const failing = async () => {
			const authorization = `Bearer ${stage.gateway.tokenFor(['facade-people'])}`;
			const url = `${stage.gateway.url}/w/facade/s/wiki/fail`;
			const response = await fetch(url, { method: 'POST', headers: { authorization } });
			return ((await response.json()) as { detail: { message: string } }).detail.message;
		};
		expect(await failing()).not.toBe('Unexpected error');
		const changed = await ask('PATCH', '/facade', { body: { openApi: { mcpo: 'strict' } }, match: '*' });
		expect(changed.json.openApi).toEqual({ mcpo: 'strict', coercion: 'allow', embeds: 'allow' });
		expect(await failing()).toBe('Unexpected error');
		for (const openApi of [{ mcpo: 'loose' }, { embeds: true }, { other: 1 }]) {
			expectRefused(await ask('PATCH', '/facade', { body: { openApi }, match: '*' }), 'PC_INPUT_INVALID');
		}
		expect((await ask('DELETE', '/facade', { match: '*' })).status).toBe(204);
		await upstream.close();
	});

	it('that is made anew under an old name has nothing of the old one', async () => {
		const make = () => stage.ask('POST', WORKSPACES, { as: 'platform', body: { slug: 'reborn' } });
		const first = (await make()).json;
		const grant = { claim: 'group', value: 'reborn-people', level: 'read' };
		await stage.ask('POST', '/workspaces/reborn/grants', { as: 'platform', body: grant });
		expect(await stage.tools('/w/reborn/mcp', 'reborn-people')).toEqual([]);
		await stage.ask('DELETE', '/workspaces/reborn', { as: 'platform', match: '*' });
		const second = (await make()).json;
		expect(second.id).not.toBe(first.id);
		expect(await stage.tools('/w/reborn/mcp', 'reborn-people')).toBe('PC_ADDRESS_UNKNOWN');
		await stage.ask('DELETE', '/workspaces/reborn', { as: 'platform', match: '*' });
	});

	it('ends the sessions and streams of its people when it goes', async () => {
		const upstream = await startLegacyHttp({ canary: 'GONE' });
		const as = 'platform';
		await stage.ask('POST', WORKSPACES, { as, body: { slug: 'gone' } });
		await stage.ask('POST', '/workspaces/gone/servers', {
			as,
			body: { slug: 's', transport: 'http', url: upstream.url },
		});
		const address = `${stage.gateway.url}/w/gone/s/s`;
		const bearer = { authorization: `Bearer ${stage.gateway.tokenFor(['platform'])}` };
		const hello = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
		const opened = await post(`${address}/mcp`, legacy('initialize', hello), bearer);
		const session = { 'mcp-session-id': String(opened.headers.get('mcp-session-id')) };
		expect((await post(`${address}/mcp`, legacy('tools/list'), { ...bearer, ...session })).status).toBe(200);
		await stage.ask('DELETE', '/workspaces/gone', { as, match: '*' });
		const after = await post(`${address}/mcp`, legacy('tools/list'), { ...bearer, ...session });
		expect([after.status, after.json.error.data.code]).toEqual([404, 'PC_ADDRESS_UNKNOWN']);
		await upstream.close();
	});

	it('is changed by its own administrators, who neither make nor remove one', async () => {
		const changed = await stage.ask('PATCH', '/workspaces/google', { body: { title: 'Alphabet' }, match: '"1"' });
		expect(changed.json).toMatchObject({ slug: 'google', title: 'Alphabet', audit: 'strict', version: 2 });
		const [record] = (await stage.records()).slice(-1);
		expect(record).toMatchObject({ chain: 'google', action: 'workspace.update', object: 'google', fields: ['title'] });
		expect((await stage.ask('GET', '/me')).json.workspaces).toMatchObject([{ workspace: 'google', title: 'Alphabet' }]);
		for (const as of ['readers', 'writers']) {
			expectRefused(await stage.ask('PATCH', '/workspaces/google', { as, body: {}, match: '*' }), 'PC_LEVEL_TOO_LOW');
			expect((await stage.ask('GET', '/workspaces/google', { as })).json).toEqual(changed.json);
		}
		expectRefused(await stage.ask('DELETE', '/workspaces/google', { match: '*' }), 'PC_LEVEL_TOO_LOW');
		expectRefused(await stage.ask('PATCH', '/workspaces/microsoft', { body: {}, match: '*' }), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('GET', '/workspaces/microsoft'), 'PC_NOT_FOUND');
		const renamed = await stage.ask('PATCH', '/workspaces/google', { body: { slug: 'alphabet' }, match: '*' });
		expectRefused(renamed, 'PC_INPUT_INVALID');
	});

	it('is listed to those who hold something in it', async () => {
		const listedTo = async (as: string) => {
			const { items } = (await stage.ask('GET', WORKSPACES, { as })).json;
			return items.map(({ slug, level }: { slug: string; level: string }) => `${slug} ${level}`);
		};
		expect(await listedTo('readers')).toEqual(['google read']);
		expect(await listedTo('elsewhere')).toEqual(['microsoft admin']);
		expect(await listedTo('platform')).toEqual(['google admin', 'microsoft admin']);
		expect(await listedTo('operator')).toEqual(['google admin', 'microsoft admin']);
		expect(await listedTo('strangers')).toEqual([]);
	});

	it('has a slug that fits addresses, and a title of limited length', async () => {
		const make = (body: unknown) => stage.ask('POST', WORKSPACES, { as: 'platform', body });
		for (const slug of ['', 'A', '-a', 'a-', 'a b', 'a/b', '..', 'a'.repeat(64), 'ä', '*', 7, null]) {
			expectRefused(await make({ slug }), 'PC_INPUT_INVALID');
		}
		for (const slug of ['a'.repeat(62), 'b'.repeat(63), '0']) {
			expect((await make({ slug })).status).toBe(201);
			await stage.ask('DELETE', `/workspaces/${slug}`, { as: 'platform', match: '*' });
		}
		expectRefused(await make({ slug: 'google' }), 'PC_CONFLICT');
		await expectLimit(200, (title) => stage.ask('PATCH', '/workspaces/google', { body: { title }, match: '*' }));
		const literal = `\${env:HOME} and $\${`;
		const { json } = await stage.ask('PATCH', '/workspaces/google', { body: { title: literal }, match: '*' });
		expect(json.title).toBe(literal);
	});
});
