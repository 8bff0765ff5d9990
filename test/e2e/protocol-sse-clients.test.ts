import { Client as NewClient, SSEClientTransport as NewSse } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { legacy, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	type HttpFixture,
	type LegacyHttpFixture,
	type LegacySseFixture,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';
import { keepForFile, keepForTest, soon, textOf } from './protocol-clients.ts';
import { type Authorization, connectSse, openSse } from './protocol-sse.ts';

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let old: LegacyHttpFixture;
let fresh: HttpFixture;
let events: LegacySseFixture;
/** Nobody else's, so that its sessions can be counted: the gateway's own and those of a test. */
let alone: LegacyHttpFixture;
let ada: Authorization;
let loner: Authorization;

beforeAll(async () => {
	old = keep(await startLegacyHttp({ canary: 'OLD' }));
	fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	events = keep(await startLegacySse({ canary: 'EVENTS' }));
	alone = keep(await startLegacyHttp({ canary: 'ALONE' }));
	const servers = {
		old: { transport: 'http', url: old.url },
		fresh: { transport: 'http', url: fresh.url },
		events: { transport: 'sse', url: events.url },
		child: {
			transport: 'stdio',
			clientFeatures: ['elicitation', 'sampling', 'roots'],
			...stdioServer({ canary: 'CHILD', era: 'legacy' }),
		},
	};
	const grants = [
		{ group: 'G', workspace: 'google', access: 'write' },
		{ group: 'L', workspace: 'lone', access: 'write' },
	];
	const lone = { servers: { alone: { transport: 'http', url: alone.url } } };
	gateway = keep(await startGateway({ workspaces: { google: { servers }, lone }, grants }));
	ada = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'ada' })}` };
	loner = { authorization: `Bearer ${gateway.tokenFor(['L'], { oid: 'loner' })}` };
});

beforeEach(() => old.setBehaviour({ answers: 'auto', getStream: true }));

const at = (path: string): string => gateway.url + path;
const OLD = '/w/google/s/old/sse';
const ALONE = '/w/lone/s/alone/sse';

const WAYS = [
	['/w/google/s/old/sse', 'OLD', ''],
	['/w/google/s/fresh/sse', 'FRESH', ''],
	['/w/google/s/events/sse', 'EVENTS', ''],
	['/w/google/s/child/sse', 'CHILD', ''],
	['/w/google/sse', 'FRESH', 'fresh__'],
	['/sse', 'OLD', 'google__old__'],
] as const;

describe.each(WAYS)('the official client at %s', (path, canary, prefix) => {
	const connect = async (): Promise<Client> => keepShort(await connectSse(at(path), ada));
	const call = (client: Client, name: string, args: Record<string, unknown> = {}) =>
		client.callTool({ name: prefix + name, arguments: args });

	it('shakes hands, lists and calls', async () => {
		const client = await connect();
		expect(client.getServerVersion()?.name).toBeTypeOf('string');
		expect((await client.listTools()).tools.map(({ name }) => name)).toContain(`${prefix}echo`);
		expect(textOf(await call(client, 'echo', { text: 'hi' }))).toBe(`${canary}: hi`);
		expect((await call(client, 'fail')).isError).toBe(true);
		expect((await client.listPrompts()).prompts.length).toBeGreaterThan(0);
		await client.ping();
	});

	it('is told the progress of a call before its answer', async () => {
		const client = await connect();
		const seen: number[] = [];
		const onprogress = ({ progress }: { progress: number }) => void seen.push(progress);
		const params = { name: `${prefix}slow`, arguments: { ms: 30, steps: 3 } };
		expect(textOf(await client.callTool(params, undefined, { onprogress }))).toBe(`${canary}: slow done`);
		expect(seen).toEqual([1, 2, 3]);
	});

	it('is told what it may not do', async () => {
		const client = await connect();
		await expect(call(client, 'nope')).rejects.toThrow('There is no such tool, or you may not use it');
		await expect(client.request({ method: 'no/such' } as never, {} as never)).rejects.toThrow();
		await expect(call(client, 'rpcError')).rejects.toThrow(`${canary}: rpc error`);
		expect(textOf(await call(client, 'echo', { text: 'on' }))).toBe(`${canary}: on`);
	});

	it('has many calls in flight, of which each has its own answer', async () => {
		const clients = [await connect(), await connect()];
		const texts = Array.from({ length: 40 }, (_, index) => `t${index}`);
		const answers = texts.map((text, index) => call(clients[index % 2] as Client, 'echo', { text }));
		expect((await Promise.all(answers)).map(textOf)).toEqual(texts.map((text) => `${canary}: ${text}`));
	});
});

describe('a cancellation', () => {
	const cancelledAt = { old: () => old.cancelled, fresh: () => fresh.cancelled, events: () => events.cancelled };

	it.each(['old', 'fresh', 'events'] as const)('reaches the server %s', async (server) => {
		const client = keepShort(await connectSse(at(`/w/google/s/${server}/sse`), ada));
		const before = cancelledAt[server]().length;
		const aborter = new AbortController();
		const options = { signal: aborter.signal, onprogress: () => aborter.abort() };
		const params = { name: 'slow', arguments: { ms: 20_000, steps: 2 } };
		await expect(client.callTool(params, undefined, options)).rejects.toThrow();
		await soon(() => cancelledAt[server]().length).toBe(before + 1);
		expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'x' } }))).toContain(': x');
	});

	it.each([OLD, '/w/google/s/child/sse', '/w/google/sse'])('ends no call of another stream (%s)', async (path) => {
		const [mine, theirs] = [keepShort(await openSse(at(path), ada)), keepShort(await openSse(at(path), ada))];
		await Promise.all([mine.initialize(), theirs.initialize()]);
		const name = path === '/w/google/sse' ? 'child__slow' : 'slow';
		await mine.request('tools/call', { name, arguments: { ms: 300, steps: 2 } }, 7);
		await theirs.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } });
		expect(await mine.next()).toMatchObject({
			id: 7,
			result: { content: [{ text: expect.stringContaining('done') }] },
		});
	});
});

describe('two streams with the same ids', () => {
	it.each([OLD, '/w/google/s/child/sse', '/sse'])('never see each other’s answers (%s)', async (path) => {
		const prefix = path === '/sse' ? 'google__child__' : '';
		const bob = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'bob' })}` };
		const streams = await Promise.all([ada, ada, bob, bob].map(async (who) => keepShort(await openSse(at(path), who))));
		await Promise.all(streams.map((stream) => stream.initialize()));
		const ids = Array.from({ length: 25 }, (_, id) => id);
		const texts = await Promise.all(
			streams.map(async (stream, index) => {
				for (const id of ids)
					void stream.request('tools/call', { name: `${prefix}echo`, arguments: { text: `s${index}-${id}` } }, id);
				const got = await Promise.all(ids.map(() => stream.next()));
				return got.sort((a, b) => a.id - b.id).map((answer) => textOf(answer.result).split(': ')[1]);
			}),
		);
		expect(texts).toEqual(streams.map((_, index) => ids.map((id) => `s${index}-${id}`)));
	});
});

