import { beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startLegacySse, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { keepForFile, keepForTest, type OpenStream, openPlainSession, openStream } from './protocol-clients.ts';

const SERVERS = ['fresh', 'http', 'sse', 'child', 'new-child'] as const;
/** Pairs whose messages pass as they are at the server's own address. */
const RAW: ReadonlySet<string> = new Set(['modern fresh', 'legacy http']);
const TEXT = 'test://static-text';
const TAG = 'io.modelcontextprotocol/subscriptionId';

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let ada: { readonly authorization: string };

beforeAll(async () => {
	const servers = {
		fresh: { transport: 'http', url: keep(await startModernHttp({ canary: 'FRESH' })).url },
		http: { transport: 'http', url: keep(await startLegacyHttp({ canary: 'HTTP' })).url },
		sse: { transport: 'sse', url: keep(await startLegacySse({ canary: 'SSE' })).url },
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD', era: 'legacy' }) },
		'new-child': { transport: 'stdio', ...stdioServer({ canary: 'NEW-CHILD', era: 'modern' }) },
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	ada = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'ada' })}` };
});

interface Place {
	readonly path: string;
	/** How a resource of the server is called there. */
	readonly uri: (uri: string) => string;
}

const plain = (uri: string) => uri;

function placesOf(server: string): Place[] {
	const wrapped = (uri: string) => `portcullis://google/${server}/${encodeURIComponent(uri)}`;
	return [
		{ path: `/w/google/s/${server}/mcp`, uri: plain },
		{ path: '/w/google/mcp', uri: wrapped },
		{ path: '/mcp', uri: wrapped },
	];
}

const PAIRS = SERVERS.flatMap((server) => placesOf(server).map((place) => ({ server, place })));
const held = (era: string) =>
	PAIRS.filter(({ server, place }) => !(place.path.includes('/s/') && RAW.has(`${era} ${server}`))).map(
		({ server, place }) => [server, place.path, place] as const,
	);

/** Calls a tool of a server at its own address, as somebody with nothing to do with the test's caller. */
async function call(server: string, name: string, args: object = {}): Promise<void> {
	const { body, headers } = modern('tools/call', { name, arguments: args });
	const answer = await post(`${gateway.url}/w/google/s/${server}/mcp`, body, { ...ada, ...headers });
	expect(answer.json.error).toBeUndefined();
}

async function listen(path: string, filter: object, id: string | number = 'listen-1'): Promise<OpenStream> {
	const { body, headers } = modern('subscriptions/listen', { notifications: filter }, id);
	return keepShort(await openStream(gateway.url + path, { ...ada, ...headers }, body));
}

const tag = (id: string | number = 'listen-1') => ({ [TAG]: id });

describe.each(held('modern'))('a modern subscription to %s at %s', (server, _path, { path, uri }) => {
	it('is acknowledged, hears of its lists and its resources, and of nothing else', async () => {
		const filter = { toolsListChanged: true, resourceSubscriptions: [uri(TEXT)] };
		const stream = await listen(path, filter);
		expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
		expect(await stream.next()).toEqual({
			jsonrpc: '2.0',
			method: 'notifications/subscriptions/acknowledged',
			params: { notifications: filter, _meta: tag() },
		});
		await call(server, 'touch', { uri: 'test://static-binary' });
		await call(server, 'touch', { uri: TEXT });
		expect(await stream.next()).toEqual({
			jsonrpc: '2.0',
			method: 'notifications/resources/updated',
			params: { uri: uri(TEXT), _meta: tag() },
		});
		await call(server, 'toggle_tool');
		await call(server, 'toggle_tool');
		expect(await stream.next()).toEqual({
			jsonrpc: '2.0',
			method: 'notifications/tools/list_changed',
			params: { _meta: tag() },
		});
	});
});

describe.each(held('legacy'))('a legacy session at %s, %s', (server, _path, { path, uri }) => {
	it('hears of changes on its stream, and of resources it subscribed to', async () => {
		const url = gateway.url + path;
		const session = await openPlainSession(url, ada);
		expect(session.initialized.json.result.capabilities).toMatchObject({
			tools: { listChanged: true },
			resources: { listChanged: true, subscribe: true },
		});
		const stream = keepShort(await openStream(url, session.headers));
		expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
		const subscribed = await session.request('resources/subscribe', { uri: uri(TEXT) });
		expect(subscribed.text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
		await call(server, 'touch', { uri: 'test://static-binary' });
		await call(server, 'touch', { uri: TEXT });
		const updated = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: uri(TEXT) } };
		expect(await stream.next()).toEqual(updated);
		await call(server, 'toggle_tool');
		expect(await stream.next()).toEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
		const unsubscribed = await session.request('resources/unsubscribe', { uri: uri(TEXT) });
		expect(unsubscribed.text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
		await call(server, 'touch', { uri: TEXT });
		await call(server, 'toggle_tool');
		expect(await stream.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
		expect((await fetch(url, { method: 'DELETE', headers: session.headers })).status).toBe(200);
		expect(await stream.rest()).toEqual([]);
	});
});

describe('a subscription', () => {
	it('needs a session', async () => {
		for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
			const answer = await post(`${gateway.url}/w/google/mcp`, legacy(method, { uri: TEXT }), ada);
			expect([answer.status, answer.json.error.data.code]).toEqual([400, 'PC_SESSION_NEEDED']);
		}
		const answer = await fetch(`${gateway.url}/w/google/mcp`, { headers: { ...ada, accept: 'text/event-stream' } });
		expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
	});
});
