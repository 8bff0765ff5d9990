import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	type HttpFixture,
	type LegacyHttpFixture,
	type LegacySseFixture,
	readStdioLog,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';
import {
	keepForFile,
	keepForTest,
	type OpenStream,
	openPlainSession,
	openStream,
	type PlainSession,
	soon,
} from './protocol-clients.ts';

const UPDATED = 'notifications/resources/updated';
const TOOLS_CHANGED = 'notifications/tools/list_changed';
const TEXT = 'test://static-text';
const BINARY = 'test://static-binary';

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let http: LegacyHttpFixture;
let sse: LegacySseFixture;
let fresh: HttpFixture;
let logPath: string;
let newLogPath: string;
let people: Readonly<Record<'ada' | 'bob' | 'eve', { readonly authorization: string }>>;

beforeAll(async () => {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-log-'));
	keep({ close: async () => rmSync(folder, { recursive: true, force: true }) });
	logPath = join(folder, 'child.jsonl');
	newLogPath = join(folder, 'new-child.jsonl');
	http = keep(await startLegacyHttp({ canary: 'HTTP' }));
	sse = keep(await startLegacySse({ canary: 'SSE' }));
	fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	const servers = {
		http: { transport: 'http', url: http.url },
		sse: { transport: 'sse', url: sse.url },
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD', era: 'legacy', logPath }) },
		'new-child': { transport: 'stdio', ...stdioServer({ canary: 'NEW', era: 'modern', logPath: newLogPath }) },
		fresh: { transport: 'http', url: fresh.url },
		own: { transport: 'stdio', isolation: 'principal', ...stdioServer({ canary: 'OWN', era: 'legacy' }) },
	};
	const microsoft = {
		http: { transport: 'http', url: keep(await startLegacyHttp({ canary: 'MS-HTTP' })).url },
		fresh: { transport: 'http', url: keep(await startModernHttp({ canary: 'MS-FRESH' })).url },
	};
	const single = { only: { transport: 'http', url: keep(await startLegacyHttp({ canary: 'ONLY' })).url } };
	const grants = [
		{ group: 'G', workspace: 'google', access: 'write' },
		{ group: 'M', workspace: 'microsoft', access: 'write' },
		{ group: 'S', workspace: 'single', access: 'write' },
	];
	const workspaces = { google: { servers }, microsoft: { servers: microsoft }, single: { servers: single } };
	gateway = keep(await startGateway({ workspaces, grants }));
	const person = (group: string, oid: string) => ({ authorization: `Bearer ${gateway.tokenFor([group], { oid })}` });
	people = { ada: person('G', 'ada'), bob: person('G', 'bob'), eve: person('M', 'eve') };
});

type Name = keyof typeof people;

const wrapped = (server: string, uri: string, workspace = 'google') =>
	`portcullis://${workspace}/${server}/${encodeURIComponent(uri)}`;

/** Calls a tool at the server's own address. */
async function call(server: string, name: string, args: object = {}, who: Name = 'ada'): Promise<void> {
	const workspace = who === 'eve' ? 'microsoft' : 'google';
	const { body, headers } = modern('tools/call', { name, arguments: args });
	const answer = await post(`${gateway.url}/w/${workspace}/s/${server}/mcp`, body, { ...people[who], ...headers });
	expect(answer.json.error).toBeUndefined();
}

async function listen(who: Name, path: string, filter: object): Promise<OpenStream> {
	const { body, headers } = modern('subscriptions/listen', { notifications: filter }, `of-${who}`);
	const stream = keepShort(await openStream(gateway.url + path, { ...people[who], ...headers }, body));
	expect((await stream.next()).method).toBe('notifications/subscriptions/acknowledged');
	return stream;
}

async function sessionWithStream(who: Name, path: string): Promise<PlainSession & { readonly stream: OpenStream }> {
	const session = await openPlainSession(gateway.url + path, people[who]);
	return { ...session, stream: keepShort(await openStream(gateway.url + path, session.headers)) };
}

/** Resources that each server has been asked to tell of, in the order it was asked. */
const asked: Readonly<Record<string, () => readonly string[]>> = {
	http: () => legacyAsked(http.seen),
	sse: () => legacyAsked(sse.seen),
	child: () => legacyAsked(readStdioLog(logPath)),
	fresh: () => modernAsked(fresh.seen),
	'new-child': () => modernAsked(readStdioLog(newLogPath)),
};

