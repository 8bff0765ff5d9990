import type { Client } from '@modelcontextprotocol/client';
import { beforeAll, describe, expect, it } from 'vitest';
import { modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type HttpFixture, startModernHttp } from '../fakes/upstream.ts';
import { connectNew, keepForFile, keepForTest, openStream, soon, textOf } from './protocol-clients.ts';
import { type ScriptedServer, startScripted, toolsText } from './protocol-scripted.ts';

const keep = keepForFile();
const keepShort = keepForTest();
let gateway: TestGateway;
let token: string;
let authorization: { readonly authorization: string };
let fresh: HttpFixture;
let scripted: ScriptedServer;

const TOOL = '{"name":"work","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}';

beforeAll(async () => {
	fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	scripted = keep(await startScripted('modern', { 'tools/list': toolsText(TOOL) }));
	const http = (url: string) => ({ transport: 'http', url });
	const servers = { fresh: http(fresh.url), scripted: http(scripted.url) };
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	token = gateway.tokenFor(['G']);
	authorization = { authorization: `Bearer ${token}` };
});

const addressOf = (server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;
const connectTo = async (server: string): Promise<Client> => keepShort(await connectNew(addressOf(server), token));

async function send(server: string, method: string, params: Record<string, unknown> = {}, id: string | number = 1) {
	const { body, headers } = modern(method, params, id);
	return post(addressOf(server), body, { ...authorization, ...headers });
}

describe('a question that travels as input_required', () => {
	const ELICITS = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
	const asking = { name: 'ask', arguments: { question: 'Who?' }, _meta: ELICITS };

	it('is put to the person by an official client', async () => {
		const client = await connectTo('fresh');
		const result = await client.callTool({ name: 'ask', arguments: { question: 'Who?' } });
		expect(textOf(result)).toBe('FRESH: Who? → {"action":"accept","content":{"name":"Ada"}}');
	});

	it('comes with a state that the server knows when it comes back', async () => {
		const first = (await send('fresh', 'tools/call', asking, 1)).json.result;
		expect(first).toMatchObject({
			resultType: 'input_required',
			inputRequests: { answer: { method: 'elicitation/create', params: { message: 'Who?' } } },
		});
		const inputResponses = { answer: { action: 'accept', content: { name: 'Grace' } } };
		const second = await send(
			'fresh',
			'tools/call',
			{ ...asking, inputResponses, requestState: first.requestState },
			2,
		);
		expect(textOf(second.json.result)).toContain('"name":"Grace"');
	});

	it('is refused as the specification says when the state was tampered with', async () => {
		const inputResponses = { answer: { action: 'accept' } };
		const { status, json } = await send('fresh', 'tools/call', { ...asking, inputResponses, requestState: 'x.y' });
		expect([status, json.error.code, json.error.data.reason]).toEqual([200, -32602, 'invalid_request_state']);
	});

	it('is not asked of a client that did not declare the feature, and the server says so', async () => {
		const { status, json } = await send('fresh', 'tools/call', { name: 'ask', arguments: { question: 'Who?' } });
		expect([status, json.error.code]).toEqual([400, -32021]);
		expect(json.error.data).toEqual({ requiredCapabilities: { elicitation: { form: {} } } });
	});
});

describe('a result of a kind the gateway does not know', () => {
	it('passes as it is', async () => {
		const result = '{"resultType":"vendor","taskId":"t-1","requestState":"s","ttlMs":1.0,"x":12345678901234567890}';
		scripted.say({ 'tools/call': result });
		const answer = await send('scripted', 'tools/call', { name: 'work', arguments: {} }, 'c-1');
		expect(answer.text).toBe(`{"jsonrpc":"2.0","id":"c-1","result":${result}}`);
	});

	it('has methods of its own, which pass to who may write', async () => {
		scripted.say({ 'vendor/get': '{"resultType":"complete","status":"done"}' });
		expect((await send('scripted', 'vendor/get', { taskId: 't-1' })).json.result.status).toBe('done');
	});
});

describe('what a server calls public', () => {
	const PUBLIC = '"resultType":"complete","ttlMs":60000,"cacheScope":"public"';

	it('leaves the gateway as private, with no other byte changed', async () => {
		const read = `{"contents":[],"x":{"cacheScope":"public","n":1.0},${PUBLIC},"y":"\\u00e9"}`;
		scripted.say({ 'resources/read': read });
		const answer = await send('scripted', 'resources/read', { uri: 'a:b' }, 'r-1');
		const expected = read.replace(PUBLIC, PUBLIC.replace('public', 'private'));
		expect(answer.text).toBe(`{"jsonrpc":"2.0","id":"r-1","result":${expected}}`);
	});

	it.each([
		['server/discover', '"supportedVersions":["2026-07-28"],"capabilities":{"x":{"y":1.0}}'],
		['prompts/list', '"prompts":[]'],
		['resources/list', '"resources":[]'],
		['resources/templates/list', '"resourceTemplates":[]'],
	])('is private in the answer to %s', async (method, members) => {
		scripted.say({ [method]: `{${members},${PUBLIC}}` });
		const answer = await send('scripted', method, {}, 1);
		expect(answer.text).toContain(members);
		expect(answer.json.result.cacheScope).toBe('private');
		expect(answer.json.result.ttlMs).toBe(60_000);
	});

	it('is private in a list of tools too', async () => {
		expect((await send('scripted', 'tools/list')).json.result).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
	});
});

describe('a subscription', () => {
	const filter = { toolsListChanged: true, resourceSubscriptions: ['test://watched'], 'vendor.x': [1] };

	it('passes its acknowledgement and its notifications as they are', async () => {
		const { body, headers } = modern('subscriptions/listen', { notifications: filter }, 'listen-1');
		const stream = await openStream(addressOf('fresh'), { ...authorization, ...headers }, body);
		const tag = { 'io.modelcontextprotocol/subscriptionId': 'listen-1' };
		expect(await stream.next()).toMatchObject({
			method: 'notifications/subscriptions/acknowledged',
			params: { notifications: filter, _meta: tag },
		});
		fresh.notifyToolsChanged();
		expect(await stream.next()).toMatchObject({
			method: 'notifications/tools/list_changed',
			params: { _meta: tag },
		});
		await send('fresh', 'tools/call', { name: 'touch', arguments: { uri: 'test://watched' } });
		expect(await stream.next()).toMatchObject({ params: { uri: 'test://watched', _meta: tag } });
		await stream.close();
	});

	it('that passes a change makes the list new for everybody', async () => {
		const client = await connectTo('fresh');
		const names = async () =>
			(await client.listTools(undefined, { cacheMode: 'bypass' } as never)).tools.map(({ name }) => name);
		const changed = new Promise<void>((resolve) => {
			client.setNotificationHandler('notifications/tools/list_changed', () => resolve());
		});
		const subscription = await client.listen({ toolsListChanged: true });
		expect(await names()).not.toContain('extra');
		await client.callTool({ name: 'toggle_tool', arguments: {} });
		await changed;
		expect(await names()).toContain('extra');
		await client.callTool({ name: 'toggle_tool', arguments: {} });
		await subscription.close();
	});

	it('ends with the result that the server sends when it closes it', async () => {
		const last = '{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete","x":1.0}}';
		scripted.say({
			'subscriptions/listen': `stream:{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"}\n${last}`,
		});
		const answer = await send('scripted', 'subscriptions/listen', { notifications: {} }, 5);
		expect(answer.text).toContain(`data: ${last.replace('$ID', '5')}\n`);
		expect(answer.text.match(/^data: /gm)).toHaveLength(2);
	});

	it('that breaks off ends in an error the client can read', async () => {
		scripted.say({ 'subscriptions/listen': 'stream:{"jsonrpc":"2.0","method":"notifications/x"}' });
		const answer = await send('scripted', 'subscriptions/listen', { notifications: {} }, 6);
		expect(answer.json).toMatchObject({ id: 6, error: { data: { code: 'PC_UPSTREAM_FAILED' } } });
	});
});

describe('hanging up', () => {
	it('cancels the call at the server, and the audit says that it was cut', async () => {
		const before = fresh.cancelled.length;
		const params = { name: 'slow', arguments: { ms: 20_000, steps: 2 }, _meta: { progressToken: 1 } };
		const { body, headers } = modern('tools/call', params, 'slow-1');
		const stream = await openStream(addressOf('fresh'), { ...authorization, ...headers }, body);
		await stream.next();
		await stream.close();
		await soon(() => fresh.cancelled.length).toBe(before + 1);
		expect(fresh.cancelled.at(-1)).toMatchObject({ id: 'slow-1', tool: 'slow' });
		const request = stream.headers.get('x-request-id');
		const outcome = () => gateway.audit().find((line) => line['request'] === request && line['kind'] === 'outcome');
		await soon(outcome).toMatchObject({ outcome: 'cut', code: 'PC_CALL_CANCELLED' });
	});

	it('cancels a call whose answer has not begun', async () => {
		const before = fresh.cancelled.length;
		const { body, headers } = modern('tools/call', { name: 'slow', arguments: { ms: 20_000 } }, 'slow-2');
		const aborter = new AbortController();
		const calling = fetch(addressOf('fresh'), {
			method: 'POST',
			headers: { 'content-type': 'application/json', ...authorization, ...headers },
			body: JSON.stringify(body),
			signal: aborter.signal,
		});
		await soon(() => fresh.seen.some(({ text }) => text.includes('"slow-2"'))).toBe(true);
		aborter.abort();
		await expect(calling).rejects.toThrow();
		await soon(() => fresh.cancelled.length).toBe(before + 1);
	});
});

describe('a caller with ever new capabilities', () => {
	it('does not make the gateway hold ever more sessions with the server', async () => {
		for (let count = 0; count < 60; count++) {
			const capabilities = { experimental: { [`x-${count}`]: {} } };
			const _meta = { 'io.modelcontextprotocol/clientCapabilities': capabilities };
			expect((await send('fresh', 'tools/list', { _meta })).json.result.tools.length).toBeGreaterThan(10);
		}
		const open = async () => {
			const text = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
			return Number(/^portcullis_upstream_sessions (\d+)$/m.exec(text)?.[1]);
		};
		await soon(open).toBeLessThan(25);
	});
});
