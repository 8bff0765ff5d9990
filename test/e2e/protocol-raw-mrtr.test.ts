import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { keepForFile } from './protocol-clients.ts';
import { type ScriptedMessage, type ScriptedServer, startScripted, toolsText } from './protocol-scripted.ts';

const keep = keepForFile();
const READ = '"inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}';
const MINUTE_MS = 60_000;

let gateway: TestGateway;
let ada: string;
let bob: string;
let asking: ScriptedServer;
let other: ScriptedServer;

beforeAll(async () => {
	const script = {
		'tools/list': toolsText(`{"name":"ask",${READ}}`, `{"name":"ask2",${READ}}`, '{"name":"hidden"}'),
	};
	asking = keep(await startScripted('modern', script));
	other = keep(await startScripted('modern', script));
	gateway = keep(await startGateway(configOf(asking.url)));
	ada = gateway.tokenFor(['G'], { oid: '00000000-0000-4000-8000-00000000000a' });
	bob = gateway.tokenFor(['G'], { oid: '00000000-0000-4000-8000-00000000000b' });
});

beforeEach(() => {
	for (const server of [asking, other]) {
		server.seen.length = 0;
		server.say({ 'tools/call': ask, 'prompts/get': ask, 'resources/read': ask });
	}
});

function configOf(url: string) {
	const http = (at: string) => ({ transport: 'http', url: at });
	const servers = { asking: http(url), other: http(other.url), twin: http(url) };
	return {
		workspaces: { google: { servers }, microsoft: { servers } },
		grants: ['google', 'microsoft'].map((workspace) => ({ group: 'G', workspace, access: 'read' })),
	};
}

/** A server that asks first, with a state nobody would spell alike twice, and says what it got when it gets it back. */
function ask({ params }: ScriptedMessage): string {
	if (params['requestState'] === undefined) return `{ "x" : 1.0, ${QUESTION}, "requestState" : "s\\u00e9\\/1" }`;
	return `{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(params['requestState'])}}]}`;
}

const QUESTION =
	'"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"?"}}}';
const STATE = 'sé/1';

interface Sent {
	readonly token?: string;
	readonly server?: string;
	readonly workspace?: string;
	readonly method?: string;
	readonly id?: string | number;
}

async function send(params: Record<string, unknown>, sent: Sent = {}): Promise<PlainAnswer> {
	const { token = ada, server = 'asking', workspace = 'google', method = 'tools/call', id = 1 } = sent;
	const { body, headers } = modern(method, params, id);
	const address = `${gateway.url}/w/${workspace}/s/${server}/mcp`;
	return post(address, body, { authorization: `Bearer ${token}`, ...headers });
}

const FIRST = { name: 'ask', arguments: { n: 1, deep: { b: [2], a: 'x' } } };
const answered = (requestState: unknown, first: Record<string, unknown> = FIRST) => ({
	...first,
	inputResponses: { who: { action: 'accept' } },
	requestState,
});

async function stateOf(params: Record<string, unknown> = FIRST, sent: Sent = {}): Promise<string> {
	return (await send(params, sent)).json.result.requestState as string;
}

const callsSeen = (): readonly ScriptedMessage[] =>
	[...asking.seen, ...other.seen].filter(({ method }) =>
		['tools/call', 'prompts/get', 'resources/read'].includes(method),
	);

/** Expects that the retry is refused, that nothing of it went upstream, and that the audit says so. */
async function expectRefused(params: Record<string, unknown>, sent: Sent = {}): Promise<string> {
	const before = callsSeen().length;
	const { status, json } = await send(params, sent);
	expect([status, json.error.code, json.error.data]).toEqual([
		200,
		-32602,
		{ reason: 'invalid_request_state', code: 'PC_REQUEST_STATE_INVALID', request_id: expect.any(String) },
	]);
	expect(callsSeen()).toHaveLength(before);
	const lines = gateway.audit().filter(({ request }) => request === json.error.data.request_id);
	expect(lines).toMatchObject([{ kind: 'outcome', outcome: 'refused', code: 'PC_REQUEST_STATE_INVALID' }]);
	return String(lines[0]?.['detail']);
}