interface Seen {
	readonly method?: string | undefined;
	readonly name?: string | undefined;
	readonly body?: unknown;
}

const legacyAsked = (seen: readonly Seen[]) =>
	seen.flatMap(({ method, name }) =>
		method === 'resources/subscribe' ? [`+${name}`] : method === 'resources/unsubscribe' ? [`-${name}`] : [],
	);

const modernAsked = (seen: readonly Seen[]) =>
	seen.flatMap(({ method, body }) => {
		if (method !== 'subscriptions/listen') return [];
		const { params } = body as { params: { notifications: { resourceSubscriptions?: string[] } } };
		return [(params.notifications.resourceSubscriptions ?? []).join(' ')];
	});

describe('two people who watch resources of one server', () => {
	it.each(['http', 'sse', 'child', 'new-child', 'fresh'])('at %s hear each of their own', async (server) => {
		const [ada, bob] = [await sessionWithStream('ada', '/mcp'), await sessionWithStream('bob', '/w/google/mcp')];
		const modernAda = await listen('ada', '/w/google/mcp', { resourceSubscriptions: [wrapped(server, BINARY)] });
		await ada.request('resources/subscribe', { uri: wrapped(server, TEXT) });
		await bob.request('resources/subscribe', { uri: wrapped(server, BINARY) });
		await call(server, 'touch', { uri: BINARY });
		await call(server, 'touch', { uri: TEXT });
		expect((await ada.stream.next()).params).toEqual({ uri: wrapped(server, TEXT) });
		expect((await bob.stream.next()).params).toEqual({ uri: wrapped(server, BINARY) });
		expect((await modernAda.next()).params.uri).toBe(wrapped(server, BINARY));
		await call(server, 'toggle_tool');
		for (const { stream } of [ada, bob]) expect((await stream.next()).method).toBe(TOOLS_CHANGED);
		for (const { id, headers } of [ada, bob]) {
			expect(id).not.toBe('');
			for (const path of ['/mcp', '/w/google/mcp']) await fetch(gateway.url + path, { method: 'DELETE', headers });
		}
	});
});

describe('a server', () => {
	it.each(['http', 'sse', 'child'])(
		'like %s is asked once for each resource, until the last has gone',
		async (server) => {
			const url = `${gateway.url}/w/google/mcp`;
			const uri = wrapped(server, TEXT);
			const [ada, bob] = [await openPlainSession(url, people.ada), await openPlainSession(url, people.bob)];
			const before = asked[server]!().length;
			const since = () => asked[server]!().slice(before);
			await ada.request('resources/subscribe', { uri });
			await ada.request('resources/subscribe', { uri });
			await bob.request('resources/subscribe', { uri });
			const stream = await listen('bob', '/mcp', { resourceSubscriptions: [uri] });
			expect(since()).toEqual([`+${TEXT}`]);
			await ada.request('resources/unsubscribe', { uri });
			await ada.request('resources/unsubscribe', { uri });
			await fetch(url, { method: 'DELETE', headers: bob.headers });
			await call(server, 'touch', { uri: TEXT });
			expect((await stream.next()).method).toBe(UPDATED);
			expect(since()).toEqual([`+${TEXT}`]);
			await stream.close();
			await soon(since).toEqual([`+${TEXT}`, `-${TEXT}`]);
		},
	);

	it.each(['fresh', 'new-child'])('like %s is asked for all of them together, and for fewer again', async (server) => {
		const url = `${gateway.url}/w/google/mcp`;
		const ada = await openPlainSession(url, people.ada);
		const before = asked[server]!().length;
		const since = () =>
			asked[server]!()
				.slice(before)
				.filter((uris, at, all) => uris !== all[at - 1]);
		await ada.request('resources/subscribe', { uri: wrapped(server, TEXT) });
		const stream = await listen('bob', '/mcp', {
			resourceSubscriptions: [TEXT, BINARY].map((uri) => wrapped(server, uri)),
		});
		await soon(() => since().at(-1)).toBe(`${TEXT} ${BINARY}`);
		await stream.close();
		await soon(() => since().at(-1)).toBe(TEXT);
		await fetch(url, { method: 'DELETE', headers: ada.headers });
		await soon(() => since().at(-1)).toBe('');
	});
});

