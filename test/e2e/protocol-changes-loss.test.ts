import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import {
	ResourceUpdatedNotificationSchema,
	ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ConfigInput, legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	type LegacyHttpFixture,
	readStdioLog,
	type StdioOptions,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';
import {
	connectNew,
	connectOld,
	keepForTest,
	type OpenStream,
	openPlainSession,
	openStream,
	soon,
} from './protocol-clients.ts';
import { startScripted } from './protocol-scripted.ts';

const TEXT = 'test://static-text';
const BINARY = 'test://static-binary';
const UPDATED = 'notifications/resources/updated';
const TOOLS_CHANGED = 'notifications/tools/list_changed';
const GRANTS = [{ group: 'G', workspace: 'google', access: 'write' }];

const keep = keepForTest();
let folder: string;
let gateway: TestGateway;
let ada: { readonly authorization: string };

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-log-'));
	keep({ close: async () => rmSync(folder, { recursive: true, force: true }) });
});

const configOf = (servers: object): ConfigInput => ({ workspaces: { google: { servers } }, grants: GRANTS });

async function start(servers: object): Promise<void> {
	gateway = keep(await startGateway(configOf(servers)));
	ada = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'ada' })}` };
}

const logPath = () => join(folder, 'child.jsonl');
const child = (options: StdioOptions = {}) => ({
	transport: 'stdio',
	...stdioServer({ logPath: logPath(), ...options }),
});

const address = (path = '/w/google/mcp') => gateway.url + path;

async function listen(notifications: object): Promise<OpenStream> {
	const { body, headers } = modern('subscriptions/listen', { notifications });
	return keep(await openStream(address(), { ...ada, ...headers }, body));
}

function call(name: string, args: object = {}) {
	const { body, headers } = modern('tools/call', { name, arguments: args });
	return post(address(), body, { ...ada, ...headers });
}

/** The next message of this method. */
async function until(stream: OpenStream, method: string) {
	for (;;) {
		const message = await stream.next();
		if (message === undefined || message.method === method) return message;
	}
}

const childSeen = (event: string, method?: string) =>
	readStdioLog(logPath()).filter((line) => line.event === event && (method === undefined || line.method === method));

/** Whether the newest process of the child runs. */
function isRunning(): boolean {
	try {
		return process.kill(childSeen('start').at(-1)?.pid ?? 0, 0);
	} catch {
		return false;
	}
}

describe('a server that is lost while somebody watches', () => {
	it.each(['legacy', 'modern'] as const)('is started and asked again when it is a %s child', async (era) => {
		await start({ child: child({ era }) });
		const stream = await listen({ resourceSubscriptions: [TEXT] });
		await stream.next();
		await call('child__crash');
		await soon(() => childSeen('start').length).toBe(2);
		// What changed meanwhile nobody can know, so the caller is told to look.
		expect((await stream.next()).params.uri).toBe(TEXT);
		await call('child__touch', { uri: BINARY });
		await call('child__touch', { uri: TEXT });
		expect((await stream.next()).params.uri).toBe(TEXT);
		if (era === 'legacy') expect(childSeen('request', 'resources/subscribe')).toHaveLength(2);
	});

	it('is asked again when it has forgotten the session', async () => {
		const http: LegacyHttpFixture = keep(await startLegacyHttp());
		await start({ http: { transport: 'http', url: http.url } });
		const stream = await listen({ resourceSubscriptions: [TEXT], toolsListChanged: true });
		await stream.next();
		const asked = () => http.seen.filter(({ method }) => method === 'resources/subscribe').length;
		expect(asked()).toBe(1);
		http.dropSessions();
		await call('http__echo', { text: 'x' });
		await soon(asked).toBe(2);
		expect((await stream.next()).params.uri).toBe(TEXT);
		await call('http__toggle_tool');
		expect((await stream.next()).method).toBe(TOOLS_CHANGED);
	});

	it('is asked again when its event stream ends', async () => {
		const sse = keep(await startLegacySse());
		await start({ sse: { transport: 'sse', url: sse.url } });
		const session = await openPlainSession(address(), ada);
		expect((await session.request('resources/subscribe', { uri: TEXT })).json.result).toEqual({});
		const stream = keep(await openStream(address(), session.headers));
		const asked = () => sse.seen.filter(({ method }) => method === 'resources/subscribe').length;
		await call('sse__crash');
		await soon(asked).toBe(2);
		expect((await until(stream, UPDATED)).params).toEqual({ uri: TEXT });
		await call('sse__touch', { uri: TEXT });
		expect((await until(stream, UPDATED)).params).toEqual({ uri: TEXT });
	});

	it('is heard again when it ends its subscription in order', async () => {
		let listens = 0;
		const acknowledged = '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}';
		const scripted = keep(
			await startScripted('modern', {
				'server/discover':
					'{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"resources":{"subscribe":true}}}',
				'resources/list': `{"resultType":"complete","resources":[{"uri":"${TEXT}","name":"t"}]}`,
				'subscriptions/listen': () => {
					listens++;
					return `stream:${acknowledged}\n{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete"}}`;
				},
			}),
		);
		await start({ scripted: { transport: 'http', url: scripted.url } });
		const stream = await listen({ resourceSubscriptions: [TEXT] });
		expect((await stream.next()).params.notifications).toEqual({ resourceSubscriptions: [TEXT] });
		expect((await stream.next()).params.uri).toBe(TEXT);
		expect(listens).toBe(2);
	});
});

