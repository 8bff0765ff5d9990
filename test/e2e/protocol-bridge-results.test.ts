import { beforeAll, describe, expect, it } from 'vitest';
import { modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type HttpFixture, startLegacyHttp, startLegacySse, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession, type PlainSession, soon } from './protocol-clients.ts';
import { type ScriptedServer, startScripted, toolsText } from './protocol-scripted.ts';

const keep = keepForFile();
let gateway: TestGateway;
let authorization: { readonly authorization: string };
let fresh: HttpFixture;
let newer: ScriptedServer;
let older: ScriptedServer;

const HINT = '"annotations":{"readOnlyHint":true}';
const WORK = `{"name":"work","inputSchema":{"type":"object"},${HINT}}`;

beforeAll(async () => {
	fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	newer = keep(await startScripted('modern', { 'tools/list': toolsText(WORK) }));
	older = keep(await startScripted('legacy', { 'tools/list': `{"tools":[${WORK}]}` }));
	const http = (url: string) => ({ transport: 'http', url });
	const servers = {
		fresh: http(fresh.url),
		http: http(keep(await startLegacyHttp({ canary: 'HTTP' })).url),
		sse: { transport: 'sse', url: keep(await startLegacySse({ canary: 'SSE' })).url },
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD', era: 'legacy' }) },
		'new-child': { transport: 'stdio', ...stdioServer({ canary: 'NEW-CHILD', era: 'modern' }) },
		newer: http(newer.url),
		older: http(older.url),
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	// Lists are read anew each time, since the scripted servers change their mind.
	gateway = keep(
		await startGateway({ workspaces: { google: { servers } }, grants, limits: { upstream: { listAgeMs: 1 } } }),
	);
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

const addressOf = (server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;

async function sendModern(
	server: string,
	method: string,
	params: Record<string, unknown> = {},
	id: string | number = 1,
) {
	const { body, headers } = modern(method, params, id);
	return post(addressOf(server), body, { ...authorization, ...headers });
}

const sessionAt = (server: string): Promise<PlainSession> => openPlainSession(addressOf(server), authorization);
const BIG = '"vendorTop":{"big":12345678901234567890,"one":1.0},"_meta":{"vendor.example/trace":"t-1"}';

describe.each(['http', 'sse', 'child'])('a modern client in front of a legacy server over %s', (server) => {
	const canary = server.toUpperCase();

	it('gets results that say what kind they are, with every other byte as the server wrote it', async () => {
		const { text, json } = await sendModern(server, 'tools/call', { name: 'exotic', arguments: {} }, 'x');
		expect(json.result.resultType).toBe('complete');
		expect(text).toContain(`{"type":"text","text":"${canary}"},{"type":"hologram","depth":1.0,"data":"AA=="}`);
		expect(text).toContain(BIG);
	});

	it.each([
		['tools/list', {}],
		['prompts/list', {}],
		['resources/list', {}],
		['resources/templates/list', {}],
		['resources/read', { uri: 'test://static-text' }],
		['server/discover', {}],
	])('gets %s with cache hints, and they are private', async (method, params) => {
		const { status, json } = await sendModern(server, method, params);
		expect(status).toBe(200);
		expect(json.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
	});

	it('gets other results without cache hints', async () => {
		for (const [method, params] of [
			['tools/call', { name: 'echo', arguments: { text: 'x' } }],
			['prompts/get', { name: 'test_simple_prompt' }],
			['completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: '' } }],
		] as const) {
			const { json } = await sendModern(server, method, params);
			expect(json.result.resultType).toBe('complete');
			expect(Object.keys(json.result)).not.toEqual(expect.arrayContaining(['ttlMs']));
			expect(Object.keys(json.result)).not.toEqual(expect.arrayContaining(['cacheScope']));
		}
	});

	it('meets the errors of its own revision', async () => {
		const missing = await sendModern(server, 'resources/read', { uri: 'test://nothing' });
		expect([missing.status, missing.json.error.code, missing.json.error.data]).toEqual([
			200,
			-32602,
			{ uri: 'test://nothing' },
		]);
		for (const method of ['vendor/echo', 'ping', 'logging/setLevel', 'resources/subscribe']) {
			const { status, json } = await sendModern(server, method, { uri: 'a:b' });
			expect([method, status, json.error.code]).toEqual([method, 404, -32601]);
		}
		const failed = await sendModern(server, 'tools/call', { name: 'rpcError', arguments: {} }, 'e');
		expect(failed.json).toMatchObject({
			id: 'e',
			error: { code: -32000, message: `${canary}: rpc error`, data: { canary, 'x-vendor': [1, null] } },
		});
		const unknown = await sendModern(server, 'tools/call', { name: 'nothing', arguments: {} });
		expect([unknown.status, unknown.json.error.code]).toEqual([200, -32602]);
	});

	it('discovers what the server offers, less what cannot be delivered here', async () => {
		const { result } = (await sendModern(server, 'server/discover')).json;
		expect(result.supportedVersions).toEqual(['2026-07-28']);
		expect(result.instructions).toBe(`Use echo to be answered. [${canary}]`);
		expect(result.capabilities).toMatchObject({
			tools: { listChanged: true },
			resources: { listChanged: true, subscribe: true },
			prompts: { listChanged: true },
			completions: {},
		});
		expect(JSON.stringify(result.capabilities)).not.toMatch(/tasks|extensions/);
		expect(result._meta['io.modelcontextprotocol/serverInfo']).toMatchObject({ name: 'fixture' });
	});
});

describe.each(['fresh', 'new-child'])('a legacy client in front of the modern server %s', (server) => {
	const canary = server.toUpperCase();

	it('gets results without the words of the newer revision, every other byte as the server wrote it', async () => {
		const session = await sessionAt(server);
		const { text, json } = await session.request('tools/call', { name: 'exotic', arguments: {} }, 'x');
		expect(json.result.resultType).toBeUndefined();
		expect(text).toContain(`"text":"${canary}"},{"type":"hologram","depth":1.0,"data":"AA=="}`);
		expect(text).toContain(BIG);
	});

	it.each([
		['tools/list', {}],
		['prompts/list', {}],
		['resources/list', {}],
		['resources/templates/list', {}],
		['resources/read', { uri: 'test://static-text' }],
	])('gets %s without resultType, ttlMs and cacheScope', async (method, params) => {
		const { result } = (await (await sessionAt(server)).request(method, params)).json;
		for (const word of ['resultType', 'ttlMs', 'cacheScope']) expect(Object.keys(result)).not.toContain(word);
	});

	it('meets errors with the status its own revision gives them', async () => {
		const session = await sessionAt(server);
		const missing = await session.request('resources/read', { uri: 'test://nothing' });
		expect([missing.status, missing.json.error.code]).toEqual([200, -32602]);
		for (const method of ['vendor/echo', 'server/discover', 'subscriptions/listen']) {
			const { status, json } = await session.request(method, { uri: 'a:b' });
			expect([method, status, json.error.code]).toEqual([method, 200, -32601]);
		}
	});

	it('gets empty results that are empty', async () => {
		const session = await sessionAt(server);
		expect((await session.request('ping')).text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
		const level = await session.request('logging/setLevel', { level: 'info' });
		expect(level.text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
		const wrong = await session.request('logging/setLevel', { level: 'loud' });
		expect(wrong.json.error.code).toBe(-32602);
	});

	it('shakes hands with the revision it asked for, or the newest', async () => {
		for (const [asked, agreed] of [
			['2025-11-25', '2025-11-25'],
			['2025-03-26', '2025-03-26'],
			['2024-11-05', '2024-11-05'],
			['1999-01-01', '2025-11-25'],
		] as const) {
			const { result } = (await openPlainSession(addressOf(server), authorization, {}, asked)).initialized.json;
			expect(result).toMatchObject({
				protocolVersion: agreed,
				serverInfo: { name: 'fixture', title: 'Fixture server' },
				instructions: `Use echo to be answered. [${canary}]`,
			});
			expect(result.capabilities).toMatchObject({ resources: { listChanged: true, subscribe: true } });
			expect(JSON.stringify(result.capabilities)).not.toMatch(/tasks|extensions/);
		}
	});
});

describe('arguments that a modern server wants mirrored', () => {
	it.each(['eu', 'Zürich', ' padded ', '', 'a\nb', '=?base64?eA==?='])('travel as headers for %j', async (region) => {
		const session = await sessionAt('fresh');
		const answer = await session.request('tools/call', { name: 'regional', arguments: { region } });
		expect(answer.json.result?.content[0].text, answer.text).toBe(`FRESH: ${region}`);
	});

	it('are missing where the argument is missing, and nothing else of the caller travels', async () => {
		const session = await sessionAt('fresh');
		await session.request('tools/call', { name: 'regional', arguments: {} });
		const sent = fresh.seen.at(-1)!.headers;
		expect(sent).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'regional' });
		for (const name of ['mcp-param-region', 'mcp-session-id', 'authorization']) expect(sent[name]).toBeUndefined();
	});

	it('hide a tool that declares them against the rules', async () => {
		const bad = WORK.replace('{"type":"object"}', '{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}');
		newer.say({ 'tools/list': toolsText(WORK, bad.replace('work', 'bad')) });
		const session = await sessionAt('newer');
		const names = async () =>
			(await session.request('tools/list')).json.result.tools.map(({ name }: { name: string }) => name);
		await soon(names).toEqual(['work']);
		expect((await session.request('tools/call', { name: 'bad', arguments: {} })).json.error.code).toBe(-32602);
	});
});

describe('structured content of a modern server, for a legacy client', () => {
	const resultOf = async (text: string): Promise<PlainAnswer> => {
		newer.say({ 'tools/call': text });
		return (await sessionAt('newer')).request('tools/call', { name: 'work', arguments: {} }, 1);
	};

	it.each([
		['[1.0,12345678901234567890]', '{"result":[1.0,12345678901234567890]}'],
		['"text"', '{"result":"text"}'],
		['null', '{"result":null}'],
		['{"a":1.0}', '{"a":1.0}'],
	])('%s becomes %s, and the same as text', async (value, wrapped) => {
		const { text, json } = await resultOf(`{"resultType":"complete","structuredContent":${value},"content":[]}`);
		expect(text).toContain(`"structuredContent":${wrapped}`);
		expect(json.result.content).toEqual([{ type: 'text', text: value }]);
	});

	it('leaves the content alone where it holds a text already', async () => {
		const content = '"content":[ {"type":"image","x":1.0}, {"type":"text","text":"said"} ]';
		const { text } = await resultOf(`{"resultType":"complete","structuredContent":{"a":1},${content}}`);
		expect(text).toContain(content);
	});

	it('adds the text where there is other content only, or none', async () => {
		const image = '{"type":"image","x":1.0}';
		const { json } = await resultOf(`{"resultType":"complete","content":[${image}],"structuredContent":{"a":1}}`);
		expect(json.result.content).toEqual([
			{ type: 'image', x: 1 },
			{ type: 'text', text: '{"a":1}' },
		]);
		const bare = await resultOf('{"resultType":"complete","structuredContent":{"a":1}}');
		expect(bare.json.result.content).toEqual([{ type: 'text', text: '{"a":1}' }]);
	});
});

describe('an error of a server', () => {
	it('crosses with its data as the server wrote it', async () => {
		const data = '{ "big":12345678901234567890, "one" : 1.0, "text":"\\u00e9" }';
		newer.say({ 'tools/call': `error:{"data":${data},"message":"no","code":-32000,"x":1}` });
		const session = await sessionAt('newer');
		const { text, status } = await session.request('tools/call', { name: 'work', arguments: {} }, 'e');
		expect(status).toBe(200);
		expect(text).toBe(`{"jsonrpc":"2.0","id":"e","error":{"code":-32000,"message":"no","data":${data}}}`);
	});

	it.each([
		['{"code":"text","message":7}', -32603, 'The server answered with an error.'],
		['{}', -32603, 'The server answered with an error.'],
		['{"code":1e999,"message":"far"}', -32603, 'far'],
		['{"code":-32601,"message":"no such"}', -32601, 'no such'],
	])('that is half a one is made whole: %s', async (error, code, message) => {
		newer.say({ 'tools/call': `error:${error}` });
		const session = await sessionAt('newer');
		const { json } = await session.request('tools/call', { name: 'work', arguments: {} });
		expect(json.error).toEqual({ code, message });
	});

	it('about the hop between gateway and server is a fault of the gateway, and no business of the caller', async () => {
		const session = await sessionAt('newer');
		for (const code of [-32020, -32022]) {
			newer.say({ 'tools/call': `error:{"code":${code},"message":"Mcp-Method of portcullis"}` });
			const { status, json } = await session.request('tools/call', { name: 'work', arguments: {} });
			expect([status, json.error.data.code]).toEqual([500, 'PC_INTERNAL']);
			expect(JSON.stringify(json)).not.toContain('Mcp-Method');
		}
	});
});

describe('definitions of tools', () => {
	it('get an output schema that legacy clients can read', async () => {
		newer.say({ 'tools/list': toolsText(WORK.replace('"work",', '"work","outputSchema":{"type":"array","x":1.0},')) });
		const session = await sessionAt('newer');
		const schema = async () => (await session.request('tools/list')).json.result.tools[0].outputSchema;
		await soon(schema).toEqual({
			type: 'object',
			properties: { result: { type: 'array', x: 1 } },
			required: ['result'],
		});
	});

	it('lose what only legacy clients could act on', async () => {
		const execution = '"execution":{"taskSupport":"optional","x":1.0},';
		older.say({ 'tools/list': `{"tools":[${WORK.replace('"work",', `"work",${execution}`)}]}` });
		const tool = async () => (await sendModern('older', 'tools/list')).json.result.tools[0].execution;
		await soon(tool).toEqual({ x: 1 });
	});
});

describe('numbers on the way up', () => {
	it.each(['http', 'sse', 'child', 'new-child', 'fresh'])('reach %s as the client wrote them', async (server) => {
		const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":ARGS}}';
		const args = '{"text":"x","big":12345678901234567890,"one":1.0,"tiny":1e-400}';
		const session = await sessionAt(server);
		const answer = await post(addressOf(server), text.replace('ARGS', args), session.headers);
		expect(answer.status).toBe(200);
		if (server === 'fresh') expect(fresh.seen.at(-1)?.text).toContain(`"arguments":${args}`);
	});
});
