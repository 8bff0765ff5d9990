import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { legacy, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import {
	connectNew,
	keepForFile,
	keepForTest,
	openPlainSession,
	openStream,
	soon,
	textOf,
} from './protocol-clients.ts';

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let old: LegacyHttpFixture;
let other: LegacyHttpFixture;
let ada: { readonly authorization: string };
let bob: { readonly authorization: string };
let url: string;

beforeAll(async () => {
	old = keep(await startLegacyHttp({ canary: 'OLD' }));
	other = keep(await startLegacyHttp({ canary: 'OTHER' }));
	const servers = { old: { transport: 'http', url: old.url }, other: { transport: 'http', url: other.url } };
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	ada = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'ada' })}` };
	bob = { authorization: `Bearer ${gateway.tokenFor(['G'], { oid: 'bob' })}` };
	url = `${gateway.url}/w/google/s/old/mcp`;
});

beforeEach(() => old.setBehaviour({ answers: 'auto', getStream: true, hostile: undefined }));

const echo = { name: 'echo', arguments: { text: 'x' } };
const refusal = (answer: { status: number; json: { error: { code: number } } }) => [
	answer.status,
	answer.json.error.code,
];
const idsSeen = () => old.seen.map(({ headers }) => headers['mcp-session-id']).filter((id) => id !== undefined);

describe('the session id', () => {
	it('is ours, and the one of the server never leaves the gateway', async () => {
		const session = await openPlainSession(url, ada);
		const answer = await session.request('tools/call', echo);
		expect(answer.status).toBe(200);
		expect(session.id).toMatch(/^[\x21-\x7e]{20,}$/);
		expect(idsSeen()).not.toContain(session.id);
		for (const id of new Set(idsSeen())) {
			expect(JSON.stringify([...session.initialized.headers, ...answer.headers])).not.toContain(id);
			expect(session.id).not.toContain(id);
		}
	});

	it('stands for one session of the server each', async () => {
		const before = old.sessionCount();
		const sessions = [await openPlainSession(url, ada), await openPlainSession(url, ada)];
		expect(old.sessionCount()).toBe(before + 2);
		expect(new Set(sessions.map(({ id }) => id)).size).toBe(2);
		for (const session of sessions) expect((await session.request('tools/call', echo)).status).toBe(200);
	});

	it('carries the capabilities that the client declared to the server', async () => {
		const capabilities = { elicitation: {}, experimental: { 'vendor/x': { n: 1.5 } } };
		await openPlainSession(url, ada, capabilities);
		const shakes = old.seen.filter(({ method }) => method === 'initialize').map(({ body }) => body);
		expect(shakes).toContainEqual(expect.objectContaining({ params: expect.objectContaining({ capabilities }) }));
	});

	it('is worth nothing to another person of the same workspace', async () => {
		const session = await openPlainSession(url, ada);
		const stolen = { ...session.headers, ...bob };
		for (const body of [legacy('tools/call', echo), legacy('tools/list'), legacy('ping')])
			expect(refusal(await post(url, body, stolen))).toEqual([404, -31404]);
		const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
		expect((await post(url, cancel, stolen)).status).toBe(404);
		expect((await fetch(url, { headers: { ...stolen, accept: 'text/event-stream' } })).status).toBe(404);
		expect((await fetch(url, { method: 'DELETE', headers: stolen })).status).toBe(404);
		expect((await session.request('tools/call', echo)).status).toBe(200);
	});

	it('is worth nothing at another address', async () => {
		const session = await openPlainSession(url, ada);
		const callsThere = () => other.seen.filter(({ method }) => method === 'tools/call').length;
		const before = callsThere();
		for (const path of ['/w/google/s/other/mcp', '/w/google/mcp', '/mcp'])
			expect(refusal(await post(gateway.url + path, legacy('tools/call', echo), session.headers))).toEqual([
				404, -31404,
			]);
		expect(callsThere()).toBe(before);
	});

	it('is refused when nobody gave it out, whatever its form', async () => {
		const { id } = await openPlainSession(url, ada);
		const [real] = idsSeen();
		const flipped = id.slice(0, -2) + (id.endsWith('AA') ? 'BB' : 'AA');
		for (const forged of ['nope', `${id}A`, id.slice(0, -1), flipped, String(real)]) {
			const answer = await post(url, legacy('tools/call', echo), { ...ada, 'mcp-session-id': forged });
			expect(refusal(answer)).toEqual([404, -31404]);
		}
	});

	it('ends when the definition of the server changes', async () => {
		const servers = { other: { transport: 'http', url: other.url, title: 'Before' } };
		const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
		const second = keepShort(await startGateway({ workspaces: { google: { servers } }, grants }));
		const address = `${second.url}/w/google/s/other/mcp`;
		const session = await openPlainSession(address, { authorization: `Bearer ${second.tokenFor(['G'])}` });
		expect((await session.request('tools/call', echo)).status).toBe(200);
		const changed = { other: { ...servers.other, limits: { totalMs: 1_000 } } };
		await second.reconfigure({ workspaces: { google: { servers: changed } }, grants });
		expect(refusal(await session.request('tools/call', echo))).toEqual([404, -31404]);
	});
});

describe('ending a session', () => {
	it('with DELETE ends it at the server too', async () => {
		const session = await openPlainSession(url, ada);
		const before = old.sessionCount();
		const ended = await fetch(url, { method: 'DELETE', headers: session.headers });
		expect(ended.status).toBe(200);
		expect(old.sessionCount()).toBe(before - 1);
		for (const method of ['tools/call', 'tools/list', 'prompts/list'])
			expect(refusal(await session.request(method, echo))).toEqual([404, -31404]);
	});

	it('by the server is told to the client with 404, and a new handshake works', async () => {
		const session = await openPlainSession(url, ada);
		old.dropSessions();
		expect(refusal(await session.request('tools/call', echo))).toEqual([404, -31404]);
		expect((await session.notify('notifications/roots/list_changed')).status).toBe(404);
		const again = await openPlainSession(url, ada);
		expect((await again.request('tools/call', echo)).status).toBe(200);
	});

	it('needs a session to end, and so does a stream to open', async () => {
		for (const method of ['DELETE', 'GET']) {
			const answer = await fetch(url, { method, headers: { ...ada, accept: 'text/event-stream' } });
			expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
		}
	});

	it('cannot be skipped: without one the server says what it says', async () => {
		const answer = await post(url, legacy('tools/call', echo), ada);
		expect([answer.status, answer.json.error.message]).toEqual([400, 'Bad Request: Server not initialized']);
	});
});

describe('the stream of a session', () => {
	it('passes that the tools have changed, and the list is new at once', async () => {
		const session = await openPlainSession(url, ada);
		const stream = await openStream(url, session.headers);
		expect(stream.headers.get('content-type')).toBe('text/event-stream');
		const names = async () => {
			const { json } = await session.request('tools/list');
			return json.result.tools.map(({ name }: { name: string }) => name);
		};
		const had = (await names()).includes('extra');
		await session.request('tools/call', { name: 'toggle_tool', arguments: {} });
		expect(await stream.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
		expect((await names()).includes('extra')).toBe(!had);
		await session.request('tools/call', { name: 'toggle_tool', arguments: {} });
		await stream.close();
	});

	it('passes the changes of a resource the client subscribed to', async () => {
		const session = await openPlainSession(url, ada);
		const stream = await openStream(url, session.headers);
		const uri = 'test://watched';
		expect((await session.request('resources/subscribe', { uri })).json.result).toEqual({});
		await session.request('tools/call', { name: 'touch', arguments: { uri } });
		expect(await stream.next()).toEqual({
			jsonrpc: '2.0',
			method: 'notifications/resources/updated',
			params: { uri },
		});
		await stream.close();
	});

	it('passes a question of the server and the answer of the client', async () => {
		const session = await openPlainSession(url, ada, { roots: {}, elicitation: {} });
		const stream = await openStream(url, session.headers);
		const params = { name: 'elicit', arguments: { message: 'Name?', rootsFirst: true } };
		const calling = openStream(url, session.headers, legacy('tools/call', params, 6));
		const question = await stream.next();
		expect(question.method).toBe('roots/list');
		const result = { roots: [{ uri: 'file:///r', 'x-vendor': 1 }] };
		const answer = await post(url, { jsonrpc: '2.0', id: question.id, result }, session.headers);
		expect([answer.status, answer.text]).toEqual([202, '']);
		const call = await calling;
		const next = await call.next();
		await post(url, { jsonrpc: '2.0', id: next.id, result: { action: 'cancel' } }, session.headers);
		expect(await call.rest()).toMatchObject([{ result: { structuredContent: { roots: result } } }]);
		await stream.close();
	});

	it('is given up at the server when the client hangs up, and can be opened again', async () => {
		const session = await openPlainSession(url, ada);
		const open = () => openStream(url, session.headers);
		await (await open()).close();
		await soon(async () => (await open()).status).toBe(200);
	});

	it('is 405 where the server has none', async () => {
		const session = await openPlainSession(url, ada);
		old.setBehaviour({ getStream: false });
		expect((await openStream(url, session.headers)).status).toBe(405);
	});
});

describe('a question of the server during a call', () => {
	it.each(['sse', 'auto'] as const)('reaches the person through an official client (%s)', async (answers) => {
		old.setBehaviour({ answers });
		const client = keepShort(await connectNew(url, ada.authorization.slice(7), 'legacy'));
		const result = await client.callTool({ name: 'elicit', arguments: { message: 'Name?' } });
		expect(textOf(result)).toContain('"name":"Ada"');
	});

	it('is answered by another POST of the same session, and by nobody else', async () => {
		const session = await openPlainSession(url, ada, { elicitation: {} });
		const params = { name: 'elicit', arguments: { message: 'Name?' } };
		const stream = await openStream(url, session.headers, legacy('tools/call', params, 5));
		const question = await stream.next();
		expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Name?' } });
		const response = { jsonrpc: '2.0', id: question.id, result: { action: 'decline' } };
		expect((await post(url, response, { ...session.headers, ...bob })).status).toBe(404);
		const foreign = await openPlainSession(url, bob, { elicitation: {} });
		expect((await post(url, response, foreign.headers)).status).toBe(400);
		expect((await post(url, response, session.headers)).status).toBe(202);
		expect(await stream.rest()).toMatchObject([
			{ id: 5, result: { structuredContent: { response: { action: 'decline' } } } },
		]);
	});
});

describe('a cancellation', () => {
	const slow = { name: 'slow', arguments: { ms: 20_000, steps: 2 }, _meta: { progressToken: 1 } };

	it('reaches the server with the session it belongs to', async () => {
		const [session, neighbour] = [await openPlainSession(url, ada), await openPlainSession(url, ada)];
		const before = old.cancelled.length;
		const stream = await openStream(url, session.headers, legacy('tools/call', slow, 77));
		await stream.next();
		await neighbour.notify('notifications/cancelled', { requestId: 77 });
		expect(old.cancelled).toHaveLength(before);
		expect((await session.notify('notifications/cancelled', { requestId: 77 })).status).toBe(202);
		await soon(() => old.cancelled.length).toBe(before + 1);
		expect(old.cancelled.at(-1)).toMatchObject({ id: 77, tool: 'slow' });
		await stream.rest();
	});

	it('is not what a hung-up connection means in this era', async () => {
		const session = await openPlainSession(url, ada);
		const before = old.cancelled.length;
		const params = { name: 'slow', arguments: { ms: 20, steps: 2 }, _meta: { progressToken: 1 } };
		const stream = await openStream(url, session.headers, legacy('tools/call', params, 78));
		await stream.next();
		await stream.close();
		const request = stream.headers.get('x-request-id');
		const outcome = () => gateway.audit().find((line) => line['request'] === request && line['kind'] === 'outcome');
		await soon(outcome).toMatchObject({ outcome: 'ok', tool: 'slow' });
		expect(old.cancelled).toHaveLength(before);
	});
});