describe('two workspaces with servers and resources of the same names', () => {
	it('hear nothing of each other', async () => {
		const filter = (workspace: string) => ({
			toolsListChanged: true,
			resourceSubscriptions: ['http', 'fresh'].map((server) => wrapped(server, TEXT, workspace)),
		});
		const [ada, eve] = [
			await listen('ada', '/mcp', filter('google')),
			await listen('eve', '/mcp', filter('microsoft')),
		];
		const old = await sessionWithStream('eve', '/w/microsoft/mcp');
		await old.request('resources/subscribe', { uri: wrapped('http', TEXT, 'microsoft') });
		for (const server of ['http', 'fresh']) {
			await call(server, 'touch', { uri: TEXT });
			await call(server, 'toggle_tool');
		}
		for (const server of ['http', 'fresh']) await call(server, 'touch', { uri: TEXT }, 'eve');
		for (const server of ['http', 'fresh'])
			expect((await eve.next()).params.uri).toBe(wrapped(server, TEXT, 'microsoft'));
		expect((await old.stream.next()).params).toEqual({ uri: wrapped('http', TEXT, 'microsoft') });
		const heard = [await ada.next(), await ada.next(), await ada.next()].map(
			({ method, params }) => params.uri ?? method,
		);
		expect(heard.sort()).toEqual([TOOLS_CHANGED, wrapped('fresh', TEXT), wrapped('http', TEXT)].sort());
	});

	it('cannot watch each other’s, and learn nothing by trying', async () => {
		const eve = await openPlainSession(`${gateway.url}/mcp`, people.eve);
		const texts = [];
		for (const uri of [wrapped('http', TEXT), wrapped('http', TEXT, 'nowhere'), wrapped('sse', TEXT)]) {
			const { status, json } = await eve.request('resources/subscribe', { uri });
			expect([status, json.error.code, json.error.data.code]).toEqual([200, -32602, 'PC_RESOURCE_UNKNOWN']);
			texts.push(json.error.message);
		}
		expect(new Set(texts).size).toBe(1);
		const { body, headers } = modern('subscriptions/listen', {
			notifications: { resourceSubscriptions: [wrapped('http', TEXT), wrapped('http', TEXT, 'microsoft')] },
		});
		const stream = keepShort(await openStream(`${gateway.url}/mcp`, { ...people.eve, ...headers }, body));
		const { params } = await stream.next();
		expect(params.notifications).toEqual({ resourceSubscriptions: [wrapped('http', TEXT, 'microsoft')] });
	});
});

describe('a server of which each person has their own', () => {
	it('tells nobody of the changes of another', async () => {
		const filter = { toolsListChanged: true, resourceSubscriptions: [wrapped('own', TEXT)] };
		const [ada, bob] = [await listen('ada', '/mcp', filter), await listen('bob', '/w/google/mcp', filter)];
		await call('own', 'touch', { uri: TEXT }, 'ada');
		await call('own', 'toggle_tool', {}, 'ada');
		await call('own', 'touch', { uri: TEXT }, 'bob');
		expect([(await ada.next()).method, (await ada.next()).method]).toEqual([UPDATED, TOOLS_CHANGED]);
		expect((await bob.next()).method).toBe(UPDATED);
		await call('own', 'touch', { uri: TEXT }, 'bob');
		expect((await bob.next()).method).toBe(UPDATED);
	});
});

describe('a plain URI of an aggregate', () => {
	it('is told as it is, under the id of the subscription as it was spelled', async () => {
		const authorization = { authorization: `Bearer ${gateway.tokenFor(['S'], { oid: 'sam' })}` };
		const url = `${gateway.url}/w/single/mcp`;
		const { body, headers } = modern('subscriptions/listen', { notifications: { resourceSubscriptions: [TEXT] } }, 7);
		const stream = keepShort(await openStream(url, { ...authorization, ...headers }, body));
		await stream.next();
		const touch = (uri: string) => {
			const message = modern('tools/call', { name: 'only__touch', arguments: { uri } });
			return post(url, message.body, { ...authorization, ...message.headers });
		};
		await touch(TEXT);
		expect((await stream.next()).params).toEqual({
			uri: TEXT,
			_meta: { 'io.modelcontextprotocol/subscriptionId': 7 },
		});
	});
});