describe('the server’s own stream', () => {
	it('is opened for the client, which hears that the tools have changed', async () => {
		old.seen.splice(0);
		const sse = keepShort(await openSse(at(OLD), ada));
		await sse.initialize();
		await soon(() => old.seen.some(({ httpMethod }) => httpMethod === 'GET')).toBe(true);
		await sse.request('tools/call', { name: 'toggle_tool', arguments: {} }, 1);
		const heard = [await sse.next(), await sse.next()];
		expect(heard).toContainEqual({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {} });
		await sse.request('tools/call', { name: 'toggle_tool', arguments: {} }, 2);
	});

	it.each([
		[OLD, ''],
		['/w/google/s/events/sse', ''],
		['/w/google/s/child/sse', ''],
		['/sse', 'google__old__'],
	])('carries questions, which the client answers, as do those of a call (%s)', async (path, prefix) => {
		for (const rootsFirst of [false, true]) {
			const client = keepShort(await connectSse(at(path), ada));
			const result = await client.callTool({ name: `${prefix}elicit`, arguments: { message: 'Name?', rootsFirst } });
			expect(result.structuredContent).toMatchObject({ response: { action: 'accept', content: { name: 'Ada' } } });
		}
	});

	it.each([
		['/w/google/s/child/sse', ''],
		['/w/google/sse', 'fresh__'],
	])('tells of changes where the gateway holds the session too (%s)', async (path, prefix) => {
		const sse = keepShort(await openSse(at(path), ada));
		await sse.initialize();
		let [id, heard] = [0, ''];
		const toggle = () => sse.request('tools/call', { name: `${prefix}toggle_tool`, arguments: {} }, ++id);
		// The stream opens beside the messages, so the first change may come too early for it.
		while (heard !== 'notifications/tools/list_changed' || id % 2 === 1) {
			await toggle();
			for (let message = await sse.next(); message.id !== id; message = await sse.next()) heard = message.method;
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	});

	it('may be missing', async () => {
		old.setBehaviour({ getStream: false });
		const client = keepShort(await connectSse(at(OLD), ada));
		expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'x' } }))).toBe('OLD: x');
	});
});