describe('a session with a server', () => {
	it('stays open while a resource is watched, and is idle again afterwards', async () => {
		await start({ child: { ...child(), limits: { childIdleMs: 200 } } });
		const stream = await listen({ resourceSubscriptions: [TEXT] });
		await stream.next();
		await new Promise((resolve) => setTimeout(resolve, 800));
		expect([childSeen('start').length, isRunning()]).toEqual([1, true]);
		await stream.close();
		await soon(isRunning).toBe(false);
	});

	it('is not kept for lists alone where it is a process, and a list that is another afterwards is told all the same', async () => {
		await start({ child: { ...child(), limits: { childIdleMs: 300, listAgeMs: 1_000 } } });
		const tools = () => post(address(), legacy('tools/list'), ada);
		await call('child__toggle_tool');
		await soon(async () =>
			(await tools()).json.result.tools.some(({ name }: { name: string }) => name.includes('extra')),
		).toBe(true);
		const stream = await listen({ toolsListChanged: true });
		await stream.next();
		await soon(isRunning).toBe(false);
		await soon(async () => {
			await tools();
			return childSeen('start').length;
		}).toBe(2);
		expect((await stream.next()).method).toBe(TOOLS_CHANGED);
	});
});

describe('a subscription across a new configuration', () => {
	it('ends with its stream, and goes on when the session opens another', async () => {
		const http = keep(await startLegacyHttp());
		const server = { transport: 'http', url: http.url };
		await start({ http: server });
		const session = await openPlainSession(address(), ada);
		await session.request('resources/subscribe', { uri: TEXT });
		const stream = keep(await openStream(address(), session.headers));
		await gateway.reconfigure(configOf({ http: { ...server, limits: { totalMs: 50_000 } } }));
		expect(await stream.rest()).toEqual([]);
		const again = keep(await openStream(address(), session.headers));
		await soon(() => http.seen.filter(({ method }) => method === 'resources/subscribe').length).toBe(2);
		await call('http__touch', { uri: TEXT });
		expect((await again.next()).params).toEqual({ uri: TEXT });
		await gateway.reconfigure(configOf({ other: server }));
		const last = keep(await openStream(address(), session.headers));
		await call('other__touch', { uri: TEXT });
		await call('other__toggle_tool');
		expect((await last.next()).method).toBe(TOOLS_CHANGED);
	});

	it('ends a modern one with its result', async () => {
		await start({ child: child() });
		const stream = await listen({ toolsListChanged: true });
		await stream.next();
		await gateway.reconfigure(configOf({ child: { ...child(), title: 'New' } }));
		const tag = { 'io.modelcontextprotocol/subscriptionId': 1 };
		expect(await stream.rest()).toEqual([{ jsonrpc: '2.0', id: 1, result: { resultType: 'complete', _meta: tag } }]);
		await soon(
			() => gateway.audit().filter(({ route, outcome }) => route === 'listen' && outcome === 'ok').length,
		).toBe(1);
	});
});

