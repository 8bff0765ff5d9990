import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { codeOf, until } from './failure-calls.ts';
import { openSse } from './protocol-sse.ts';

let gateway: TestGateway;
let upstream: LegacyHttpFixture;

beforeEach(async () => {
	upstream = await startLegacyHttp({ canary: 'UP' });
	gateway = await startGateway(config());
});
afterEach(async () => {
	await gateway.close();
	await upstream.close();
});

interface Choices {
	readonly google?: object;
	readonly microsoft?: object;
	readonly grants?: readonly object[];
	readonly top?: object;
}

const GRANTS = [
	{ group: 'A', workspace: 'google', access: 'write' },
	{ group: 'B', workspace: 'microsoft', access: 'write' },
];

function config({ google = {}, microsoft = {}, grants = GRANTS, top = {} }: Choices = {}) {
	const servers = { s: { transport: 'http', url: upstream.url } };
	return { workspaces: { google: { servers, ...google }, microsoft: { servers, ...microsoft } }, grants, ...top };
}

/** A stream that somebody has open. */
interface Stream {
	readonly name: string;
	/** What it brought so far. */
	text(): string;
	isOpen(): boolean;
	close(): void;
}

const INITIALIZE = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };

async function follow(name: string, path: string, init: RequestInit): Promise<Stream> {
	const controller = new AbortController();
	const accept = { accept: 'application/json, text/event-stream' };
	const headers = { ...accept, ...(init.headers as Record<string, string>) };
	const response = await fetch(gateway.url + path, { ...init, headers, signal: controller.signal });
	expect(response.status, name).toBe(200);
	let text = '';
	let open = true;
	const read = async () => {
		for await (const chunk of response.body as ReadableStream<Uint8Array>) text += Buffer.from(chunk).toString('utf8');
	};
	void read()
		.catch(() => undefined)
		.finally(() => {
			open = false;
		});
	return { name, text: () => text, isOpen: () => open, close: () => controller.abort() };
}

const groupsOf = (who: string): readonly string[] => [...who];
/** How long the tokens last that are made from now on, seconds. */
let lifeS = 3_600;

function bearer(who: string) {
	const claims = { oid: `oid-${who}`, exp: Math.floor(Date.now() / 1_000) + lifeS };
	return { authorization: `Bearer ${gateway.tokenFor(groupsOf(who), claims)}` };
}

async function getStream(who: string, path: string): Promise<Stream> {
	const started = await post(gateway.url + path, legacy('initialize', INITIALIZE), bearer(who));
	const session = { ...bearer(who), 'mcp-session-id': started.headers.get('mcp-session-id') ?? '' };
	return follow(`${who} GET ${path}`, path, { headers: session });
}

async function subscription(who: string, path: string): Promise<Stream> {
	const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 7);
	const json = { 'content-type': 'application/json', ...headers, ...bearer(who) };
	return follow(`${who} listen ${path}`, path, { method: 'POST', headers: json, body: JSON.stringify(body) });
}

const sseStream = (who: string, path: string): Promise<Stream> =>
	follow(`${who} SSE ${path}`, path.replace(/mcp$/, 'sse'), { headers: bearer(who) });

/** Streams of one person through every door, at addresses of the workspace and of everything. */
async function streamsOf(who: string, workspace: string): Promise<readonly Stream[]> {
	return [
		await getStream(who, `/w/${workspace}/s/s/mcp`),
		await getStream(who, `/w/${workspace}/mcp`),
		await getStream(who, '/mcp'),
		await subscription(who, `/w/${workspace}/mcp`),
		await subscription(who, '/mcp'),
		await sseStream(who, `/w/${workspace}/mcp`),
		await sseStream(who, '/mcp'),
	];
}

const openOnes = (streams: readonly Stream[]): readonly string[] =>
	streams.filter((stream) => stream.isOpen()).map(({ name }) => name);
const namesOf = (streams: readonly Stream[]): readonly string[] => streams.map(({ name }) => name);

async function allEnd(streams: readonly Stream[]): Promise<void> {
	await until(() => openOnes(streams).length === 0);
}

/** A round trip through everything, so that what was going to end has ended. */
async function settle(): Promise<void> {
	for (let round = 0; round < 5; round++) await post(`${gateway.url}/mcp`, legacy('tools/list'), bearer('B'));
}

describe('a token that expires', () => {
	afterEach(() => {
		lifeS = 3_600;
	});

	it('ends the streams that were opened with it, through every door, and no others', async () => {
		lifeS = 8;
		const brief = await streamsOf('A', 'google');
		lifeS = 3_600;
		const long = await streamsOf('A', 'google');
		expect(openOnes(brief)).toEqual(namesOf(brief));
		await allEnd(brief);
		expect(brief[3]?.text()).toContain('"resultType":"complete"');
		await settle();
		expect(openOnes(long)).toEqual(namesOf(long));
		for (const stream of long) stream.close();
	});

	it('keeps no session of HTTP+SSE from going on under the next one', async () => {
		lifeS = 6;
		const renewed = await openSse(`${gateway.url}/w/google/sse`, bearer('A'));
		const left = await sseStream('A', '/w/google/mcp');
		lifeS = 3_600;
		await renewed.post(legacy('ping', {}, 1), bearer('A'));
		expect(await renewed.next()).toMatchObject({ id: 1, result: {} });
		await allEnd([left]);
		await renewed.post(legacy('ping', {}, 2), bearer('A'));
		expect(await renewed.next()).toMatchObject({ id: 2, result: {} });
		await renewed.close();
	});

	it('opens none during the minute in which calls are still taken', async () => {
		lifeS = -5;
		expect((await post(`${gateway.url}/w/google/mcp`, legacy('ping'), bearer('A'))).status).toBe(200);
		const started = await post(`${gateway.url}/w/google/mcp`, legacy('initialize', INITIALIZE), bearer('A'));
		const session = { 'mcp-session-id': started.headers.get('mcp-session-id') ?? '' };
		const accept = { accept: 'text/event-stream' };
		for (const [path, more] of [['/w/google/mcp', session] as const, ['/w/google/sse', {}] as const]) {
			const answer = await fetch(gateway.url + path, { headers: { ...accept, ...more, ...bearer('A') } });
			expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining('PC_TOKEN_EXPIRED')]);
		}
	});
});

