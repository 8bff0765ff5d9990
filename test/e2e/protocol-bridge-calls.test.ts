import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
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
import { keepForFile, type OpenStream, openPlainSession, openStream, soon } from './protocol-clients.ts';
import { startScripted, toolsText } from './protocol-scripted.ts';

const keep = keepForFile();
let gateway: TestGateway;
let authorization: { readonly authorization: string };
let fresh: HttpFixture;
let http: LegacyHttpFixture;
let sse: LegacySseFixture;
let logPath: string;

const WORK = '{"name":"work","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}';
const TASK = '{"resultType":"task","taskId":"t-1","status":"working"}';

beforeAll(async () => {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-log-'));
	keep({ close: async () => rmSync(folder, { recursive: true, force: true }) });
	logPath = join(folder, 'child.jsonl');
	fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	http = keep(await startLegacyHttp({ canary: 'HTTP' }));
	sse = keep(await startLegacySse({ canary: 'SSE' }));
	const script = { 'tools/list': toolsText(WORK), 'tools/call': TASK };
	const servers = {
		fresh: { transport: 'http', url: fresh.url },
		http: { transport: 'http', url: http.url },
		sse: { transport: 'sse', url: sse.url },
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD', era: 'legacy', logPath }) },
		'new-child': { transport: 'stdio', ...stdioServer({ canary: 'NEW-CHILD', era: 'modern' }) },
		tasks: { transport: 'http', url: keep(await startScripted('modern', script)).url },
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

const addressOf = (server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;
const sessionAt = (server: string) => openPlainSession(addressOf(server), authorization);

/** How many calls of `slow` a server has seen cancelled. */
const CANCELLED: Readonly<Record<string, () => number>> = {
	fresh: () => fresh.cancelled.length,
	http: () => http.cancelled.length,
	sse: () => sse.cancelled.length,
	child: () => readStdioLog(logPath).filter(({ event }) => event === 'cancelled').length,
};

const cancelledAt = (server: string): number => (CANCELLED[server] as () => number)();

function callModern(server: string, params: Record<string, unknown>, id: string | number = 1): Promise<OpenStream> {
	const { body, headers } = modern('tools/call', params, id);
	return openStream(addressOf(server), { ...authorization, ...headers }, body);
}

const slow = (ms: number, steps: number, token: string | number = 'mine') => ({
	name: 'slow',
	arguments: { ms, steps },
	_meta: { progressToken: token },
});

const META_LEVEL = 'io.modelcontextprotocol/logLevel';

describe.each(['http', 'sse', 'child', 'new-child'])('a modern call to %s', (server) => {
	it('sees progress under its own token, and callers with one token see their own', async () => {
		const streams = await Promise.all([3, 2].map((steps) => callModern(server, slow(60, steps), 'same-id')));
		const [three, two] = await Promise.all(streams.map((stream) => stream.rest()));
		const steps = (messages: readonly { params?: { progress: number; total: number; progressToken: string } }[]) =>
			messages.flatMap(({ params }) => (params ? [[params.progress, params.total, params.progressToken]] : []));
		expect(steps(three!)).toEqual([1, 2, 3].map((step) => [step, 3, 'mine']));
		expect(steps(two!)).toEqual([1, 2].map((step) => [step, 2, 'mine']));
		for (const messages of [three, two])
			expect(messages?.at(-1)).toMatchObject({ id: 'same-id', result: { resultType: 'complete' } });
	});

	it('is answered in plain JSON when it asked for nothing on the way', async () => {
		const { body, headers } = modern('tools/call', { name: 'slow', arguments: { ms: 1, steps: 3 } });
		const answer = await post(addressOf(server), body, { ...authorization, ...headers });
		expect(answer.headers.get('content-type')).toBe('application/json');
		expect(answer.json.result.resultType).toBe('complete');
	});

	it('is answered in plain JSON when the client takes no stream', async () => {
		const { body, headers } = modern('tools/call', slow(5, 2));
		const only = { ...authorization, ...headers, accept: 'application/json' };
		const answer = await post(addressOf(server), body, only);
		expect(answer.headers.get('content-type')).toBe('application/json');
		expect(answer.json.result.resultType).toBe('complete');
	});
});

describe.each(['http', 'sse', 'child'])('hanging up in the middle of a modern call to %s', (server) => {
	it('cancels it at the server', async () => {
		const before = cancelledAt(server);
		const stream = await callModern(server, slow(20_000, 2));
		expect(await stream.next()).toMatchObject({ params: { progress: 1 } });
		await stream.close();
		await soon(() => cancelledAt(server)).toBe(before + 1);
	});
});

describe.each(['fresh', 'sse', 'child'])('notifications/cancelled of a legacy session in front of %s', (server) => {
	it('cancels the call of that session at the server, and no call of another session', async () => {
		const [session, neighbour] = [await sessionAt(server), await sessionAt(server)];
		const before = cancelledAt(server);
		const stream = await openStream(addressOf(server), session.headers, legacy('tools/call', slow(20_000, 2), 7));
		await stream.next();
		const other = await openStream(addressOf(server), neighbour.headers, legacy('tools/call', slow(300, 2), 7));
		expect((await session.notify('notifications/cancelled', { requestId: 7 })).status).toBe(202);
		await soon(() => cancelledAt(server)).toBe(before + 1);
		expect((await stream.rest()).at(-1)).toMatchObject({ id: 7, error: { data: { code: 'PC_CALL_CANCELLED' } } });
		expect((await other.rest()).at(-1)).toMatchObject({ id: 7, result: { content: [{ type: 'text' }] } });
		expect(cancelledAt(server)).toBe(before + 1);
	});

	it('is accepted and ignored where it names nothing that runs', async () => {
		const session = await sessionAt(server);
		for (const requestId of [99, 'x', null, { a: 1 }])
			expect((await session.notify('notifications/cancelled', { requestId })).status).toBe(202);
		const loose = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
		expect((await post(addressOf(server), loose, authorization)).status).toBe(202);
	});
});

describe('notifications/cancelled at an aggregate address', () => {
	it('cancels the call at a legacy http server too', async () => {
		const url = `${gateway.url}/w/google/mcp`;
		const session = await openPlainSession(url, authorization);
		const before = cancelledAt('http');
		const params = { ...slow(20_000, 2), name: 'http__slow' };
		const stream = await openStream(url, session.headers, legacy('tools/call', params, 7));
		await stream.next();
		await session.notify('notifications/cancelled', { requestId: 7 });
		await soon(() => cancelledAt('http')).toBe(before + 1);
		await stream.rest();
	});
});

describe('log messages', () => {
	const log = (level: string, meta: object = {}) => ({ name: 'log', arguments: { level, text: level }, _meta: meta });

	it.each(['http', 'sse', 'child'])(
		'of %s reach the modern caller that asked for them, from its level on',
		async (server) => {
			const heard = async (level: string, meta: object) => {
				const messages = await (await callModern(server, log(level, meta))).rest();
				return messages.filter(({ method }) => method !== undefined);
			};
			expect(await heard('error', { [META_LEVEL]: 'warning' })).toEqual([
				{
					jsonrpc: '2.0',
					method: 'notifications/message',
					params: { level: 'error', logger: server.toUpperCase(), data: 'error' },
				},
			]);
			expect(await heard('info', { [META_LEVEL]: 'warning' })).toEqual([]);
			expect(await heard('emergency', {})).toEqual([]);
			expect(await heard('emergency', { [META_LEVEL]: 'nonsense' })).toEqual([]);
		},
	);

	it('of a modern server reach the legacy session that set a level, and no other', async () => {
		const [loud, quiet] = [await sessionAt('fresh'), await sessionAt('fresh')];
		await loud.request('logging/setLevel', { level: 'warning' });
		const heard = async (session: typeof loud, level: string) => {
			const stream = await openStream(addressOf('fresh'), session.headers, legacy('tools/call', log(level)));
			return (await stream.rest()).filter(({ method }) => method !== undefined).length;
		};
		expect(await heard(loud, 'error')).toBe(1);
		expect(await heard(loud, 'info')).toBe(0);
		expect(await heard(quiet, 'emergency')).toBe(0);
		const levelSent = fresh.seen.filter(({ name }) => name === 'log').map(({ text }) => text.includes(META_LEVEL));
		expect(levelSent.slice(-3)).toEqual([true, true, false]);
	});
});

describe('a question that the caller did not declare it answers, where the gateway holds the session', () => {
	it.each(['http', 'sse', 'child'])(
		'is refused to %s at once, and the call ends with what it made of it',
		async (server) => {
			const { body, headers } = modern('tools/call', {
				name: 'elicit',
				arguments: { message: 'Name?', rootsFirst: true },
			});
			const { json } = await post(addressOf(server), body, { ...authorization, ...headers });
			const refused = { error: { code: -32601, message: expect.stringContaining('nobody here who could answer') } };
			expect(json.result.structuredContent).toEqual({ roots: refused, response: refused });
		},
	);

	it('that needs a feature of the client is refused in words the caller understands', async () => {
		for (const server of ['fresh', 'new-child']) {
			const session = await sessionAt(server);
			const { status, json } = await session.request('tools/call', { name: 'ask', arguments: { question: 'Who?' } });
			expect([status, json.error.code, json.error.data.code]).toEqual([200, -32601, 'PC_CLIENT_FEATURE_UNSUPPORTED']);
			expect(json.error.message).toContain('this client did not say it can answer');
		}
	});

	it('is not invited by what a caller declares before it calls', async () => {
		await openPlainSession(addressOf('fresh'), authorization, { elicitation: {}, sampling: {} });
		for (const { body } of fresh.seen)
			expect(JSON.stringify(body)).toContain('"io.modelcontextprotocol/clientCapabilities":{}');
	});
});

describe('a task', () => {
	it('is refused clearly where its methods could not find back', async () => {
		const answers = [
			await (await sessionAt('tasks')).request('tools/call', { name: 'work', arguments: {} }),
			await post(`${gateway.url}/mcp`, legacy('tools/call', { name: 'google__tasks__work' }), authorization),
		];
		for (const { status, json } of answers) {
			expect([status, json.error.data.code]).toEqual([200, 'PC_CLIENT_FEATURE_UNSUPPORTED']);
			expect(json.result).toBeUndefined();
		}
	});

	it('is no method of an aggregate', async () => {
		for (const path of ['/mcp', '/w/google/mcp']) {
			const { body, headers } = modern('tasks/get', { taskId: 't-1' });
			const named = { ...authorization, ...headers, 'mcp-name': 't-1' };
			const { status, json } = await post(gateway.url + path, body, named);
			expect([status, json.error.code]).toEqual([404, -32601]);
		}
	});
});

describe('a session that the gateway keeps by itself', () => {
	it.each(['/w/google/s/fresh/mcp', '/w/google/s/child/mcp', '/w/google/mcp', '/mcp'])(
		'ends with DELETE at %s, and no other ends with it',
		async (path) => {
			const url = gateway.url + path;
			const [session, other] = [await openPlainSession(url, authorization), await openPlainSession(url, authorization)];
			expect((await session.request('tools/list')).status).toBe(200);
			expect((await fetch(url, { method: 'DELETE', headers: session.headers })).status).toBe(200);
			for (const method of ['tools/list', 'ping', 'tools/call'])
				expect((await session.request(method)).json.error.data.code).toBe('PC_SESSION_UNKNOWN');
			expect((await fetch(url, { method: 'DELETE', headers: session.headers })).status).toBe(404);
			expect((await other.request('tools/list')).status).toBe(200);
		},
	);
});