describe('where no server has anything to tell', () => {
	it('there is no stream, unless the session may be asked something', async () => {
		const silent = keep(await startScripted('modern', {}));
		await start({ silent: { transport: 'http', url: silent.url } });
		for (const path of ['/w/google/s/silent/mcp', '/w/google/mcp', '/mcp']) {
			const plain = await openPlainSession(address(path), ada);
			const refused = await openStream(address(path), plain.headers);
			expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
			const able = await openPlainSession(address(path), ada, { sampling: {} });
			expect(keep(await openStream(address(path), able.headers)).status).toBe(200);
		}
	});

	it('a resource cannot be watched, and a subscription keeps nothing', async () => {
		const silent = keep(await startScripted('modern', {}));
		await start({ silent: { transport: 'http', url: silent.url } });
		const session = await openPlainSession(address('/w/google/s/silent/mcp'), ada);
		const { json } = await session.request('resources/subscribe', { uri: 'a:b' });
		expect([json.error.code, json.error.data.code]).toEqual([-32601, 'PC_METHOD_UNKNOWN']);
		const stream = await listen({ toolsListChanged: true, 'x-vendor': 1, resourceSubscriptions: [] });
		expect((await stream.next()).params.notifications).toEqual({});
	});
});

describe('a subscription that is wrong', () => {
	it('is refused before anything is opened', async () => {
		await start({ child: child() });
		for (const params of [
			{},
			{ notifications: [] },
			{ notifications: { resourceSubscriptions: 'a' } },
			{ notifications: { resourceSubscriptions: [1] } },
		]) {
			const { body, headers } = modern('subscriptions/listen', params);
			const { status, json } = await post(address(), body, { ...ada, ...headers });
			expect([status, json.error.code]).toEqual([200, -32602]);
		}
	});

	it('is refused when its answer cannot be a stream', async () => {
		await start({ child: child() });
		const { body, headers } = modern('subscriptions/listen', { notifications: {} });
		const answer = await post(address(), body, { ...ada, ...headers, accept: 'application/json' });
		expect([answer.status, answer.json.error.data.code]).toEqual([406, 'PC_STREAM_NOT_ACCEPTED']);
	});
});

describe('official clients', () => {
	it('of the old kind hear of what they subscribed to, and of lists', async () => {
		await start({ new: { transport: 'http', url: keep(await startModernHttp()).url } });
		for (const path of ['/w/google/s/new/mcp', '/w/google/mcp']) {
			const client = keep(await connectOld(address(path), ada.authorization.slice(7)));
			const heard: string[] = [];
			client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
			client.setNotificationHandler(ToolListChangedNotificationSchema, ({ method }) => void heard.push(method));
			await client.subscribeResource({ uri: TEXT });
			await call('new__touch', { uri: TEXT });
			await soon(() => heard).toEqual([TEXT]);
			await call('new__toggle_tool');
			await soon(() => heard).toEqual([TEXT, TOOLS_CHANGED]);
			await client.unsubscribeResource({ uri: TEXT });
		}
	});

	it('of the new kind are acknowledged, and hear the same', async () => {
		await start({ child: child({ era: 'legacy' }) });
		for (const path of ['/w/google/s/child/mcp', '/w/google/mcp']) {
			const client: Client = keep(await connectNew(address(path), ada.authorization.slice(7), 'pinned'));
			const heard: string[] = [];
			client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
			client.setNotificationHandler('notifications/tools/list_changed', ({ method }) => void heard.push(method));
			const subscription = await client.listen({ toolsListChanged: true, resourceSubscriptions: [TEXT] });
			await call('child__touch', { uri: TEXT });
			await soon(() => heard).toEqual([TEXT]);
			await call('child__toggle_tool');
			await soon(() => heard).toEqual([TEXT, TOOLS_CHANGED]);
			await subscription.close();
		}
	});
});