describe('a session of the server', () => {
	it('never reaches the client, goes along with its messages, and says the revision', async () => {
		old.seen.splice(0);
		const sse = keepShort(await openSse(at(OLD), ada));
		const initialized = await sse.initialize();
		await sse.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 3);
		const answer = await sse.next();
		const call = old.seen.find(({ name }) => name === 'echo');
		const id = call?.headers['mcp-session-id'];
		expect(id).toBeTypeOf('string');
		expect(call?.headers['mcp-protocol-version']).toBe(initialized.result.protocolVersion);
		expect(JSON.stringify([initialized, answer, [...sse.response.headers]])).not.toContain(String(id));
	});

	it('ends with the stream', async () => {
		const sse = await openSse(at(ALONE), loner);
		await sse.initialize();
		expect(alone.sessionCount()).toBe(2);
		await sse.close();
		await soon(() => alone.sessionCount()).toBe(1);
		const ended = gateway.audit().filter((line) => line['method'] === 'end' && line['server'] === 'alone');
		expect(ended).toMatchObject([{ kind: 'intent', address: '/w/lone/s/alone/mcp', principal: { oid: 'loner' } }]);
	});

	it('ends too when the stream goes during the handshake', async () => {
		alone.setBehaviour({ hostile: { kind: 'delay', delayMs: 200, methods: ['initialize'] } });
		const sse = await openSse(at(ALONE), loner);
		await sse.request('initialize', { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'x' } });
		await soon(() => alone.sessionCount()).toBe(2);
		await sse.close();
		await soon(() => alone.sessionCount()).toBe(1);
		alone.setBehaviour({ hostile: undefined });
	});

	it('that a client does not begin is refused under the id of its call', async () => {
		const sse = keepShort(await openSse(at(OLD), ada));
		await sse.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 'early');
		expect(await sse.next()).toMatchObject({ id: 'early', error: { message: 'Bad Request: Server not initialized' } });
	});

	it('that the server has forgotten is told, and a new handshake on the same stream works', async () => {
		const sse = keepShort(await openSse(at(OLD), ada));
		await sse.initialize();
		old.dropSessions();
		await sse.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 1);
		expect(await sse.next()).toMatchObject({ id: 1, error: { data: { code: 'PC_SESSION_UNKNOWN' } } });
		await sse.initialize();
		await sse.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, 2);
		expect(await sse.next()).toMatchObject({ id: 2, result: {} });
	});
});

describe('a message of 2026-07-28', () => {
	it('is refused on the stream, with the revisions that are spoken', async () => {
		const sse = keepShort(await openSse(at('/w/google/s/fresh/sse'), ada));
		const _meta = {
			'io.modelcontextprotocol/protocolVersion': '2026-07-28',
			'io.modelcontextprotocol/clientCapabilities': {},
		};
		const headers = { ...ada, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
		for (const [own, params] of [
			[ada, { _meta }],
			[headers, { _meta }],
			[headers, {}],
		] as const) {
			const posted = await sse.post(legacy('tools/list', params, 'm'), own);
			expect([posted.status, posted.text]).toEqual([202, 'Accepted']);
			const { id, error } = await sse.next();
			expect([id, error.code, error.data.code]).toEqual(['m', -32022, 'PC_REVISION_UNSUPPORTED']);
			expect(error.data.supported).toContain('2024-11-05');
		}
	});

	it('makes a client of both families shake hands', async () => {
		const requestInit = { headers: ada };
		const client = new NewClient({ name: 'both', version: '1' }, { versionNegotiation: { mode: 'auto' } });
		await client.connect(new NewSse(new URL(at('/w/google/s/fresh/sse')), { requestInit }));
		keepShort(client);
		expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'x' } }))).toBe('FRESH: x');
	});
});
