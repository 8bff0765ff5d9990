import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
	Client,
	SSEClientTransport,
	StreamableHTTPClientTransport,
	type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as OldSse } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as OldTransport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
	CancelledNotificationSchema,
	CreateMessageRequestSchema,
	ElicitRequestSchema,
	ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import {
	closedPortUrl,
	LONG_TOOL_NAME,
	ODD_TOOL_NAME,
	readStdioLog,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	startRecorder,
	stdioServer,
} from '../fakes/upstream.ts';

const INFO = { name: 'fixture-test', version: '1' };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function keep<T extends { close(): Promise<unknown> }>(resource: T): T {
	cleanups.push(() => resource.close());
	return resource;
}

type Negotiation = 'auto' | 'legacy' | { pin: string };

async function connect(transport: Transport, mode: Negotiation = 'auto'): Promise<Client> {
	const client = new Client(INFO, {
		versionNegotiation: { mode },
		capabilities: { elicitation: { form: {} }, roots: {} },
	});
	client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } }));
	client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///r' }] }));
	await client.connect(transport);
	return keep(client);
}

async function connectOld(transport: OldTransport): Promise<OldClient> {
	const client = new OldClient(INFO, { capabilities: { elicitation: {}, roots: {} } });
	client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ada' } }));
	client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///r' }] }));
	await client.connect(transport);
	return keep(client);
}

const http = (url: string) => new StreamableHTTPClientTransport(new URL(url));
const call = (name: string, args: Record<string, unknown> = {}) => ({ name, arguments: args });
const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]!.text;

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
	const accept = 'application/json, text/event-stream';
	return fetch(url, {
		method: 'POST',
		redirect: 'manual',
		headers: { 'content-type': 'application/json', accept, ...headers },
		body: JSON.stringify(body),
	});
}

const ENVELOPE = {
	'io.modelcontextprotocol/protocolVersion': '2026-07-28',
	'io.modelcontextprotocol/clientCapabilities': {},
};
type Answered = { readonly result?: Record<string, unknown>; readonly error?: unknown };
const MODERN_HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };

function modernCall(name: string, args: Record<string, unknown> = {}, id: number = 1) {
	return { jsonrpc: '2.0', id, method: 'tools/call', params: { ...call(name, args), _meta: ENVELOPE } };
}

/** What every client can do with every build. */
async function tryBasics(client: Client | OldClient, canary: string, steps = [1, 2, 3]): Promise<void> {
	const { tools } = await client.listTools();
	expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['echo', ODD_TOOL_NAME, LONG_TOOL_NAME]));
	expect(tools.every(({ description }) => description?.includes(canary))).toBe(true);
	expect(textOf(await client.callTool(call('echo', { text: 'hello' })))).toBe(`${canary}: hello`);
	expect((await client.callTool(call('add', { a: 2, b: 3 }))).structuredContent).toEqual({ sum: 5 });
	await client.callTool(call('remember', { key: 'k', value: 'v' }));
	expect(textOf(await client.callTool(call('recall', { key: 'k' })))).toBe(`${canary}: v`);
	expect((await client.callTool(call('fail'))).isError).toBe(true);
	await expect(client.callTool(call('rpcError'))).rejects.toMatchObject({ code: -32000, data: { canary } });
	const { contents } = await client.readResource({ uri: 'test://template/7/data' });
	expect(JSON.stringify(contents)).toContain(canary);
	const prompt = await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } });
	expect(JSON.stringify(prompt)).toContain("arg1='a', arg2='b'");
	expect(await progressOf(client)).toEqual(steps);
}

async function progressOf(client: Client | OldClient): Promise<number[]> {
	const progress: number[] = [];
	const onprogress = (each: { progress: number }) => void progress.push(each.progress);
	const params = call('slow', { ms: 30, steps: 3 });
	if (client instanceof OldClient) await client.callTool(params, undefined, { onprogress });
	else await client.callTool(params, { onprogress });
	return progress;
}

