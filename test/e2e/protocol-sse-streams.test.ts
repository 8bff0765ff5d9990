import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp, stdioServer } from '../fakes/upstream.ts';
import { auditOf, expectRefusal, outcomeOf, refused } from './edge-refusal.ts';
import { keepForFile, keepForTest, soon } from './protocol-clients.ts';
import { type Authorization, openSse, type PlainSse } from './protocol-sse.ts';

const keep = keepForFile();
const keepShort = keepForTest();
const GRANTS = [{ group: 'G', workspace: 'google', access: 'write' }];
let gateway: TestGateway;
let old: LegacyHttpFixture;
let ada: Authorization;
let bob: Authorization;

const child = () => ({ transport: 'stdio', ...stdioServer({ canary: 'CHILD', era: 'legacy' }) });

beforeAll(async () => {
	old = keep(await startLegacyHttp({ canary: 'OLD' }));
	const google = { servers: { old: { transport: 'http', url: old.url }, child: child() } };
	const workspaces = { google, secret: { servers: { child: child() } } };
	const grants = [...GRANTS, { group: 'S', workspace: 'secret', access: 'write' }];
	gateway = keep(await startGateway({ workspaces, grants, limits: { bodyBytes: 10_000 } }));
	ada = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'ada' })}` };
	bob = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'bob' })}` };
});

const at = (path: string): string => gateway.url + path;
const CHILD = '/w/google/s/child/sse';
const open = async (path: string, who = ada): Promise<PlainSse> => keepShort(await openSse(at(path), who));
const slow = (ms: number) => ({ name: 'slow', arguments: { ms, steps: 1 } });

/** An answer without what differs from one request to the next. */
const bytes = ({ status, text, headers }: PlainAnswer) => [
	status,
	text.replace(headers.get('x-request-id') ?? '', 'ID'),
	[...headers.keys()].sort(),
];

async function get(path: string, headers: Readonly<Record<string, string>> = ada): Promise<PlainAnswer> {
	const response = await fetch(at(path), { headers: { accept: 'text/event-stream', ...headers } });
	const text = response.status === 200 ? '' : await response.text();
	if (response.status === 200) await response.body?.cancel();
	return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) };
}

