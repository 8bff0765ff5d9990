import { beforeAll, describe, expect, it } from 'vitest';
import { legacy, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	closedPortUrl,
	type HttpFixture,
	type LegacyHttpFixture,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';
import { connectNew, connectOld, keepForFile, keepForTest, soon } from './protocol-clients.ts';

const keep = keepForFile();
const keepShort = keepForTest();
const GRANTS = [{ group: 'G', workspace: 'google', access: 'write' }];
const UNAVAILABLE = 'io.portcullis/unavailable';
const OUTDATED = 'io.portcullis/outdated';

/** A gateway with these servers in workspace google, and a way to ask it. */
async function gatewayWith(servers: Record<string, unknown>, limits: object = {}) {
	const gateway = await startGateway({ workspaces: { google: { servers } }, grants: GRANTS, limits });
	const authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
	const ask = async (method: string, params: object = {}, path = '/w/google/mcp') =>
		(await post(gateway.url + path, legacy(method, params), authorization)).json;
	const names = async (path?: string): Promise<readonly string[]> =>
		(await ask('tools/list', {}, path)).result.tools.map(({ name }: { name: string }) => name);
	return { gateway, authorization, ask, names, close: () => gateway.close() };
}

const http = (url: string) => ({ transport: 'http', url });
const listsSeen = (fixture: HttpFixture) => fixture.seen.filter(({ method }) => method === 'tools/list').length;

describe('a list, while a server is down', () => {
	it('has the others and says whose items are missing', async () => {
		const alive = keepShort(await startModernHttp());
		const servers = {
			alive: http(alive.url),
			dead: http(await closedPortUrl()),
			broken: { transport: 'stdio', ...stdioServer({ exitAtStart: 1 }) },
		};
		const { ask, gateway } = keepShort(await gatewayWith(servers, { listDeadlineMs: 2_000 }));
		for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
			const { result } = await ask(method);
			expect(result._meta).toEqual({ [UNAVAILABLE]: ['broken', 'dead'] });
			expect(Object.values(result)[0]).not.toEqual([]);
		}
		const everything = await ask('tools/list', {}, '/mcp');
		expect(everything.result._meta).toEqual({ [UNAVAILABLE]: ['google/broken', 'google/dead'] });
		// Alone at its address it must say that it is down; whether it was tried again depends on how often it failed.
		const { error } = await ask('tools/list', {}, '/w/google/s/dead/mcp');
		expect(error.data.code).toBeOneOf(['PC_UPSTREAM_UNREACHABLE', 'PC_UPSTREAM_STARTING']);
		expect(gateway.audit().filter((line) => line['code'] === 'PC_INTERNAL')).toEqual([]);
	});

	it('does not wait longer than its deadline for one that never answers', async () => {
		const alive = keepShort(await startLegacyHttp());
		const mute = keepShort(await startModernHttp({ hostile: { kind: 'never' } }));
		const servers = { alive: http(alive.url), mute: http(mute.url) };
		const { ask } = keepShort(await gatewayWith(servers, { listDeadlineMs: 200 }));
		const { result } = await ask('tools/list');
		expect(result._meta).toEqual({ [UNAVAILABLE]: ['mute'] });
		expect(result.tools.length).toBeGreaterThan(10);
	});

	it('keeps what the server said last, says so, and is new again when the server is back', async () => {
		const server = keepShort(await startLegacyHttp({ getStream: false }));
		const { ask, names } = keepShort(
			await gatewayWith({ here: http(server.url) }, { upstream: { listAgeMs: 1, firstByteMs: 500 } }),
		);
		const before = await names();
		server.setBehaviour({ hostile: { kind: 'html-500' } });
		await soon(async () => (await ask('tools/list')).result._meta).toEqual({ [OUTDATED]: ['here'] });
		expect(await names()).toEqual(before);
		const own = (await ask('tools/list', {}, '/w/google/s/here/mcp')).result;
		expect(own._meta).toEqual({ [OUTDATED]: ['here'] });
		server.setBehaviour({ hostile: undefined });
		// Not asked again at every call, but after a few seconds.
		await soon(async () => (await ask('tools/list')).result._meta).toBeUndefined();
	});

	it('is new at once after the server has forgotten its sessions', async () => {
		const server = keepShort(await startLegacyHttp({ getStream: false }));
		const { ask, names } = keepShort(await gatewayWith({ here: http(server.url) }, { upstream: { listAgeMs: 1 } }));
		expect(await names()).not.toContain('here__extra');
		server.dropSessions();
		await ask('tools/call', { name: 'here__toggle_tool' });
		await ask('tools/call', { name: 'here__toggle_tool' });
		await soon(names).toContain('here__extra');
		expect((await ask('tools/list')).result._meta).toBeUndefined();
	});
});

