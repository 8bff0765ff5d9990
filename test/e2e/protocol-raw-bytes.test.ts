import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { legacy, modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type HttpFixture, type HttpFixtureOptions, startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession, openStream } from './protocol-clients.ts';

const keep = keepForFile();
let gateway: TestGateway;
let authorization: { readonly authorization: string };
let fresh: HttpFixture;
let old: HttpFixture<HttpFixtureOptions> & { setBehaviour(partial: object): void };

beforeAll(async () => {
	fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	old = keep(await startLegacyHttp({ canary: 'OLD' }));
	const http = (url: string) => ({ transport: 'http', url });
	const servers = { fresh: http(fresh.url), old: http(old.url) };
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

const addressOf = (server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;

const EXOTIC_RESULT =
	'"result":{"content":[{"type":"text","text":"CANARY"},{"type":"hologram","depth":1.0,"data":"AA=="}],' +
	'"vendorTop":{"big":12345678901234567890,"one":1.0},"_meta":{"vendor.example/trace":"t-1"}';

/** A message no serialiser would write: odd white space, member order, escapes, numbers, members nobody knows. */
function oddCall(meta: string): string {
	const inner = '{ "big":12345678901234567890 , "one" : 1.0,"tiny":1e-400, "deep":[ [ {} ] ] }';
	const params = `{"vendor/extra":${inner},  "arguments" :{"text":"\\u0067r\\u00fc\\u00dfe 👋\\n","more":${inner}},${meta}"name":"echo"}`;
	return `{ "vendorTop" : [1.0, null],"params": ${params} , "method":"tools\\/call","id" : "\\u0061bc", "jsonrpc":"2.0" }`;
}

const ENVELOPE =
	'"_meta":{"vendor.example/trace":12345678901234567890,"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
	'"io.modelcontextprotocol/clientCapabilities":{"extensions":{"x":1.0}}},';

const lastTo = (fixture: HttpFixture) => fixture.seen.filter(({ httpMethod }) => httpMethod === 'POST').at(-1)!;

describe('between a modern client and a modern server, a call', () => {
	it('goes up byte for byte', async () => {
		const text = oddCall(ENVELOPE);
		const headers = { ...authorization, ...modern('tools/call').headers, 'mcp-name': 'echo' };
		const answer = await post(addressOf('fresh'), text, headers);
		expect(lastTo(fresh).text).toBe(text);
		expect(answer.json).toMatchObject({ id: 'abc', result: { content: [{ text: 'FRESH: grüße 👋\n' }] } });
	});

	it('comes down byte for byte', async () => {
		const { body, headers } = modern('tools/call', { name: 'exotic', arguments: {} }, 7);
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		const direct = await post(fresh.url, body, headers);
		expect(answer.text).toBe(direct.text);
		expect(answer.text).toContain(EXOTIC_RESULT.replace('CANARY', 'FRESH'));
	});

	it('comes down byte for byte on an event stream', async () => {
		const meta = { progressToken: 'tok', 'io.modelcontextprotocol/logLevel': 'debug' };
		const { body, headers } = modern('tools/call', { name: 'slow', arguments: { ms: 1, steps: 3 }, _meta: meta }, 8);
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		const direct = await post(fresh.url, body, headers);
		expect(answer.headers.get('content-type')).toBe('text/event-stream');
		expect(answer.headers.get('x-accel-buffering')).toBe('no');
		expect(answer.text).toBe(direct.text);
		expect(answer.text).toContain('"x-vendor":"FRESH"');
	});

	it('may use methods nobody knows', async () => {
		const { body, headers } = modern('vendor/echo', { deep: [1, null, { a: 'ä' }] }, 'v');
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		expect(answer.status).toBe(200);
		expect(answer.json).toMatchObject({ id: 'v', result: { params: { deep: [1, null, { a: 'ä' }] } } });
	});

	it('is told of a method the server does not know with the status and body of the server', async () => {
		const { body, headers } = modern('vendor/unknown', {}, 9);
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		const direct = await post(fresh.url, body, headers);
		expect([answer.status, answer.text]).toEqual([404, direct.text]);
	});

	it('is told of an error of the server with code and data as they are', async () => {
		const { body, headers } = modern('tools/call', { name: 'rpcError', arguments: {} }, 10);
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		expect(answer.text).toBe((await post(fresh.url, body, headers)).text);
		expect(answer.json.error.data).toEqual({ canary: 'FRESH', 'x-vendor': [1, null] });
	});

	it('carries the mirrored headers of MCP, and no other header of the caller', async () => {
		const { body, headers } = modern('tools/call', { name: 'regional', arguments: { region: 'Zürich' } });
		const mirrored = { 'mcp-param-region': '=?base64?WsO8cmljaA==?=', 'mcp-param-unknown': 'kept' };
		const foreign = { cookie: 'a=b', 'x-forwarded-for': '1.2.3.4', 'x-custom': 'x', 'mcp-session-id': 'abc' };
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers, ...mirrored, ...foreign });
		expect(answer.json.result.content[0].text).toBe('FRESH: Zürich');
		const sent = lastTo(fresh).headers;
		expect(sent).toMatchObject({ ...mirrored, 'mcp-method': 'tools/call', 'mcp-name': 'regional' });
		expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(['cookie']));
		for (const name of [...Object.keys(foreign), 'authorization']) expect(sent[name]).toBeUndefined();
	});

	it('is refused by the server when a mirrored parameter is missing, and the refusal passes', async () => {
		const { body, headers } = modern('tools/call', { name: 'regional', arguments: { region: 'eu' } });
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		expect([answer.status, answer.json.error.code]).toEqual([400, -32020]);
		expect(answer.text).toBe((await post(fresh.url, body, headers)).text);
	});
});