describe('the modern http build', () => {
	it('serves the new client, negotiated and pinned', async () => {
		const server = keep(await startModernHttp({ canary: 'blue', pageSize: 5 }));
		for (const mode of ['auto', { pin: '2026-07-28' }] as const) {
			const client = await connect(http(server.url), mode);
			expect(client.getProtocolEra()).toBe('modern');
			expect(client.getInstructions()).toContain('blue');
			await tryBasics(client, 'blue');
			expect(textOf(await client.callTool(call('regional', { region: 'Zürich' })))).toBe('blue: Zürich');
			expect(textOf(await client.callTool(call('ask', { question: 'Who?' })))).toContain('Ada');
		}
		expect(server.seen.find(({ method }) => method === 'tools/call')?.headers['mcp-name']).toBe('echo');
	});

	it('refuses the handshake of a legacy client', async () => {
		const server = keep(await startModernHttp());
		await expect(connectOld(new OldHttp(new URL(server.url)) as OldTransport)).rejects.toThrow();
	});

	it('checks headers and envelope as the revision says', async () => {
		const { url } = keep(await startModernHttp());
		const rejection = async (body: unknown, headers: Record<string, string>) => {
			const response = await post(url, body, headers);
			return [response.status, ((await response.json()) as { error: { code: number } }).error.code];
		};
		const named = { ...MODERN_HEADERS, 'mcp-name': 'echo' };
		expect(await rejection(modernCall('echo'), {})).toEqual([400, -32020]);
		expect(await rejection(modernCall('echo'), MODERN_HEADERS)).toEqual([400, -32020]);
		expect(await rejection(modernCall('echo'), { ...named, 'mcp-method': 'tools/list' })).toEqual([400, -32020]);
		expect(await rejection(modernCall('regional', { region: 'eu' }), { ...named, 'mcp-name': 'regional' })).toEqual([
			400, -32020,
		]);
		expect(await rejection({ ...modernCall('echo'), params: call('echo') }, named)).toEqual([400, -32602]);
		expect(await rejection(modernCall('nope'), { ...named, 'mcp-name': 'nope' })).toEqual([200, -32602]);
		const ping = { jsonrpc: '2.0', id: 1, method: 'ping', params: { _meta: ENVELOPE } };
		expect(await rejection(ping, { ...MODERN_HEADERS, 'mcp-method': 'ping' })).toEqual([404, -32601]);
		expect((await fetch(url)).status).toBe(405);
	});

	it('writes what no client knows as raw text, and answers vendor methods', async () => {
		const { url } = keep(await startModernHttp());
		const exotic = await (await post(url, modernCall('exotic'), { ...MODERN_HEADERS, 'mcp-name': 'exotic' })).text();
		expect(exotic).toContain('"big":12345678901234567890,"one":1.0');
		const vendor = { jsonrpc: '2.0', id: 'v', method: 'vendor/echo', params: { deep: [1], _meta: ENVELOPE } };
		const answer = await (await post(url, vendor, { ...MODERN_HEADERS, 'mcp-method': 'vendor/echo' })).json();
		expect(answer).toMatchObject({ id: 'v', result: { params: { deep: [1] } } });
	});

	it('notifies listeners, and records a call that was cancelled by hanging up', async () => {
		const server = keep(await startModernHttp());
		const client = await connect(http(server.url));
		const changed = new Promise((resolve) =>
			client.setNotificationHandler('notifications/tools/list_changed', resolve),
		);
		await client.listen({ toolsListChanged: true });
		server.notifyToolsChanged();
		await changed;
		const aborter = new AbortController();
		const slow = client.callTool(call('slow', { ms: 5_000, steps: 50 }), { signal: aborter.signal });
		setTimeout(() => aborter.abort(), 50);
		await expect(slow).rejects.toThrow();
		await expect.poll(() => server.cancelled).toMatchObject([{ tool: 'slow' }]);
	});
});