describe('several streams of one session', () => {
	it('get one copy together: the newest, and when it closes the one before', async () => {
		const url = `${gateway.url}/w/google/mcp`;
		const uri = wrapped('http', TEXT);
		const session = await openPlainSession(url, people.ada);
		await session.request('resources/subscribe', { uri });
		const streams = [];
		for (let count = 0; count < 3; count++) streams.push(keepShort(await openStream(url, session.headers)));
		const heard: string[][] = [[], [], []];
		const reading = streams.map(async (stream, at) => {
			for (
				let next = await stream.next().catch(() => undefined);
				next;
				next = await stream.next().catch(() => undefined)
			)
				heard[at]?.push(next.method);
		});
		await call('http', 'touch', { uri: TEXT });
		await call('http', 'toggle_tool');
		await soon(() => heard).toEqual([[], [], [UPDATED, TOOLS_CHANGED]]);
		await streams[2]?.close();
		await soon(async () => {
			await call('http', 'touch', { uri: TEXT });
			return heard[1]?.includes(UPDATED);
		}).toBe(true);
		await call('http', 'toggle_tool');
		await soon(() => heard[1]?.includes(TOOLS_CHANGED)).toBe(true);
		expect([heard[0], heard[2]]).toEqual([[], [UPDATED, TOOLS_CHANGED]]);
		await fetch(url, { method: 'DELETE', headers: session.headers });
		await Promise.all(reading);
	});

	it('share what happened while there was none', async () => {
		const url = `${gateway.url}/w/google/mcp`;
		const uri = wrapped('child', TEXT);
		const session = await openPlainSession(url, people.ada);
		await session.request('resources/subscribe', { uri });
		for (let count = 0; count < 3; count++) await call('child', 'touch', { uri: TEXT });
		const stream = keepShort(await openStream(url, session.headers));
		expect((await stream.next()).params).toEqual({ uri });
		await call('child', 'toggle_tool');
		expect((await stream.next()).method).toBe(TOOLS_CHANGED);
		await fetch(url, { method: 'DELETE', headers: session.headers });
	});
});

describe('the number of resources', () => {
	const many = (count: number) => Array.from({ length: count }, (_, at) => wrapped('http', `test://many/${at}`));

	it('that a modern subscription names is at most 1,000', async () => {
		for (const count of [999, 1_000]) {
			const { body, headers } = modern('subscriptions/listen', {
				notifications: { resourceSubscriptions: many(count) },
			});
			const stream = keepShort(await openStream(`${gateway.url}/mcp`, { ...people.ada, ...headers }, body));
			expect((await stream.next()).params.notifications.resourceSubscriptions).toHaveLength(count);
			await stream.close();
		}
		const { body, headers } = modern('subscriptions/listen', { notifications: { resourceSubscriptions: many(1_001) } });
		const { status, json } = await post(`${gateway.url}/mcp`, body, { ...people.ada, ...headers });
		expect([status, json.error.code, json.error.data.code]).toEqual([200, -31429, 'PC_SUBSCRIPTIONS_FULL']);
	});

	it('that a session watches is at most 1,000, and one place is free again after one is given up', async () => {
		const url = `${gateway.url}/mcp`;
		const session = await openPlainSession(url, people.ada);
		const subscribe = async (uri: string) => (await session.request('resources/subscribe', { uri })).json;
		const [first, ...others] = many(1_001);
		const answers = await Promise.all(others.map(subscribe));
		expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
		expect((await subscribe(first!)).error.data.code).toBe('PC_SUBSCRIPTIONS_FULL');
		expect((await subscribe(others[0]!)).result).toEqual({});
		await session.request('resources/unsubscribe', { uri: others[0] });
		expect((await subscribe(first!)).result).toEqual({});
		expect((await subscribe(others[0]!)).error.data.code).toBe('PC_SUBSCRIPTIONS_FULL');
		await fetch(url, { method: 'DELETE', headers: session.headers });
	});
});