describe('between a modern client and a modern server, lists', () => {
	it('keep what no client knows in the definition of a tool, byte for byte', async () => {
		const { body, headers } = modern('tools/list');
		const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
		const direct = await post(fresh.url, body, headers);
		expect(answer.json.result.tools).toEqual(direct.json.result.tools);
		expect(answer.json.result.tools[0]['x-vendor']).toEqual({ origin: 'fixture', nested: [1, null, true] });
		expect(answer.json.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
	});

	it.each(['prompts/list', 'resources/list', 'resources/templates/list', 'server/discover'])(
		'of %s pass as they are',
		async (method) => {
			const { body, headers } = modern(method, {}, 'l-1');
			const answer = await post(addressOf('fresh'), body, { ...authorization, ...headers });
			expect(answer.text).toBe((await post(fresh.url, body, headers)).text);
		},
	);

	it('are read in pages where the server gives pages', async () => {
		fresh.setBehaviour({ pageSize: 1 });
		const page = async (params: Record<string, unknown>) => {
			const { body, headers } = modern('prompts/list', params);
			return (await post(addressOf('fresh'), body, { ...authorization, ...headers })).json.result;
		};
		const first = await page({});
		const second = await page({ cursor: first.nextCursor });
		fresh.setBehaviour({ pageSize: 100 });
		expect(first.prompts).toHaveLength(1);
		expect(second.prompts).toHaveLength(1);
		expect(second.prompts).not.toEqual(first.prompts);
		expect(second.nextCursor).toBeUndefined();
	});
});

describe.each(['json', 'sse', 'auto'])(
	'between a legacy client and a legacy server that answers with %s',
	(answers) => {
		beforeEach(() => old.setBehaviour({ answers, eventIds: answers === 'sse' }));

		const isStream = (answer: PlainAnswer) => answer.headers.get('content-type') === 'text/event-stream';

		it('a call goes up byte for byte and its answer comes down as it is', async () => {
			const session = await openPlainSession(addressOf('old'), authorization);
			const text = oddCall('"_meta":{"vendor.example/trace":1.0},');
			const answer = await post(addressOf('old'), text, session.headers);
			expect(lastTo(old).text).toBe(text);
			expect(answer.json).toMatchObject({ id: 'abc', result: { content: [{ text: 'OLD: grüße 👋\n' }] } });
			const exotic = await session.request('tools/call', { name: 'exotic', arguments: {} }, 3);
			expect(exotic.text).toContain(`{"jsonrpc":"2.0","id":3,${EXOTIC_RESULT.replace('CANARY', 'OLD')}}}`);
			expect(isStream(exotic)).toBe(answers === 'sse');
		});

		it('a method nobody knows passes, and so does an error', async () => {
			const session = await openPlainSession(addressOf('old'), authorization);
			const vendor = await session.request('vendor/echo', { deep: [1] }, 4);
			expect(vendor.json.result).toEqual({ params: { deep: [1] }, canary: 'OLD' });
			const unknown = await session.request('vendor/unknown', {}, 5);
			expect([unknown.status, unknown.json.error.code]).toEqual([200, -32601]);
			const failed = await session.request('tools/call', { name: 'rpcError', arguments: {} }, 6);
			expect(failed.json.error).toMatchObject({ code: -32000, data: { 'x-vendor': [1, null] } });
		});
	},
);

describe('between a legacy client and a legacy server, on an event stream', () => {
	it.each(['sse', 'auto'])(
		'progress comes with the token of the caller and members nobody knows (%s)',
		async (answers) => {
			old.setBehaviour({ answers, eventIds: false });
			const session = await openPlainSession(addressOf('old'), authorization);
			const params = { name: 'slow', arguments: { ms: 1, steps: 2 }, _meta: { progressToken: 'mine' } };
			const stream = await openStream(addressOf('old'), session.headers, legacy('tools/call', params, 7));
			const messages = await stream.rest();
			const progress = { progressToken: 'mine', total: 2, 'x-vendor': 'OLD' };
			expect(messages.map((each) => each.params ?? each.id)).toEqual([
				{ ...progress, progress: 1 },
				{ ...progress, progress: 2 },
				7,
			]);
		},
	);

	it('event ids pass with the events they stand on', async () => {
		old.setBehaviour({ answers: 'sse', eventIds: true });
		const session = await openPlainSession(addressOf('old'), authorization);
		const answer = await session.request('tools/call', { name: 'echo', arguments: { text: 'x' } });
		expect(answer.text).toMatch(/^event: message\nid: [0-9a-f-]{36}\ndata: /);
	});
});
