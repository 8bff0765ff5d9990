import { afterEach, describe, expect, it } from 'vitest';
import { type LegacyHttpFixture, startLegacyHttp } from '../../test/fakes/upstream.ts';
import { DEFAULT_UPSTREAM_LIMITS } from '../config/limits.ts';
import type { NetworkTransport, Server, UpstreamLimits } from '../config/snapshot.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import { scopeKey } from '../lib/scope.ts';
import type { ListKind } from '../mcp/methods.ts';
import { createCatalog, type ListWanted } from './catalog.ts';
import { openHttpWire } from './http-wire.ts';
import { createPools } from './pools.ts';
import { createSessions } from './sessions.ts';
import type { Target } from './target.ts';

const soon = <T>(get: () => T) => expect.poll(get, { timeout: 4_000, interval: 10 });

type NetworkServer = Server & { readonly transport: NetworkTransport };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function targetOf(url: string, limits: Partial<UpstreamLimits> = {}): Target & { readonly server: NetworkServer } {
	const server = {
		workspace: 'google',
		slug: 'here',
		revision: 'r1',
		era: 'legacy',
		transport: { kind: 'http', url, headers: new Map() },
		limits: { ...DEFAULT_UPSTREAM_LIMITS, ...limits },
	} as unknown as NetworkServer;
	const key = scopeKey({ workspace: 'google', server: 'here', revision: 'r1', credential: 'c', principal: null });
	return { server, credential: { id: 'c', key, headers: {}, env: {} } };
}

/** A catalogue over real sessions with a real server that never announces a change by itself. */
async function setUp(limits: Partial<UpstreamLimits> = {}) {
	const fixture = await startLegacyHttp({ canary: 'C', pageSize: 5, getStream: false });
	cleanups.push(() => fixture.close());
	const target = targetOf(fixture.url, limits);
	const pools = createPools();
	const sessions = createSessions({
		async openWire({ server, credential }, events) {
			const { pool, url } = pools.poolFor(server as NetworkServer, credential);
			const shared = { credentialHeaders: credential.headers, events, misdirected: () => undefined };
			return openHttpWire({ ...shared, server: server as NetworkServer, url, pool });
		},
		onNotification: (key, { method }) => catalog.invalidate(key, method),
		onReopened: () => undefined,
	});
	cleanups.push(async () => {
		await sessions.close();
		await pools.close();
	});
	const clock = { now: 1_000_000 };
	const catalog = createCatalog({ sessions, now: () => clock.now });
	const wanted = (kind: ListKind = 'tools', more: Partial<ListWanted> = {}): ListWanted => ({
		target,
		kind,
		profile: '{}',
		signal: undefined,
		...more,
	});
	return { fixture, catalog, target, clock, wanted, names: async () => namesOf((await catalog.list(wanted())).items) };
}

const namesOf = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);

/** How often the server was asked for a list from its beginning. */
const asked = (fixture: LegacyHttpFixture, method = 'tools/list') =>
	fixture.seen.filter((each) => each.method === method && !each.text.includes('cursor')).length;

/** Changes what the server lists. */
async function toggle(fixture: LegacyHttpFixture): Promise<void> {
	const session = await fetch(fixture.url, {
		method: 'POST',
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }),
	});
	await session.text();
	const headers = { 'mcp-session-id': session.headers.get('mcp-session-id') ?? '' };
	const params = { name: 'toggle_tool', arguments: {} };
	const body = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
	await (await fetch(fixture.url, { method: 'POST', headers, body })).text();
}

describe('a list', () => {
	it('is read once with all its pages, and found by name', async () => {
		const { catalog, fixture, wanted } = await setUp();
		const list = await catalog.list(wanted());
		expect(list).toMatchObject({ era: 'legacy', outdated: false });
		expect(list.items).toHaveLength(18);
		expect(list.byName.get('echo')?.text).toContain('"x-vendor":{"origin":"fixture"');
		expect(list.byName.get('echo')?.readOnly).toBe(true);
		expect(list.byName.get('remember')?.readOnly).toBe(false);
		expect(await catalog.list(wanted())).toBe(list);
		expect(asked(fixture)).toBe(1);
	});

	it('is read once when many ask at the same time', async () => {
		const { catalog, fixture, wanted } = await setUp();
		const lists = await Promise.all(Array.from({ length: 20 }, () => catalog.list(wanted())));
		expect(new Set(lists).size).toBe(1);
		expect(asked(fixture)).toBe(1);
	});

	it('is one of its kind and of the capabilities it was asked with', async () => {
		const { catalog, fixture, wanted } = await setUp();
		await Promise.all(
			(['tools', 'prompts', 'resources', 'templates'] as const).map((kind) => catalog.list(wanted(kind))),
		);
		expect(namesOf((await catalog.list(wanted('prompts'))).items)).toContain('test_simple_prompt');
		expect(namesOf((await catalog.list(wanted('templates'))).items)).toEqual(['test://template/{id}/data']);
		await catalog.list(wanted('tools', { profile: '{"sampling":{}}' }));
		expect(asked(fixture)).toBe(2);
		expect(asked(fixture, 'prompts/list')).toBe(1);
	});

	it('is new when a change was announced, and only a list of that kind', async () => {
		const { catalog, fixture, names, wanted, target, clock } = await setUp();
		await names();
		await catalog.list(wanted('prompts'));
		await toggle(fixture);
		expect(await names()).not.toContain('extra');
		clock.now += 1;
		catalog.invalidate(target.credential.key, 'notifications/tools/list_changed');
		expect(await names()).toContain('extra');
		await catalog.list(wanted('prompts'));
		expect([asked(fixture), asked(fixture, 'prompts/list')]).toEqual([2, 1]);
	});

	it('of resources and of templates are both new when resources changed', async () => {
		const { catalog, fixture, wanted, target, clock } = await setUp();
		for (const kind of ['resources', 'templates'] as const) await catalog.list(wanted(kind));
		clock.now += 1;
		catalog.invalidate(target.credential.key, 'notifications/resources/list_changed');
		for (const kind of ['resources', 'templates'] as const) await catalog.list(wanted(kind));
		expect([asked(fixture, 'resources/list'), asked(fixture, 'resources/templates/list')]).toEqual([2, 2]);
	});

	it('that has grown old is answered as it is, and read anew behind it', async () => {
		const { fixture, names, clock } = await setUp({ listAgeMs: 1_000 });
		await names();
		await toggle(fixture);
		clock.now += 1_001;
		expect(await names()).not.toContain('extra');
		await soon(names).toContain('extra');
		expect(asked(fixture)).toBe(2);
	});
});