describe('a stream', () => {
	it.each(['/sse', '/sse/', '/sse?x=1', '/w/google/sse', '/w/google/s/old/sse', '/w/google/s/old/sse/'])(
		'opens at %s, and says where to post',
		async (path) => {
			const { response, endpoint } = await open(path);
			const base = path.split('?', 1)[0]?.replace(/sse\/?$/, 'messages');
			expect(endpoint.replace(/=[A-Za-z0-9_-]{22}$/, '=ID')).toBe(`${base}?sessionId=ID`);
			expect(response.headers.get('content-type')).toBe('text/event-stream');
			expect(response.headers.get('x-accel-buffering')).toBe('no');
		},
	);

	it('is in the audit, and needs no server to answer', async () => {
		const { response } = await open(CHILD);
		const answer = { headers: response.headers } as PlainAnswer;
		expect(auditOf(gateway, answer)).toMatchObject([
			{ outcome: 'ok', method: 'listen', address: '/w/google/s/child/mcp', principal: { oid: 'ada' }, level: 'write' },
		]);
	});

	it('looks alike where there is nothing and where the caller may not look', async () => {
		const paths = ['/w/secret/sse', '/w/nowhere/sse', '/w/secret/s/child/sse', '/w/google/s/nothing/sse'];
		const answers = await Promise.all(paths.map((path) => get(path)));
		for (const answer of answers) expectRefusal(answer, 'PC_ADDRESS_UNKNOWN');
		expect(new Set(answers.map((answer) => JSON.stringify(bytes(answer)))).size).toBe(1);
	});

	it('needs a token, and the challenge names metadata that are there', async () => {
		for (const path of ['/w/google/sse', '/w/google/messages?sessionId=x']) {
			const answer = path.includes('messages') ? await post(at(path), legacy('ping')) : await get(path, {});
			expectRefusal(answer, 'PC_TOKEN_MISSING');
			const url = /resource_metadata="([^"]+)"/.exec(answer.headers.get('www-authenticate') ?? '')?.[1];
			const document = await (await fetch(String(url))).json();
			expect(document).toMatchObject({ resource: at('/w/google/sse') });
		}
	});

	it('opens for GET alone, at names of ours alone', async () => {
		for (const method of ['POST', 'DELETE', 'PUT']) {
			const answer = await fetch(at('/sse'), { method, headers: { ...ada, 'content-type': 'application/json' } });
			expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
		}
		expectRefusal(await get('/sse', { ...ada, origin: 'https://evil.example' }), 'PC_ORIGIN_REFUSED');
		expectRefusal(await get('/x/sse'), 'PC_ADDRESS_UNKNOWN');
	});

	it('is one of 32 that a person may have', async () => {
		const eve = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'eve' })}` };
		const streams = await Promise.all(Array.from({ length: 32 }, () => open('/sse', eve)));
		expect(new Set(streams.map(({ response }) => response.status))).toEqual(new Set([200]));
		expectRefusal(await get('/sse', eve), 'PC_TOO_MANY_OPEN');
		expect((await get('/sse', bob)).status).toBe(200);
		await streams[0]?.close();
		await soon(async () => (await get('/sse', eve)).status).toBe(200);
	});
});

describe('a message', () => {
	it('is accepted at once, whatever its answer will be', async () => {
		const sse = await open(CHILD);
		const posted = await sse.request('tools/call', slow(300), 'later');
		expect([posted.status, posted.text]).toEqual([202, 'Accepted']);
		expect(await sse.next()).toMatchObject({ id: 'later', result: {} });
		await sse.request('tools/call', { name: 'nope' }, 'refused');
		expect(await sse.next()).toMatchObject({ id: 'refused', error: { data: { code: 'PC_TOOL_UNKNOWN' } } });
	});

	it('for the stream of another person, another address or none is the same 404', async () => {
		const sse = await open('/w/google/sse');
		const id = sse.endpoint.split('=')[1];
		const list = legacy('tools/list', {}, 7);
		const answers = await Promise.all([
			sse.post(list, bob),
			post(at(`/w/google/s/old/messages?sessionId=${id}`), list, ada),
			post(at(`/messages?sessionId=${id}`), list, ada),
			post(at(`/w/nowhere/messages?sessionId=${id}`), list, ada),
			post(at('/w/google/messages?sessionId=AAAAAAAAAAAAAAAAAAAAAA'), list, ada),
			post(at(`/w/google/messages?sessionId=${id}x`), list, bob),
			post(at('/w/google/messages'), list, ada),
		]);
		for (const answer of answers) {
			expectRefusal(answer, 'PC_SESSION_UNKNOWN');
			expect(bytes(answer)).toEqual(bytes(answers[4] as PlainAnswer));
		}
		expect((await sse.post(list)).status).toBe(202);
		expect(await sse.next()).toMatchObject({ id: 7, result: {} });
	});

	it('that cannot be understood is answered to the POST', async () => {
		const sse = await open('/w/google/sse');
		const url = new URL(sse.endpoint, gateway.url).href;
		const typed = { ...ada, 'content-type': 'text/plain' };
		expect(outcomeOf(await sse.post('{'))).toBe(refused('PC_JSON_INVALID'));
		expect(outcomeOf(await sse.post('{"a":1}'))).toBe(refused('PC_MESSAGE_INVALID'));
		expect(outcomeOf(await sse.post([legacy('ping')]))).toBe(refused('PC_BATCH_REFUSED'));
		expect(outcomeOf(await sse.post('{}', typed))).toBe(refused('PC_MEDIA_TYPE'));
		expect(outcomeOf(await sse.post(`"${'x'.repeat(20_000)}"`))).toBe(refused('PC_BODY_TOO_LARGE'));
		expect(outcomeOf(await sse.post(legacy('ping'), {}))).toBe(refused('PC_TOKEN_MISSING'));
		expectRefusal(await get(new URL(url).pathname + new URL(url).search), 'PC_METHOD_NOT_ALLOWED');
		await sse.post(legacy('ping', [], 'p'));
		expect(await sse.next()).toMatchObject({ id: 'p', error: { data: { code: 'PC_PARAMS_INVALID' } } });
		await sse.post(legacy('ping', {}, 'v'), { ...ada, 'mcp-protocol-version': '1999-01-01' });
		expect(await sse.next()).toMatchObject({ id: 'v', error: { data: { code: 'PC_LEGACY_REVISION_UNSUPPORTED' } } });
	});

	it('needs a token of its own each time', async () => {
		const sse = await open('/w/google/sse');
		const elsewhere = { authorization: `Bearer ${gateway.tokenFor([], { oid: 'ada' })}` };
		await sse.post(legacy('tools/list', {}, 1), elsewhere);
		expect(await sse.next()).toMatchObject({ id: 1, error: { data: { code: 'PC_ADDRESS_UNKNOWN' } } });
	});

	it('is one of 128 in flight', async () => {
		const sse = await open(CHILD);
		const ids = Array.from({ length: 128 }, (_, id) => id);
		await Promise.all(ids.map((id) => sse.request('tools/call', slow(1_500), id)));
		await sse.request('tools/call', slow(1), 'over');
		expect(await sse.next()).toMatchObject({ id: 'over', error: { data: { code: 'PC_TOO_MANY_OPEN' } } });
		const answers = await Promise.all(ids.map(() => sse.next()));
		expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(ids));
	});

	it('cannot choose its session by a header', async () => {
		const theirs = await post(at('/w/google/s/old/mcp'), legacy('initialize', { protocolVersion: '2025-03-26' }), bob);
		const id = theirs.headers.get('mcp-session-id') ?? '';
		expect(id).not.toBe('');
		const sse = await open('/w/google/s/old/sse');
		await sse.initialize();
		await sse.post(legacy('tools/list', {}, 1), { ...ada, 'mcp-session-id': id });
		expect(await sse.next()).toMatchObject({ id: 1, result: {} });
	});
});

const alone = async (limits = {}): Promise<{ gateway: TestGateway; token: Authorization; config: object }> => {
	const config = { workspaces: { google: { servers: { child: child() } } }, grants: GRANTS, limits };
	const started = keepShort(await startGateway(config));
	return { gateway: started, token: { authorization: `Bearer ${started.tokenFor(['G'])}` }, config };
};

describe('the end of a stream', () => {
	it('comes with a new configuration, after the answers to calls in flight', async () => {
		const { gateway: own, token, config } = await alone();
		const [idle, busy] = [await openSse(own.url + CHILD, token), await openSse(own.url + CHILD, token)];
		await busy.initialize();
		await busy.request('tools/call', slow(700), 'last');
		await own.reconfigure({ ...config, limits: { batchMessages: 7 } });
		expect(await idle.next()).toBeUndefined();
		expect(outcomeOf(await idle.request('ping'))).toBe(refused('PC_SESSION_UNKNOWN'));
		expect(outcomeOf(await busy.request('ping'))).toBe(refused('PC_SESSION_UNKNOWN'));
		expect(await busy.next()).toMatchObject({ id: 'last', result: {} });
		expect(await busy.next()).toBeUndefined();
		expect((await openSse(own.url + CHILD, token)).response.status).toBe(200);
	});

	it('comes with a stop of the gateway, after the answers to calls in flight', async () => {
		const { gateway: own, token } = await alone();
		const [idle, busy] = [await openSse(own.url + CHILD, token), await openSse(own.url + CHILD, token)];
		await busy.initialize();
		await busy.request('tools/call', slow(500), 'last');
		own.app.beginDrain();
		expect(await idle.next()).toBeUndefined();
		expect((await openSse(own.url + CHILD, token)).response.status).toBe(503);
		expect(outcomeOf(await busy.request('ping'))).toBe(refused('PC_SHUTTING_DOWN'));
		expect(await busy.next()).toMatchObject({ id: 'last', result: {} });
		expect(await busy.next()).toBeUndefined();
	});

	it.each(['/w/google/s/old', '/w/google/s/child'])(
		'gives up the calls in flight at %s, for the audit too',
		async (path) => {
			const sse = await openSse(at(`${path}/sse`), ada);
			await sse.initialize();
			const posted = await sse.request('tools/call', slow(60_000), 5);
			await soon(() => auditOf(gateway, posted).length).toBe(1);
			await sse.close();
			await soon(() => auditOf(gateway, posted)).toMatchObject([{ tool: 'slow' }, { code: 'PC_CALL_CANCELLED' }]);
		},
	);

	it('leaves nothing behind', async () => {
		const abandon = async (path: string): Promise<void> => {
			const sse = await openSse(at(path), ada);
			await sse.initialize();
			if (path === CHILD) await sse.request('tools/call', slow(60_000), 1);
			await sse.close();
		};
		const round = () =>
			Promise.all(Array.from({ length: 12 }, () => ['/w/google/s/old/sse', CHILD].map(abandon)).flat());
		const held = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP/.test(kind)).length;
		await round();
		await soon(() => old.sessionCount()).toBeLessThan(5);
		const baseline = held();
		for (let index = 0; index < 5; index++) await round();
		await soon(() => old.sessionCount()).toBeLessThan(5);
		await soon(held).toBeLessThan(baseline + 24);
	});
});

describe('a server that ends its streams early', () => {
	it('is asked for the rest of an answer, and for its own stream again', async () => {
		const server = keepShort(await startPolling());
		const servers = { polling: { transport: 'http', url: server.url, era: 'legacy' } };
		const own = keepShort(await startGateway({ workspaces: { google: { servers } }, grants: GRANTS }));
		const token = { authorization: `Bearer ${own.tokenFor(['G'])}` };
		const sse = keepShort(await openSse(`${own.url}/w/google/s/polling/sse`, token));
		await sse.initialize();
		await soon(() => server.gets.length).toBe(1);
		await sse.request('tools/call', { name: 'poll', arguments: {} }, 'p');
		expect(await sse.next()).toMatchObject({ method: 'notifications/progress' });
		expect(await sse.next()).toEqual({ jsonrpc: '2.0', id: 'p', result: { content: [] } });
		await soon(() => server.gets).toEqual([undefined, 'a-1', 'a-2', undefined]);
		expect(server.revisions).toEqual(new Set(['2025-11-25']));
	});
});

interface PollingServer {
	readonly url: string;
	/** `Last-Event-ID` of each GET of the second session: the gateway itself holds the first. */
	readonly gets: (string | undefined)[];
	/** Revisions named after the handshake. */
	readonly revisions: Set<unknown>;
	close(): Promise<void>;
}

const RESULTS: Readonly<Record<string, object>> = {
	initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } },
	'tools/list': { tools: [{ name: 'poll', inputSchema: { type: 'object' } }] },
};

/** A server of 2025-11-25 that answers a call in three pieces, each on a stream of its own (SSE polling). */
async function startPolling(): Promise<PollingServer> {
	const gets: (string | undefined)[] = [];
	const revisions = new Set<unknown>();
	let callId: unknown;
	let sessions = 0;
	const pieces = (last: string | undefined): string => {
		const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } };
		if (last === 'a-1') return `id: a-2\ndata: ${JSON.stringify(progress)}\n\n`;
		return last === 'a-2' ? `data: ${JSON.stringify({ jsonrpc: '2.0', id: callId, result: { content: [] } })}\n\n` : '';
	};
	const server = createServer(async (request, response) => {
		if (request.method !== 'POST') {
			if (request.method !== 'GET') return void response.writeHead(200).end();
			const last = request.headers['last-event-id'] as string | undefined;
			if (request.headers['mcp-session-id'] === 'theirs-2') gets.push(last);
			revisions.add(request.headers['mcp-protocol-version']);
			return void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(pieces(last));
		}
		let text = '';
		for await (const chunk of request) text += String(chunk);
		const { id, method } = JSON.parse(text);
		if (id === undefined) return void response.writeHead(202).end();
		const isCall = method === 'tools/call';
		if (method === 'initialize') sessions++;
		if (isCall) callId = id;
		const type = isCall ? 'text/event-stream' : 'application/json';
		response.writeHead(200, { 'content-type': type, 'mcp-session-id': `theirs-${sessions}` });
		response.end(
			isCall ? 'id: a-1\nretry: 100\ndata:\n\n' : JSON.stringify({ jsonrpc: '2.0', id, result: RESULTS[method] }),
		);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
		gets,
		revisions,
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}