describe('the state of a question', () => {
	it('leaves sealed, with no other byte changed', async () => {
		const { text, json } = await send(FIRST, { id: 'c-1' });
		const sealed = json.result.requestState as string;
		expect(sealed).toMatch(/^[A-Za-z0-9_-]{60,}$/);
		const result = `{ "x" : 1.0, ${QUESTION}, "requestState" : "${sealed}" }`;
		expect(text).toBe(`{"jsonrpc":"2.0","id":"c-1","result":${result}}`);
	});

	it('leaves sealed on an event stream, too', async () => {
		const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"requestState":"mine"}}';
		const final = `{"jsonrpc":"2.0","id":$ID,"result":${ask({ params: {} } as ScriptedMessage)}}`;
		asking.say({ 'tools/call': `stream:${progress}\n${final}` });
		const { text, json } = await send(FIRST);
		const sealed = json.result.requestState as string;
		expect(sealed).not.toContain(STATE);
		expect(text).toContain(progress);
		expect(text).toContain(final.replace('$ID', '1').replace('"s\\u00e9\\/1"', `"${sealed}"`));
		asking.say({ 'tools/call': ask });
		expect((await send(answered(sealed))).json.result.content[0].text).toBe(STATE);
	});

	it.each<[string, Record<string, unknown>]>([
		['tools/call', { name: 'ask', arguments: { n: 1 } }],
		['prompts/get', { name: 'p', arguments: { a: 'b' } }],
		['resources/read', { uri: 'test://é' }],
	])('comes back to the server of %s as it was, in a message that is otherwise the caller’s', async (method, first) => {
		const encoded = method === 'resources/read' ? '=?base64?dGVzdDovL8Op?=' : (first['name'] as string);
		const token = { authorization: `Bearer ${ada}`, 'mcp-name': encoded };
		const url = `${gateway.url}/w/google/s/asking/mcp`;
		const call = modern(method, first);
		const asked = await post(url, call.body, { ...call.headers, ...token });
		const sealed = asked.json.result.requestState as string;
		const retry = modern(method, answered(sealed, first), 'r-1');
		const text = JSON.stringify(retry.body).replace('"id":"r-1"', '"x":1.0, "id" : "r-1"');
		const { json } = await post(url, text, { ...retry.headers, ...token });
		expect(json.result.content[0].text).toBe(STATE);
		expect(callsSeen().at(-1)?.text).toBe(text.replace(sealed, STATE));
	});

	it('is another one for each round, and each is good for its call', async () => {
		const [one, two] = [await stateOf(), await stateOf()];
		expect(one).not.toBe(two);
		asking.say({ 'tools/call': `{${QUESTION},"requestState":"second"}` });
		const second = (await send(answered(one))).json.result.requestState as string;
		asking.say({ 'tools/call': ask });
		expect((await send(answered(second))).json.result.content[0].text).toBe('second');
		expect((await send(answered(two))).json.result.content[0].text).toBe(STATE);
	});

	it('is not made up where the server gave none', async () => {
		const result = `{${QUESTION}}`;
		asking.say({ 'tools/call': result });
		expect((await send(FIRST)).text).toBe(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
		asking.say({ 'tools/call': '{"resultType":"complete","content":[]}' });
		const { inputResponses } = answered('');
		expect((await send({ ...FIRST, inputResponses })).json.result).toEqual({ resultType: 'complete', content: [] });
		expect(callsSeen().at(-1)?.params).not.toHaveProperty('requestState');
	});

	it('is left alone where it is none: in other results and in other methods', async () => {
		const complete = '{"resultType":"complete","content":[],"requestState":"r"}';
		asking.say({ 'tools/call': complete, 'vendor/ask': `{${QUESTION},"requestState":"r"}` });
		expect((await send(FIRST)).text).toContain(complete);
		const token = gateway.tokenFor(['G'], { oid: '00000000-0000-4000-8000-00000000000a' });
		await gateway.reconfigure({
			...configOf(asking.url),
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		});
		const answer = await send({ requestState: 'mine' }, { method: 'vendor/ask', token });
		expect(answer.json.result.requestState).toBe('r');
		expect(asking.seen.at(-1)?.params['requestState']).toBe('mine');
		await gateway.reconfigure(configOf(asking.url));
	});

	it('is for one person each, at the same time, with the same ids and the same words', async () => {
		const people = [ada, bob, ada, bob];
		const states = await Promise.all(people.map((token) => stateOf(FIRST, { token, id: 7 })));
		const echoes = await Promise.all(people.map((token, at) => send(answered(states[at]), { token, id: 8 })));
		for (const { json } of echoes) expect([json.id, json.result.content[0].text]).toEqual([8, STATE]);
		for (const [at, token] of [bob, ada, bob, ada].entries())
			await expectRefused(answered(states[at]), { token, id: 8 });
	});
});

