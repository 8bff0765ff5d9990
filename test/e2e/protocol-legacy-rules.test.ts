import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession } from './protocol-clients.ts';

const keep = keepForFile();
let gateway: TestGateway;
let sessionless: LegacyHttpFixture;
let authorization: { readonly authorization: string };

beforeAll(async () => {
	const http = (url: string) => ({ transport: 'http', url });
	sessionless = keep(await startLegacyHttp({ canary: 'OLD', sessions: false }));
	const servers = {
		old: http(sessionless.url),
		sessions: http(keep(await startLegacyHttp({ canary: 'SESSIONS' })).url),
		fresh: http(keep(await startModernHttp({ canary: 'FRESH' })).url),
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD', era: 'legacy' }) },
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants, limits: { batchMessages: 5 } }));
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

beforeEach(() => sessionless.seen.splice(0));

const ADDRESSES = [
	['/w/google/s/old/mcp', ''],
	['/w/google/s/fresh/mcp', ''],
	['/w/google/s/child/mcp', ''],
	['/w/google/mcp', 'fresh__'],
	['/mcp', 'google__fresh__'],
] as const;

describe.each(ADDRESSES)('the version header at %s', (path) => {
	const list = legacy('tools/list', {}, 'v');

	it.each(['2025-11-25', '2025-06-18', '2025-03-26'])('may say %s', async (version) => {
		const answer = await post(gateway.url + path, list, { ...authorization, 'mcp-protocol-version': version });
		expect(answer.status, answer.text).toBe(200);
	});

	it('may be missing', async () => {
		expect((await post(gateway.url + path, list, authorization)).status).toBe(200);
	});

	it.each(['1999-01-01', 'latest', ''])('is refused when it says "%s"', async (version) => {
		const answer = await post(gateway.url + path, list, { ...authorization, 'mcp-protocol-version': version });
		expect([answer.status, answer.json.id, answer.json.error.code]).toEqual([400, 'v', -32600]);
		expect(answer.json.error.data.supported).toContain('2025-11-25');
	});

	it('decides nothing about a handshake', async () => {
		for (const version of ['2025-11-25', '2026-07-28', '1999-01-01', 'junk']) {
			const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
			const headers = { ...authorization, 'mcp-protocol-version': version };
			const answer = await post(gateway.url + path, legacy('initialize', params), headers);
			expect([version, answer.status, answer.json.result?.protocolVersion]).toEqual([version, 200, '2025-11-25']);
		}
	});

	it('of 2026-07-28 makes a request modern, so that its envelope is missing', async () => {
		const headers = { ...authorization, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
		const answer = await post(gateway.url + path, list, headers);
		expect([answer.status, answer.json.error.code]).toEqual([400, -32602]);
	});
});

describe.each(ADDRESSES)('a batch at %s', (path, prefix) => {
	const echo = (text: string, id: string | number) =>
		legacy('tools/call', { name: `${prefix}echo`, arguments: { text } }, id);
	const note = (method: string) => ({ jsonrpc: '2.0', method });
	const send = (batch: unknown, headers: object = {}) =>
		post(gateway.url + path, batch, { ...authorization, ...headers });

	it('is answered in order, notifications left out', async () => {
		const batch = [echo('a', 1), note('notifications/initialized'), legacy('ping', {}, 'two'), echo('b', 3)];
		const answer = await send(batch);
		expect(answer.status, answer.text).toBe(200);
		expect(answer.headers.get('content-type')).toBe('application/json');
		expect(answer.json).toMatchObject([
			{ id: 1, result: { content: [{ text: expect.stringContaining(': a') }] } },
			{ id: 'two', result: {} },
			{ id: 3, result: { content: [{ text: expect.stringContaining(': b') }] } },
		]);
	});

	it('may begin with a notification', async () => {
		expect((await send([note('notifications/initialized'), echo('a', 1)])).json).toMatchObject([{ id: 1 }]);
	});

	it('of notifications alone is accepted without a body', async () => {
		const answer = await send([note('notifications/initialized'), note('notifications/roots/list_changed')]);
		expect([answer.status, answer.text]).toEqual([202, '']);
	});

	it('has errors where the failed calls stood, the first included', async () => {
		const nope = legacy('tools/call', { name: 'nope' }, 'e');
		for (const batch of [
			[nope, echo('a', 1)],
			[echo('a', 1), nope],
		]) {
			const answer = await send(batch);
			expect(answer.status, answer.text).toBe(200);
			const kinds = (answer.json as { id: unknown; error?: { code: number } }[]).map((each) => [
				each.id,
				each.error?.code,
			]);
			expect(kinds).toEqual(batch.map((each) => (each === nope ? ['e', -32602] : [1, undefined])));
		}
	});

	it('is recorded call by call', async () => {
		const { headers } = await send([echo('a', 1), echo('b', 2)]);
		const request = String(headers.get('x-request-id'));
		const outcomes = gateway
			.audit()
			.filter((line) => line['kind'] === 'outcome' && String(line['request']).startsWith(request));
		expect(outcomes.map((line) => [line['tool'], line['outcome']])).toEqual([
			['echo', 'ok'],
			['echo', 'ok'],
		]);
		expect(new Set(outcomes.map((line) => line['request'])).size).toBe(2);
	});

	it('is gone from later revisions', async () => {
		for (const version of ['2025-06-18', '2025-11-25']) {
			const answer = await send([echo('a', 1)], { 'mcp-protocol-version': version });
			expect([version, answer.status, answer.json.error.code]).toEqual([version, 400, -32600]);
		}
		expect((await send([echo('a', 1)], { 'mcp-protocol-version': '2025-03-26' })).status).toBe(200);
	});

	it('has limits, and no element that is modern or no message', async () => {
		const { body } = modern('tools/list', {}, 9);
		const refused = [
			[],
			Array.from({ length: 6 }, (_, id) => echo('x', id)),
			[1],
			[[]],
			[null],
			[echo('a', 1), { jsonrpc: '1.0', id: 2, method: 'ping' }],
			[echo('a', 1), body],
			[body],
		];
		for (const batch of refused) {
			const answer = await send(batch);
			expect(answer.status, JSON.stringify(batch)).toBe(400);
			expect(answer.json.error.code).toBeOneOf([-32600, -32020]);
		}
		expect(sessionless.seen.filter(({ name }) => name === 'echo')).toEqual([]);
	});
});

describe('a batch in a session', () => {
	it('belongs to the session, call by call', async () => {
		const url = `${gateway.url}/w/google/s/sessions/mcp`;
		const session = await openPlainSession(url, authorization, {}, '2025-03-26');
		const batch = [legacy('tools/call', { name: 'echo', arguments: { text: 'a' } }, 1), legacy('ping', {}, 2)];
		const answer = await post(url, batch, session.headers);
		expect(answer.json).toMatchObject([
			{ id: 1, result: {} },
			{ id: 2, result: {} },
		]);
		const lost = await post(url, batch, { ...session.headers, 'mcp-session-id': 'nope' });
		expect(lost.status).toBe(404);
	});
});

describe.each(ADDRESSES)('a notification or an answer at %s', (path) => {
	it.each(['notifications/initialized', 'notifications/progress', 'notifications/roots/list_changed', 'vendor/note'])(
		'such as %s is accepted without a body',
		async (method) => {
			const answer = await post(gateway.url + path, { jsonrpc: '2.0', method }, authorization);
			expect([answer.status, answer.text]).toEqual([202, '']);
		},
	);

	it('that nobody waits for does no harm', async () => {
		if (path.includes('/s/old/')) return;
		const answer = await post(gateway.url + path, { jsonrpc: '2.0', id: 'x', result: {} }, authorization);
		expect(answer.status).toBe(202);
	});
});