describe('a list asked for again', () => {
	it('is read again, but not twice within two seconds', async () => {
		const { catalog, fixture, clock, wanted } = await setUp();
		await catalog.list(wanted());
		await toggle(fixture);
		clock.now += 1_999;
		expect((await catalog.listAgain(wanted())).byName.has('extra')).toBe(false);
		clock.now += 1;
		expect((await catalog.listAgain(wanted())).byName.has('extra')).toBe(true);
		expect((await catalog.listAgain(wanted())).byName.has('extra')).toBe(true);
		expect(asked(fixture)).toBe(2);
	});
});

describe('a list of a server that is down', () => {
	it('is an error while there is none to fall back on', async () => {
		const { catalog, fixture, wanted, clock } = await setUp();
		fixture.setBehaviour({ hostile: { kind: 'html-500' } });
		expect(await Promise.resolve(catalog.list(wanted())).catch(errorCode)).toBe('PC_UPSTREAM_FAILED');
		fixture.setBehaviour({ hostile: undefined });
		clock.now += 10_000;
		expect((await catalog.list(wanted())).outdated).toBe(false);
	});

	it('is the last known one and says so, is not asked for at each call, and recovers', async () => {
		const { catalog, fixture, wanted, target, clock } = await setUp();
		const good = await catalog.list(wanted());
		fixture.setBehaviour({ hostile: { kind: 'html-500' } });
		clock.now += 1;
		catalog.invalidate(target.credential.key, 'notifications/tools/list_changed');
		const old = await catalog.list(wanted());
		expect(old).toEqual({ ...good, outdated: true });
		const before = asked(fixture);
		expect(await catalog.list(wanted())).toBe(old);
		clock.now += 5_000;
		expect(await catalog.list(wanted())).toBe(old);
		expect(asked(fixture)).toBe(before);
		fixture.setBehaviour({ hostile: undefined });
		clock.now += 1;
		await soon(() => catalog.list(wanted())).toMatchObject({ outdated: false });
	});

	it('that has also grown old is not asked for at each call either', async () => {
		const { catalog, fixture, wanted, clock } = await setUp({ listAgeMs: 1_000 });
		await catalog.list(wanted());
		fixture.setBehaviour({ hostile: { kind: 'html-500' } });
		clock.now += 1_001;
		await catalog.list(wanted());
		await soon(async () => (await catalog.list(wanted())).outdated).toBe(true);
		const before = asked(fixture);
		for (let call = 0; call < 10; call++) {
			await catalog.list(wanted());
			// A turn of the event loop, so that a reading behind the answer would reach the server.
			await fetch(fixture.url, { method: 'PUT' });
		}
		expect(asked(fixture)).toBe(before);
	});

	it('keeps nobody waiting, however slow the server is to fail again', async () => {
		const { catalog, fixture, wanted, target, clock } = await setUp();
		await catalog.list(wanted());
		fixture.setBehaviour({ hostile: { kind: 'html-500' } });
		clock.now += 1;
		catalog.invalidate(target.credential.key, 'notifications/tools/list_changed');
		const old = await catalog.list(wanted());
		fixture.setBehaviour({ hostile: { kind: 'never' } });
		clock.now += 5_001;
		expect(await catalog.list(wanted())).toBe(old);
		expect(await catalog.list(wanted())).toBe(old);
	});

	it('is read again at once when the server has only forgotten the session', async () => {
		const { catalog, fixture, wanted, target, clock } = await setUp();
		await catalog.list(wanted());
		fixture.dropSessions();
		clock.now += 1;
		catalog.invalidate(target.credential.key, 'notifications/tools/list_changed');
		expect((await catalog.list(wanted())).outdated).toBe(false);
		expect(fixture.sessionCount()).toBe(1);
	});

	it('is not waited for longer than the caller waits', async () => {
		const { catalog, fixture, wanted, target, clock } = await setUp();
		const first = Promise.resolve(catalog.list(wanted('tools', { signal: AbortSignal.abort() })));
		expect(await first.catch(errorCode)).toBe('PC_CALL_CANCELLED');
		const good = await catalog.list(wanted());
		fixture.setBehaviour({ hostile: { kind: 'never' } });
		clock.now += 1;
		catalog.invalidate(target.credential.key, 'notifications/tools/list_changed');
		const late = await catalog.list(wanted('tools', { signal: AbortSignal.abort() }));
		expect(late).toEqual({ ...good, outdated: true });
	});
});

describe('retired scopes', () => {
	it('are forgotten, kept ones are not', async () => {
		const { catalog, fixture, wanted } = await setUp();
		await catalog.list(wanted());
		catalog.retire(() => true);
		await catalog.list(wanted());
		expect(asked(fixture)).toBe(1);
		catalog.retire(() => false);
		await catalog.list(wanted());
		expect(asked(fixture)).toBe(2);
	});
});