describe('the legacy http build', () => {
	it.each(['json', 'sse', 'auto'] as const)('serves the clients of both generations (%s)', async (answers) => {
		const server = keep(await startLegacyHttp({ canary: 'red', answers }));
		const clients = [
			await connect(http(server.url), 'auto'),
			await connect(http(server.url), 'legacy'),
			await connectOld(new OldHttp(new URL(server.url)) as OldTransport),
		];
		expect((clients[0] as Client).getProtocolEra()).toBe('legacy');
		for (const client of clients) await tryBasics(client, 'red', answers === 'json' ? [] : [1, 2, 3]);
		expect(server.sessionCount()).toBe(3);
	});

	it('asks its client on the stream of the call, and out of the blue', async () => {
		const server = keep(await startLegacyHttp());
		const client = await connectOld(new OldHttp(new URL(server.url)) as OldTransport);
		expect(textOf(await client.callTool(call('elicit', { message: 'Name?', rootsFirst: true })))).toContain('Ada');
		await expect.poll(() => server.seen.some(({ httpMethod }) => httpMethod === 'GET')).toBe(true);
		expect(await server.requestRoots()).toEqual({ roots: [{ uri: 'file:///r' }] });
	});

	it('lets its clients come back for an answer, and refuses a foreign page', async () => {
		const server = keep(await startLegacyHttp({ conformance: true }));
		const old = await connectOld(new OldHttp(new URL(server.url)) as OldTransport);
		for (const client of [old, await connect(http(server.url), 'legacy')])
			expect(textOf(await client.callTool(call('test_reconnection')))).toBe('Reconnection test completed');
		expect(server.seen.filter(({ headers }) => headers['last-event-id'] !== undefined)).toHaveLength(2);
		expect((await post(server.url, {}, { origin: 'http://evil.example.com' })).status).toBe(403);
	});

	it('keeps to the session rules, and works without sessions', async () => {
		const server = keep(await startLegacyHttp());
		const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
		expect((await post(server.url, list)).status).toBe(400);
		expect((await post(server.url, list, { 'mcp-session-id': 'nope' })).status).toBe(404);
		const sessionless = keep(await startLegacyHttp({ sessions: false }));
		expect((await post(sessionless.url, list)).status).toBe(200);
		await tryBasics(await connect(http(sessionless.url), 'legacy'), 'fixture');
		const batch = await post(sessionless.url, [list, { ...list, id: 2, method: 'ping' }]);
		expect(await batch.json()).toMatchObject([{ id: 1 }, { id: 2, result: {} }]);
	});
});

describe('the HTTP+SSE build', () => {
	it('serves the clients of both generations', async () => {
		const server = keep(await startLegacySse({ canary: 'green' }));
		const client = await connect(new SSEClientTransport(new URL(server.url)), 'legacy');
		const old = await connectOld(new OldSse(new URL(server.url)));
		for (const each of [client, old]) await tryBasics(each, 'green');
		expect(textOf(await old.callTool(call('elicit', { message: 'Name?' })))).toContain('Ada');
	});
});