describe('a list that was read once', () => {
	let gate: Awaited<ReturnType<typeof gatewayWith>>;
	let fresh: HttpFixture;
	let old: LegacyHttpFixture;

	beforeAll(async () => {
		fresh = keep(await startModernHttp({ pageSize: 4 }));
		old = keep(await startLegacyHttp({ pageSize: 4 }));
		gate = keep(await gatewayWith({ fresh: http(fresh.url), old: http(old.url) }));
	});

	it('has all pages of the server in one', async () => {
		const { result } = await gate.ask('tools/list');
		expect(result.nextCursor).toBeUndefined();
		for (const server of ['fresh', 'old'])
			expect(result.tools.filter(({ name }: { name: string }) => name.startsWith(`${server}__`))).toHaveLength(18);
	});

	it('is answered from memory, to everybody and for every call', async () => {
		await gate.names();
		const before = [listsSeen(fresh), listsSeen(old)];
		const other = { authorization: `Bearer ${gate.gateway.tokenFor(['G'], { oid: 'bob' })}` };
		for (const path of ['/mcp', '/w/google/mcp'])
			expect((await post(gate.gateway.url + path, legacy('tools/list'), other)).status).toBe(200);
		for (const server of ['fresh', 'old'])
			await gate.ask('tools/call', { name: `${server}__echo`, arguments: { text: 'x' } });
		expect([listsSeen(fresh), listsSeen(old)]).toEqual(before);
	});

	it('refuses a cursor it never gave out', async () => {
		for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])
			for (const path of ['/mcp', '/w/google/mcp']) {
				const { error } = await gate.ask(method, { cursor: 'NA' }, path);
				expect([error.code, error.data.code]).toEqual([-32602, 'PC_CURSOR_INVALID']);
			}
		expect((await gate.ask('tools/list', { cursor: 'NA' }, '/w/google/s/old/mcp')).error.code).toBe(-32602);
	});

	it('promises nothing that an aggregate cannot keep', async () => {
		const client = keepShort(await connectNew(`${gate.gateway.url}/mcp`, gate.gateway.tokenFor(['G'])));
		const changes = { listChanged: true };
		const offered = { tools: changes, prompts: changes, resources: { ...changes, subscribe: true }, completions: {} };
		expect(client.getServerCapabilities()).toMatchObject(offered);
		const old = keepShort(await connectOld(`${gate.gateway.url}/w/google/mcp`, gate.gateway.tokenFor(['G'])));
		expect(old.getServerCapabilities()).toMatchObject(offered);
		for (const each of [client, old]) {
			const text = JSON.stringify(each.getServerCapabilities());
			expect(text).not.toMatch(/tasks|extensions/);
			expect(each.getServerVersion()?.name).toBe('portcullis');
		}
	});
});

describe('a change of the tools', () => {
	const BUILDS = {
		'legacy http': async () => http(keepShort(await startLegacyHttp()).url),
		'modern http': async () => http(keepShort(await startModernHttp()).url),
		'HTTP+SSE': async () => ({ transport: 'sse', url: keepShort(await startLegacySse()).url }),
		'legacy stdio': async () => ({ transport: 'stdio', ...stdioServer({ era: 'legacy' }) }),
		'modern stdio': async () => ({ transport: 'stdio', ...stdioServer({ era: 'modern' }) }),
	} as const;

	it.each(Object.keys(BUILDS) as (keyof typeof BUILDS)[])('at a server over %s shows in the list', async (build) => {
		const { ask, names } = keepShort(await gatewayWith({ here: await BUILDS[build]() }));
		expect(await names()).not.toContain('here__extra');
		// The gateway opens its stream for changes after the handshake: until then nobody tells it.
		await soon(async () => {
			if (!(await names()).includes('here__extra')) await ask('tools/call', { name: 'here__toggle_tool' });
			return names();
		}).toContain('here__extra');
		expect((await ask('tools/call', { name: 'here__extra' })).result.content[0].text).toContain('extra');
	});

	it('shows at once to a call of the new tool, even where nobody announced it', async () => {
		const server = keepShort(await startLegacyHttp({ getStream: false }));
		const { gateway, ask } = keepShort(await gatewayWith({ here: http(server.url) }));
		await ask('tools/call', { name: 'here__toggle_tool' });
		// An unknown name makes the gateway ask again, but not more often than every two seconds.
		await soon(async () => {
			return (await ask('tools/call', { name: 'here__extra' })).result;
		}).toMatchObject({ content: [{ type: 'text' }] });
		expect(listsSeen(server)).toBeLessThan(5);
		expect(gateway.audit().some((line) => line['tool'] === 'extra')).toBe(true);
	});
});

describe('a changed configuration', () => {
	it('changes the lists at once, and forgets what a server said before', async () => {
		const first = keepShort(await startLegacyHttp({ canary: 'FIRST' }));
		const second = keepShort(await startLegacyHttp({ canary: 'SECOND' }));
		const { gateway, ask, names } = keepShort(await gatewayWith({ here: http(first.url) }));
		expect(JSON.stringify(await ask('tools/list'))).toContain('[FIRST]');
		const configure = (gate: TestGateway, servers: object) =>
			gate.reconfigure({ workspaces: { google: { servers } }, grants: GRANTS });
		await configure(gateway, { here: http(second.url) });
		expect(JSON.stringify(await ask('tools/list'))).not.toContain('[FIRST]');
		await configure(gateway, { here: { ...http(second.url), enabled: false } });
		expect(await names()).toEqual([]);
		await configure(gateway, { here: { ...http(second.url), tools: { rules: { echo: { enabled: false } } } } });
		expect(await names()).not.toContain('here__echo');
		expect(await names()).toContain('here__add');
		expect((await ask('tools/call', { name: 'here__echo' })).error.code).toBe(-32602);
	});
});
