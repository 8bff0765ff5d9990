import { beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { LONG_TOOL_NAME, ODD_TOOL_NAME, startLegacyHttp, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { CLIENTS, connect, keepForFile, keepForTest, textOf } from './protocol-clients.ts';
import { type ScriptedServer, startScripted } from './protocol-scripted.ts';

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let token: string;
let alone: ScriptedServer;

const LONG_SLUG = `${'long-'.repeat(12)}abc`;
const RESULT = '{"contents":[{"uri":"u","text":"read by alone"}]}';
const TEMPLATES =
	'{"resourceTemplates":[{"uriTemplate":"alone://{x}/end","name":"t"},{"uriTemplate":"test://template/{id}/data","name":"u"}]}';

beforeAll(async () => {
	alone = keep(
		await startScripted('legacy', {
			initialize:
				'{"protocolVersion":"2025-11-25","capabilities":{"resources":{}},"serverInfo":{"name":"a","version":"1"}}',
			'resources/list': '{"resources":[{"uri":"alone://fixed","name":"a"},{"uri":"test://static-text","name":"b"}]}',
			'resources/templates/list': TEMPLATES,
			'resources/read': RESULT,
			'completion/complete': '{"completion":{"values":["alone"]}}',
		}),
	);
	const http = (url: string) => ({ transport: 'http', url });
	const fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	const old = keep(await startLegacyHttp({ canary: 'OLD' }));
	const tools = { rules: { regional: { minimumLevel: 'write' } } };
	const workspaces = {
		google: { servers: { old: http(old.url), fresh: { ...http(fresh.url), tools }, alone: http(alone.url) } },
		microsoft: {
			servers: { old: http(old.url), [LONG_SLUG]: { transport: 'stdio', ...stdioServer({ canary: 'LONG' }) } },
		},
		zebra: { servers: { secret: http(old.url) } },
	};
	const grants = [
		{ group: 'M', workspace: 'microsoft', access: 'write' },
		{ group: 'G', workspace: 'google', access: 'write' },
		{ group: 'READERS', workspace: 'google', access: 'read' },
	];
	gateway = keep(await startGateway({ workspaces, grants }));
	token = gateway.tokenFor(['G', 'M']);
});

type Named = { readonly name: string; readonly uri: string; readonly description?: string };

async function list(path: string, method: string, as = token): Promise<readonly Named[]> {
	const { json } = await post(gateway.url + path, legacy(method), { authorization: `Bearer ${as}` });
	return json.result[method.split('/').at(-2) === 'templates' ? 'resourceTemplates' : method.split('/')[0]!];
}

const call = async (path: string, method: string, params: object) =>
	(await post(gateway.url + path, legacy(method, params), { authorization: `Bearer ${token}` })).json;

const tools = async (path: string) => (await list(path, 'tools/list')).map(({ name }) => name);
const ALL = ['/mcp', '/w/google/mcp', '/w/microsoft/mcp'];

describe('the name of a tool behind an aggregate address', () => {
	it('has the server before it, and the workspace where there are several', async () => {
		expect(await tools('/w/google/mcp')).toEqual(expect.arrayContaining(['old__echo', 'fresh__echo']));
		expect(await tools('/mcp')).toEqual(
			expect.arrayContaining(['google__old__echo', 'google__fresh__echo', 'microsoft__old__echo']),
		);
	});

	it.each(ALL)('is unique at %s and one that every model provider takes', async (path) => {
		const names = await tools(path);
		expect(names.length).toBeGreaterThan(30);
		expect(names.filter((name) => !/^[A-Za-z0-9_-]{1,64}$/.test(name))).toEqual([]);
		expect(new Set(names).size).toBe(names.length);
	});

	it.each(ALL)('calls the tool it stands for at %s, odd and long names included', async (path) => {
		for (const { name, description } of await list(path, 'tools/list')) {
			const canary = /\[(\w+)\]/.exec(description ?? '')?.[1];
			const about = description?.split(' [')[0];
			if (about === 'Has a name that fits nowhere.')
				expect(textOf((await call(path, 'tools/call', { name })).result)).toBe(`${canary}: odd`);
			if (about === 'Has a very long name.')
				expect(textOf((await call(path, 'tools/call', { name })).result)).toBe(`${canary}: long`);
			if (about !== 'Answers the text it was given.') continue;
			const { result } = await call(path, 'tools/call', { name, arguments: { text: 'x' } });
			expect(textOf(result)).toBe(`${canary}: x`);
		}
	});

	it('never changes while the name at the server does not', async () => {
		const first = await tools('/mcp');
		expect(await tools('/mcp')).toEqual(first);
		const again = keepShort(
			await startGateway({
				workspaces: { google: { servers: { old: { transport: 'stdio', ...stdioServer({ era: 'legacy' }) } } } },
				grants: [{ group: 'G', workspace: 'google', access: 'write' }],
			}),
		);
		const bearer = { authorization: `Bearer ${again.tokenFor(['G'])}` };
		const { json } = await post(`${again.url}/mcp`, legacy('tools/list'), bearer);
		const names = json.result.tools.map(({ name }: Named) => name);
		expect(names).toEqual(first.filter((name) => name.startsWith('google__old__')));
	});

	it('is not the name of the server, nor one of another address', async () => {
		for (const name of ['echo', ODD_TOOL_NAME, LONG_TOOL_NAME, `google__old__${ODD_TOOL_NAME}`, 'old__echo', '', '__'])
			expect((await call('/mcp', 'tools/call', { name })).error.code).toBe(-32602);
		for (const name of ['google__old__echo', 'microsoft__old__echo', 'zebra__secret__echo', 'secret__echo'])
			expect((await call('/w/google/mcp', 'tools/call', { name })).error.code).toBe(-32602);
		expect((await call('/mcp', 'tools/call', { name: 'zebra__secret__echo' })).error.code).toBe(-32602);
	});

	it('of the server is what stands in the audit', async () => {
		const url = `${gateway.url}/w/google/mcp`;
		const odd = (await list('/w/google/mcp', 'tools/list')).filter(({ description }) =>
			description?.startsWith('Has a'),
		);
		for (const { name } of odd) {
			const { headers } = await post(url, legacy('tools/call', { name }), { authorization: `Bearer ${token}` });
			const lines = gateway.audit().filter((line) => line['request'] === headers.get('x-request-id'));
			expect(lines).toHaveLength(2);
			for (const line of lines) expect(line['tool']).toBeOneOf([ODD_TOOL_NAME, LONG_TOOL_NAME]);
		}
		expect(odd).toHaveLength(4);
	});
});

describe('the order of a list', () => {
	it('is by workspace, by server and then as the server has it', async () => {
		const runsOf = (words: readonly (string | undefined)[]) => words.filter((word, index) => word !== words[index - 1]);
		const canaries = (await list('/mcp', 'tools/list')).map(
			({ description }) => /\[(\w+)\]/.exec(description ?? '')?.[1],
		);
		expect(runsOf(canaries)).toEqual(['FRESH', 'OLD', 'LONG', 'OLD']);
		const workspaces = (await tools('/mcp')).map((name) => name.split('__')[0]);
		expect(runsOf(workspaces)).toEqual(['google', 'microsoft']);
		const own = (await list('/w/google/s/old/mcp', 'tools/list')).map(({ description }) => description);
		const behind = (await list('/w/google/mcp', 'tools/list')).map(({ description }) => description);
		expect(behind.filter((each) => each?.endsWith('[OLD]'))).toEqual(own);
	});

	it('does not depend on the order of the groups in the token', async () => {
		const other = gateway.tokenFor(['M', 'other', 'G'], { oid: 'somebody-else' });
		for (const method of ['tools/list', 'prompts/list', 'resources/list'])
			expect(await list('/mcp', method, other)).toEqual(await list('/mcp', method));
	});
});

describe('prompts behind an aggregate address', () => {
	it('are named like tools and found by that name', async () => {
		const names = (await list('/mcp', 'prompts/list')).map(({ name }) => name);
		expect(names).toContain('google__fresh__test_simple_prompt');
		for (const name of names.filter((each) => each.includes('simple'))) {
			const { result } = await call('/mcp', 'prompts/get', { name });
			expect(JSON.stringify(result)).toContain('a simple prompt');
		}
		expect((await call('/mcp', 'prompts/get', { name: 'test_simple_prompt' })).error.code).toBe(-32602);
	});

	it('are completed by the server they belong to', async () => {
		const ref = { type: 'ref/prompt', name: 'old__test_prompt_with_arguments', title: 'kept' };
		const params = { ref, argument: { name: 'arg1', value: 'O' } };
		expect((await call('/w/google/mcp', 'completion/complete', params)).result.completion.values).toEqual(['OLD']);
	});
});

describe('resources behind an aggregate address', () => {
	it('that several servers have are wrapped, and each is read from its own', async () => {
		const resources = await list('/mcp', 'resources/list');
		const shared = resources.filter(({ uri }) => uri.endsWith(encodeURIComponent('test://static-text')));
		expect(shared.map(({ uri }) => uri.slice(0, uri.lastIndexOf('/')))).toEqual([
			'portcullis://google/alone',
			'portcullis://google/fresh',
			'portcullis://google/old',
			`portcullis://microsoft/${LONG_SLUG}`,
			'portcullis://microsoft/old',
		]);
		const texts = await Promise.all(
			shared.map(async ({ uri }) => JSON.stringify((await call('/mcp', 'resources/read', { uri })).result)),
		);
		const said = ['read by alone', 'FRESH: static', 'OLD: static', 'LONG: static', 'OLD: static'];
		expect(texts).toEqual(said.map((each) => expect.stringContaining(each)));
		expect(alone.seen.filter(({ method }) => method === 'resources/read').at(-1)?.params).toEqual({
			uri: 'test://static-text',
		});
	});

	it('that one server has keep their URI', async () => {
		const uris = (await list('/mcp', 'resources/list')).map(({ uri }) => uri);
		expect(uris).toContain('alone://fixed');
		expect((await call('/mcp', 'resources/read', { uri: 'alone://fixed' })).result).toEqual(JSON.parse(RESULT));
	});

	it('are found by template where only one server fits, and not guessed where several do', async () => {
		const uri = 'alone://anything/end';
		expect((await call('/mcp', 'resources/read', { uri })).result).toEqual(JSON.parse(RESULT));
		const shared = await call('/mcp', 'resources/read', { uri: 'test://template/7/data' });
		expect(shared.error.code).toBe(-32602);
		expect((await call('/mcp', 'resources/read', { uri: 'test://static-text' })).error.code).toBe(-32602);
	});

	it('are not reached through a wrapped URI of a workspace the caller does not have', async () => {
		const inner = encodeURIComponent('test://static-text');
		for (const uri of [
			`portcullis://zebra/secret/${inner}`,
			`portcullis://google/secret/${inner}`,
			`portcullis://google/${inner}`,
			'portcullis://google/old/%zz',
		])
			expect((await call('/mcp', 'resources/read', { uri })).error.code).toBe(-32602);
		const elsewhere = `portcullis://microsoft/old/${inner}`;
		expect((await call('/w/google/mcp', 'resources/read', { uri: elsewhere })).error.code).toBe(-32602);
	});

	it('have templates that are completed by the one server that has them', async () => {
		const argument = { name: 'x', value: 'a' };
		const own = { ref: { type: 'ref/resource', uri: 'alone://{x}/end' }, argument };
		expect((await call('/mcp', 'completion/complete', own)).result.completion.values).toEqual(['alone']);
		const shared = { ref: { type: 'ref/resource', uri: 'test://template/{id}/data' }, argument };
		expect((await call('/mcp', 'completion/complete', shared)).error.code).toBe(-32602);
		for (const ref of [{ type: 'ref/else' }, { type: 'ref/resource' }, { type: 'ref/prompt' }, null, 'x'])
			expect((await call('/mcp', 'completion/complete', { ref, argument })).error.code).toBe(-32602);
	});
});

describe.each(CLIENTS)('the %s client', (kind) => {
	it('uses odd and long names like any other', async () => {
		const client = keepShort(await connect(kind, `${gateway.url}/mcp`, token));
		const all = (await client.listTools()).tools.filter(({ description }) => description?.startsWith('Has a'));
		expect(all).toHaveLength(8);
		for (const { name } of all) expect(textOf(await client.callTool({ name }))).toMatch(/^\w+: (?:odd|long)$/);
	});
});

describe('a modern call', () => {
	it('mirrors the exposed name, and the server is told its own', async () => {
		const name = 'google__fresh__regional';
		const { body, headers } = modern('tools/call', { name, arguments: { region: 'eu' } });
		const bearer = { authorization: `Bearer ${token}`, 'mcp-param-region': 'eu' };
		expect(textOf((await post(`${gateway.url}/mcp`, body, { ...bearer, ...headers })).json.result)).toBe('FRESH: eu');
		for (const region of ['us', '=?base64?Z?=']) {
			const wrong = await post(`${gateway.url}/mcp`, body, { ...bearer, ...headers, 'mcp-param-region': region });
			expect([wrong.status, wrong.json.error.code]).toEqual([400, -32020]);
		}
		const inner = await post(`${gateway.url}/mcp`, body, { ...bearer, ...headers, 'mcp-name': 'regional' });
		expect([inner.status, inner.json.error.code]).toEqual([400, -32020]);
	});

	it('of a hidden tool with wrong headers is refused like one of a tool that does not exist', async () => {
		const reader = { authorization: `Bearer ${gateway.tokenFor(['READERS'])}` };
		const refusal = async (path: string, name: string) => {
			const { body, headers } = modern('tools/call', { name, arguments: { region: 'eu' } });
			const { status, json } = await post(gateway.url + path, body, { ...reader, ...headers });
			return [status, json.error.code, json.error.message];
		};
		expect(await refusal('/mcp', 'google__fresh__regional')).toEqual(await refusal('/mcp', 'google__fresh__nothing'));
		expect(await refusal('/w/google/mcp', 'fresh__regional')).toEqual(await refusal('/w/google/mcp', 'fresh__nothing'));
	});
});