describe('the stdio build', () => {
	it('serves the clients of both generations and records what it saw', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'fixture-'));
		cleanups.push(async () => rmSync(folder, { recursive: true }));
		const logPath = join(folder, 'log.jsonl');
		const { command, args, env } = stdioServer({ canary: 'grey', logPath, env: { API_KEY: 'k-1' } });
		const start = { command, args: [...args], env: { ...env } };
		const modern = await connect(new StdioClientTransport(start), { pin: '2026-07-28' });
		const old = await connectOld(new OldStdio(start));
		for (const each of [modern, await connect(new StdioClientTransport(start), 'auto'), old])
			await tryBasics(each, 'grey');
		expect(modern.getProtocolEra()).toBe('modern');
		expect(JSON.parse(textOf(await old.callTool(call('whoami'))))).toMatchObject({ API_KEY: 'k-1' });
		expect(textOf(await old.callTool(call('elicit', { message: 'Name?', rootsFirst: true })))).toContain('Ada');
		expect(readStdioLog(logPath)).toContainEqual(expect.objectContaining({ method: 'tools/call', name: 'echo' }));
		await expect(old.callTool(call('crash'))).rejects.toThrow();
	});

	it('misbehaves on demand: noise, signals ignored, a grandchild that stays', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'fixture-'));
		cleanups.push(async () => rmSync(folder, { recursive: true }));
		const logPath = join(folder, 'log.jsonl');
		const hostile = { noise: 'not json', ignoreSigterm: true, ignoreEof: true, grandchild: true } as const;
		const { command, args } = stdioServer({ logPath, padListBytes: 2_000_000, ...hostile });
		const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
		cleanups.push(async () => void process.kill(-child.pid!, 'SIGKILL'));
		const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
		child.stdin.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })}\n`);
		expect((await lines.next()).value).toBe('not json');
		expect((await lines.next()).value.length).toBeGreaterThan(2_000_000);
		child.kill('SIGTERM');
		const events = () => readStdioLog(logPath).map(({ event }) => event);
		await expect.poll(events).toEqual(expect.arrayContaining(['grandchild', 'eof', 'sigterm']));
		expect(child.exitCode).toBeNull();
	});
});

describe('a dialogue with the client', () => {
	const suite = { conformance: true } as const;
	const NAME = 'test_input_required_result_';

	/** A client of the older generation that answers what it is asked, or never does. */
	async function connectAsked(transport: OldTransport, answer: () => Promise<object>): Promise<OldClient> {
		const client = new OldClient(INFO, { capabilities: { elicitation: {}, sampling: {}, roots: {} } });
		client.setRequestHandler(ElicitRequestSchema, answer as never);
		client.setRequestHandler(CreateMessageRequestSchema, () => ({
			role: 'assistant',
			model: 'm',
			content: { type: 'text', text: 'Paris' },
		}));
		client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///r' }] }));
		await client.connect(transport);
		return keep(client);
	}

	const oldHttp = ({ url }: { url: string }) => new OldHttp(new URL(url)) as OldTransport;
	const oldStdio = (...args: string[]) =>
		new OldStdio({ command: process.execPath, args: [stdioServer().args[0]!, ...args] });
	const LEGACY_BUILDS: Record<string, () => Promise<OldTransport>> = {
		'http, on the stream of the call': async () => oldHttp(keep(await startLegacyHttp(suite))),
		'http, on the GET stream': async () => oldHttp(keep(await startLegacyHttp({ ...suite, questions: 'session' }))),
		'HTTP+SSE': async () => new OldSse(new URL(keep(await startLegacySse(suite)).url)),
		stdio: async () => oldStdio('--era', 'legacy', '--conformance'),
	};

	it.each(Object.keys(LEGACY_BUILDS))('asks with requests of its own (%s)', async (build) => {
		const accept = async () => ({ action: 'accept', content: { name: 'Ada', color: 'red' } });
		const client = await connectAsked(await LEGACY_BUILDS[build]!(), accept);
		const ask = async (name: string, args = {}) => textOf(await client.callTool(call(name, args)));
		expect(await ask(`${NAME}multi_round`)).toBe('Ada likes red');
		expect(await ask(`${NAME}multiple_inputs`)).toBe('Hello, Ada! Paris [{"uri":"file:///r"}]');
		expect(await ask('test_elicitation', { message: 'Who?' })).toContain('User response: action: accept');
		expect(await ask('test_sampling', { prompt: 'Which?' })).toBe('LLM response: Paris');
		expect(JSON.stringify(await client.getPrompt({ name: `${NAME}prompt` }))).toContain('The context is');
	});

	it.each(Object.keys(LEGACY_BUILDS))('stops waiting when the call is cancelled (%s)', async (build) => {
		const asked = { count: 0 };
		const client = await connectAsked(await LEGACY_BUILDS[build]!(), () => {
			asked.count++;
			return new Promise(() => undefined);
		});
		const aborter = new AbortController();
		const withdrawn = new Promise<unknown>((resolve) => {
			client.fallbackNotificationHandler = async (message) => resolve(message);
			client.setNotificationHandler(CancelledNotificationSchema, (message) => resolve(message));
		});
		const options = { signal: aborter.signal };
		const waiting = client.callTool(call(`${NAME}elicitation`), undefined, options);
		const ended = expect(waiting).rejects.toThrow();
		await expect.poll(() => asked.count).toBe(1);
		aborter.abort();
		await ended;
		expect(await withdrawn).toMatchObject({ method: 'notifications/cancelled' });
	});

	it('answers input_required in the modern era, on http and on stdio', async () => {
		const command = { command: process.execPath, args: [stdioServer().args[0]!, '--era', 'modern', '--conformance'] };
		const transports = [http(keep(await startModernHttp(suite)).url), new StdioClientTransport(command)];
		for (const transport of transports) {
			const client = await connect(transport, { pin: '2026-07-28' });
			expect(textOf(await client.callTool(call(`${NAME}elicitation`)))).toBe('Hello, Ada!');
			expect(textOf(await client.callTool(call(`${NAME}multi_round`)))).toBe('Ada likes undefined');
		}
	});

	it('takes a request state back only for the call it was made for', async () => {
		const { url } = keep(await startModernHttp(suite));
		const _meta = { ...ENVELOPE, 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
		const ask = async (name: string, more = {}) => {
			const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, _meta, ...more } };
			return (await (await post(url, body, { ...MODERN_HEADERS, 'mcp-name': name })).json()) as Answered;
		};
		const { requestState } = (await ask(`${NAME}request_state`)).result!;
		const inputResponses = { confirm: { action: 'accept', content: { ok: true } } };
		const retry = { inputResponses, requestState };
		expect(textOf((await ask(`${NAME}request_state`, retry)).result)).toContain('state-ok');
		const invalid = { error: { code: -32602, data: { reason: 'invalid_request_state' } } };
		expect(await ask(`${NAME}tampered_state`, retry)).toMatchObject(invalid);
		expect(await ask(`${NAME}request_state`, { ...retry, arguments: { a: 1 } })).toMatchObject(invalid);
		expect(await ask(`${NAME}request_state`, { ...retry, requestState: `x${requestState}` })).toMatchObject(invalid);
	});
});

describe('tasks of the modern build', () => {
	it('tell those who listen how they end, if they can follow tasks', async () => {
		const { url } = keep(await startModernHttp({ conformance: true }));
		const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
		const send = (method: string, params: object, clientCapabilities: object = capabilities) => {
			const _meta = { ...ENVELOPE, 'io.modelcontextprotocol/clientCapabilities': clientCapabilities };
			const headers = { ...MODERN_HEADERS, 'mcp-method': method, 'mcp-name': 'slow_compute' };
			return post(url, { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }, headers);
		};
		const started = (await (await send('tools/call', call('slow_compute', { seconds: 0.2 }))).json()) as Answered;
		const notifications = { taskIds: [started.result!['taskId']] };
		expect((await send('subscriptions/listen', { notifications }, {})).status).toBe(400);
		const reader = (await send('subscriptions/listen', { notifications })).body!.getReader();
		const decoder = new TextDecoder();
		let text = '';
		while (!text.includes('notifications/tasks')) text += decoder.decode((await reader.read()).value);
		expect(text).toContain('"status":"completed"');
		await reader.cancel();
	});
});

describe('hostile behaviour', () => {
	const headers = { ...MODERN_HEADERS, 'mcp-name': 'echo' };

	it('asks for its credential, redirects, fails and distorts on demand', async () => {
		const recorder = keep(await startRecorder());
		const server = keep(await startModernHttp({ requireHeader: { header: 'x-api-key', value: 's' } }));
		const send = () => post(server.url, modernCall('echo', { text: 'x' }), headers);
		expect((await send()).status).toBe(401);
		server.setBehaviour({ requireHeader: undefined, hostile: { kind: 'redirect', location: recorder.url } });
		expect((await send()).headers.get('location')).toBe(recorder.url);
		server.setBehaviour({ hostile: { kind: 'html-500' } });
		expect((await send()).status).toBe(500);
		server.setBehaviour({ hostile: { kind: 'wrong-id', methods: ['tools/call'] } });
		expect(await (await send()).json()).toMatchObject({ id: 2 });
		server.setBehaviour({ hostile: { kind: 'truncated-json' } });
		await expect((await send()).json()).rejects.toThrow();
		server.setBehaviour({ hostile: { kind: 'cut-body' } });
		await expect((await send()).text()).rejects.toThrow();
		server.setBehaviour({ hostile: { kind: 'twice' } });
		expect((await (await send()).text()).match(/data: /g)).toHaveLength(2);
		server.setBehaviour({ hostile: { kind: 'huge-event', bytes: 100_000 } });
		expect((await (await send()).text()).length).toBeGreaterThan(100_000);
		await expect(post(await closedPortUrl(), {})).rejects.toThrow();
		expect(recorder.seen).toEqual([]);
	});

	it('never answers, drips for ever, and still closes', async () => {
		const server = keep(await startModernHttp({ hostile: { kind: 'drip', everyMs: 5 } }));
		const dripping = await post(server.url, modernCall('echo', { text: 'x' }), headers);
		const reader = dripping.body!.getReader();
		expect(new TextDecoder().decode((await reader.read()).value)).toContain(': drip');
		server.setBehaviour({ hostile: { kind: 'never' } });
		const never = post(server.url, modernCall('echo', { text: 'x' }), headers);
		const ended = expect(never).rejects.toThrow();
		await expect.poll(() => server.seen.length).toBe(2);
		await server.close();
		await ended;
		await expect(reader.read().then(() => reader.read())).rejects.toThrow();
	});
});