describe('a retry is refused, and reaches no server,', () => {
	it('with the state of another person of the same workspace', async () => {
		expect(await expectRefused(answered(await stateOf()), { token: bob })).toBe('made for another call');
	});

	it('with the state of another server, even one at the same address, or of another workspace', async () => {
		const state = await stateOf();
		for (const server of ['other', 'twin']) await expectRefused(answered(state), { server });
		await expectRefused(answered(state), { workspace: 'microsoft' });
	});

	it('with the state of another tool or another method', async () => {
		const state = await stateOf();
		await expectRefused(answered(state, { ...FIRST, name: 'ask2' }));
		await expectRefused(answered(state), { method: 'prompts/get' });
	});

	it('with other arguments', async () => {
		const state = await stateOf();
		for (const args of [{}, { ...FIRST.arguments, n: 2 }, { ...FIRST.arguments, m: 1 }, undefined])
			await expectRefused(answered(state, { name: 'ask', ...(args !== undefined && { arguments: args }) }));
		await expectRefused({ ...answered(state), vendor: true });
		const { deep, n } = FIRST.arguments;
		const reordered = { arguments: { deep: { a: deep.a, b: deep.b }, n }, name: 'ask' };
		expect((await send(answered(state, reordered))).json.result.content[0].text).toBe(STATE);
	});

	it('with a state that is older than ten minutes', async () => {
		const state = await stateOf();
		try {
			vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 9.9 * MINUTE_MS });
			expect((await send(answered(state))).json.result.content[0].text).toBe(STATE);
			vi.setSystemTime(Date.now() + 0.2 * MINUTE_MS);
			expect(await expectRefused(answered(state))).toBe('expired');
		} finally {
			vi.useRealTimers();
		}
	});

	it('with a state that was tampered with, is the server’s own, or no text', async () => {
		const state = await stateOf();
		const changed = `${state.slice(0, 40)}${state[40] === 'A' ? 'B' : 'A'}${state.slice(41)}`;
		for (const forged of [changed, state.slice(1), `${state}A`, STATE, '', null, 7, {}, [state]])
			expect(await expectRefused(answered(forged))).toBe('not ours, or changed');
	});

	it('with a state under another spelling of its name', async () => {
		const { json } = await send({ ...FIRST, RequestState: STATE });
		expect([json.error.code, json.error.data.code]).toEqual([-32602, 'PC_PARAMS_INVALID']);
		expect(callsSeen()).toEqual([]);
	});

	it('with the state of another gateway, and after the server was changed', async () => {
		const second = keep(await startGateway(configOf(asking.url)));
		const { body, headers } = modern('tools/call', FIRST);
		const token = { authorization: `Bearer ${second.tokenFor(['G'])}` };
		const foreign = await post(`${second.url}/w/google/s/asking/mcp`, body, { ...headers, ...token });
		await expectRefused(answered(foreign.json.result.requestState));
		const state = await stateOf();
		await gateway.reconfigure(configOf(`${asking.url}?changed`));
		await expectRefused(answered(state));
		await gateway.reconfigure(configOf(asking.url));
		expect((await send(answered(state))).json.result.content[0].text).toBe(STATE);
	});

	it('without telling tools that are hidden from those that do not exist', async () => {
		await expectRefused(answered('x', { name: 'hidden' }));
		await expectRefused(answered('x', { name: 'nonesuch' }));
	});
});