describe('a change of one workspace', () => {
	it.each([
		['a rule', { google: { servers: { s: { tools: { rules: { echo: { enabled: false } } } } } } }],
		['a title', { google: { title: 'Another' } }],
		['a toolset', { google: { toolsets: { t: { tools: [] } } } }],
	])('(%s) ends the streams of whoever is in it, and leaves those of others open', async (_, { google }) => {
		const [inA, inB, inBoth] = [
			await streamsOf('A', 'google'),
			await streamsOf('B', 'microsoft'),
			await streamsOf('AB', 'microsoft'),
		];
		const servers = { s: { transport: 'http', url: upstream.url, ...('servers' in google && google.servers.s) } };
		await gateway.reconfigure(config({ google: { ...google, servers } }));
		await allEnd([...inA, ...inBoth]);
		await settle();
		expect(openOnes(inB)).toEqual(namesOf(inB));
		for (const stream of inB) stream.close();
	});

	it('leaves streams of others alive, not only open: they go on telling of changes', async () => {
		const streams = [await subscription('B', '/w/microsoft/mcp'), await getStream('B', '/w/microsoft/s/s/mcp')];
		await gateway.reconfigure(config({ google: { title: 'Another' } }));
		await settle();
		const way = { path: '/w/microsoft/mcp', era: 'legacy' as const, prefix: 's__' };
		const params = { name: `${way.prefix}toggle_tool`, arguments: {} };
		expect(codeOf(await post(gateway.url + way.path, legacy('tools/call', params), bearer('B')))).toBe('ok');
		await until(() => streams[0]?.text().includes('notifications/tools/list_changed') === true);
		for (const stream of streams) stream.close();
	});

	it('that is none ends nothing', async () => {
		const streams = [await subscription('AB', '/mcp'), await getStream('A', '/mcp')];
		const version = gateway.snapshots.current().version;
		await gateway.reconfigure(config());
		await settle();
		expect([gateway.snapshots.current().version, openOnes(streams)]).toEqual([version, namesOf(streams)]);
		for (const stream of streams) stream.close();
	});
});

describe('a change of what somebody holds', () => {
	it.each([
		['withdrawn', GRANTS.slice(1)],
		['weakened', [{ ...GRANTS[0], access: 'read' }, GRANTS[1]]],
		['given', [...GRANTS, { group: 'A', workspace: 'microsoft', access: 'read' }]],
	])('ends the streams when a grant is %s, and nobody else’s', async (_, grants) => {
		const [inA, inB] = [await streamsOf('A', 'google'), await streamsOf('B', 'microsoft')];
		await gateway.reconfigure(config({ grants: grants as readonly object[] }));
		await allEnd(inA);
		await settle();
		expect(openOnes(inB)).toEqual(namesOf(inB));
		for (const stream of inB) stream.close();
	});

	it('ends nothing when another rule gives the same', async () => {
		const streams = await streamsOf('A', 'google');
		const grants = [{ group: 'Other', workspace: 'google', access: 'read' }, ...GRANTS];
		await gateway.reconfigure(config({ grants }));
		await settle();
		expect(openOnes(streams)).toEqual(namesOf(streams));
		for (const stream of streams) stream.close();
	});
});

describe('a change of what holds for everybody', () => {
	it.each([
		['a limit', { limits: { jsonDepth: 33 } }],
		['a name', { hosts: ['other.example'] }],
	])('(%s) ends every stream', async (_, top) => {
		const streams = [...(await streamsOf('A', 'google')), ...(await streamsOf('B', 'microsoft'))];
		await gateway.reconfigure(config({ top }));
		await allEnd(streams);
	});
});

it('a stream whose body is still on its way when its grant goes is not opened', async () => {
	const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 7);
	const text = JSON.stringify(body);
	let send: ((rest: string) => void) | undefined;
	const slow = new ReadableStream<Uint8Array>({
		start(controller) {
			controller.enqueue(Buffer.from(text.slice(0, 10)));
			send = (rest) => {
				controller.enqueue(Buffer.from(rest));
				controller.close();
			};
		},
	});
	const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers };
	const init = { method: 'POST', headers: { ...json, ...bearer('A') }, body: slow, duplex: 'half' } as RequestInit;
	const opened = fetch(`${gateway.url}/w/google/mcp`, init).then(
		(response) => response.status,
		() => 'broken',
	);
	// Time for the caller to be authenticated: it is the swap between that and the call which is looked at.
	await settle();
	await gateway.reconfigure(config({ grants: GRANTS.slice(1) }));
	send?.(text.slice(10));
	expect(await opened).not.toBe(200);
});
