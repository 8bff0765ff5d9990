import { beforeAll, describe, expect, it } from 'vitest';
import { modern, type PlainAnswer, post, startGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { keepForFile } from './protocol-clients.ts';

const keep = keepForFile();
let origin: string;
let authorization: { readonly authorization: string };

beforeAll(async () => {
	const http = (url: string) => ({ transport: 'http', url });
	const servers = { fresh: http(keep(await startModernHttp()).url), old: http(keep(await startLegacyHttp()).url) };
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	const gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	origin = gateway.url;
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const ADDRESSES = ['/w/google/s/fresh/mcp', '/w/google/s/old/mcp', '/w/google/mcp', '/mcp'];

type Headers = Readonly<Record<string, string | undefined>>;

/** Sends a request whose `_meta` and headers are changed; `undefined` leaves a header out. */
function send(path: string, request: { method?: string; params?: object; meta?: unknown; headers?: Headers }) {
	const { method = 'tools/list', params = {}, headers = {} } = request;
	const meta = 'meta' in request ? request.meta : { [VERSION]: '2026-07-28', [CAPABILITIES]: {} };
	const merged: Headers = {
		...authorization,
		'mcp-protocol-version': '2026-07-28',
		'mcp-method': method,
		...headers,
	};
	const sent = Object.entries(merged).filter(([, value]) => value !== undefined) as [string, string][];
	const body = {
		jsonrpc: '2.0',
		id: 'the id',
		method,
		params: { ...params, ...(meta !== undefined && { _meta: meta }) },
	};
	return post(origin + path, body, Object.fromEntries(sent));
}

function expectRefusal(answer: PlainAnswer, status: number, code: number): void {
	expect([answer.status, answer.json?.error?.code], answer.text).toEqual([status, code]);
	expect(answer.json.id).toBe('the id');
	expect(answer.headers.get('content-type')).toBe('application/json');
}

describe.each(ADDRESSES)('a request of 2026-07-28 at %s', (path) => {
	const first = path === '/mcp' ? 'google__fresh__' : path === '/w/google/mcp' ? 'fresh__' : '';
	const call = { method: 'tools/call', params: { name: `${first}echo`, arguments: { text: 'x' } } };

	it('is taken when headers and body agree', async () => {
		expect((await send(path, {})).status).toBe(200);
		const named = await send(path, { ...call, headers: { 'mcp-name': `${first}echo` } });
		expect(named.json.result.content[0].text).toContain('x');
	});

	it.each([
		['without Mcp-Method', { 'mcp-method': undefined }],
		['without MCP-Protocol-Version', { 'mcp-protocol-version': undefined }],
		['with another Mcp-Method', { 'mcp-method': 'tools/call' }],
		['with Mcp-Method in another case', { 'mcp-method': 'Tools/List' }],
		['with a legacy version in the header', { 'mcp-protocol-version': '2025-11-25' }],
		['with an empty Mcp-Method', { 'mcp-method': '' }],
	])('%s is refused as a mismatch', async (_, headers) => {
		expectRefusal(await send(path, { headers }), 400, -32020);
	});

	it.each([
		['without Mcp-Name', undefined],
		['with another Mcp-Name', 'other'],
		['with Mcp-Name in another case', `${first}ECHO`],
		['with Mcp-Name in broken base64', '=?base64?####?='],
		['with Mcp-Name in base64 that is not canonical', '=?base64?ZWNob1==?='],
	])('that names a tool %s is refused as a mismatch', async (_, name) => {
		expectRefusal(await send(path, { ...call, headers: { 'mcp-name': name } }), 400, -32020);
	});

	it('may spell Mcp-Name in base64', async () => {
		const name = `=?base64?${Buffer.from(`${first}echo`).toString('base64')}?=`;
		expect((await send(path, { ...call, headers: { 'mcp-name': name } })).status).toBe(200);
	});

	it('needs Mcp-Name for prompts and resources too', async () => {
		const prompt = { method: 'prompts/get', params: { name: `${first}test_simple_prompt` } };
		expectRefusal(await send(path, prompt), 400, -32020);
		const named = { ...prompt, headers: { 'mcp-name': `${first}test_simple_prompt` } };
		expect((await send(path, named)).json.result.messages).toHaveLength(1);
		const read = { method: 'resources/read', params: { uri: 'test://x/ü' } };
		expectRefusal(await send(path, read), 400, -32020);
		const encoded = `=?base64?${Buffer.from('test://x/ü').toString('base64')}?=`;
		expectRefusal(await send(path, { ...read, headers: { 'mcp-name': encoded } }), 200, -32602);
	});

	it.each([
		['without _meta', undefined, ['_meta']],
		['without clientCapabilities', { [VERSION]: '2026-07-28' }, [CAPABILITIES]],
		['with clientCapabilities that are no object', { [VERSION]: '2026-07-28', [CAPABILITIES]: [] }, [CAPABILITIES]],
		['without protocolVersion', { [CAPABILITIES]: {} }, [VERSION]],
		['with a protocolVersion that is no text', { [VERSION]: 1, [CAPABILITIES]: {} }, [VERSION]],
		['with a _meta that is no object', [], ['_meta']],
	])('%s is refused with what is missing', async (_, meta, missing) => {
		const answer = await send(path, { meta });
		expectRefusal(answer, 400, -32602);
		expect(answer.json.error.data.envelope).toEqual({ missing });
	});

	it.each(['2099-01-01', '2026-07-29'])('of revision %s is refused with the supported ones', async (version) => {
		const answer = await send(path, {
			meta: { [VERSION]: version, [CAPABILITIES]: {} },
			headers: { 'mcp-protocol-version': version },
		});
		expectRefusal(answer, 400, -32022);
		expect(answer.json.error.data).toMatchObject({ supported: ['2026-07-28'], requested: version });
	});

	it('that claims a legacy revision is refused with the supported ones', async () => {
		const meta = { [VERSION]: '2025-11-25', [CAPABILITIES]: {} };
		const answer = await send(path, { meta, headers: { 'mcp-protocol-version': '2025-11-25' } });
		expectRefusal(answer, 400, -32022);
	});

	it.each(['ping', 'initialize', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe', 'nope'])(
		'for %s is answered with 404 and the code for an unknown method',
		async (method) => {
			const answer = await send(path, { method });
			expect([answer.status, answer.json.error.code]).toEqual([404, -32601]);
		},
	);

	it('for a tool nobody knows is answered in band', async () => {
		const unknown = { method: 'tools/call', params: { name: 'nope' }, headers: { 'mcp-name': 'nope' } };
		expectRefusal(await send(path, unknown), 200, -32602);
	});

	it('for a resource nobody knows is answered in band', async () => {
		const read = { method: 'resources/read', params: { uri: 'no:such' }, headers: { 'mcp-name': 'no:such' } };
		expectRefusal(await send(path, read), 200, -32602);
	});

	it('with a name that is no text is answered in band', async () => {
		const answer = await send(path, { method: 'tools/call', params: { name: 7 } });
		expectRefusal(answer, 200, -32602);
	});

	it('ignores session ids and event ids', async () => {
		const headers = { 'mcp-session-id': 'abc', 'last-event-id': '7' };
		const answer = await send(path, { headers });
		expect(answer.status).toBe(200);
		expect(answer.headers.get('mcp-session-id')).toBeNull();
	});

	it('is never one of many', async () => {
		const { body } = modern('tools/list');
		const legacyOne = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
		for (const batch of [[body], [legacyOne, body], [body, legacyOne]]) {
			const answer = await post(origin + path, batch, authorization);
			expect(answer.status).toBe(400);
			expect(answer.json.error.code).toBeOneOf([-32600, -32020]);
		}
	});

	it.each(['GET', 'DELETE', 'PUT', 'PATCH'])('is no %s', async (method) => {
		const headers = { ...authorization, 'mcp-protocol-version': '2026-07-28', accept: 'text/event-stream' };
		const answer = await fetch(origin + path, { method, headers });
		expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
		expect(await answer.json()).toMatchObject({ id: null });
	});

	it('is JSON and says so', async () => {
		const { body, headers } = modern('tools/list');
		for (const type of ['text/plain', 'application/json5', 'application/json; charset=latin1'])
			expect((await post(origin + path, body, { ...authorization, ...headers, 'content-type': type })).status).toBe(
				415,
			);
	});

	it('that is a notification is accepted, whatever its headers say', async () => {
		const notification = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'x' } };
		for (const headers of [{}, { 'mcp-protocol-version': '2026-07-28' }, { 'mcp-protocol-version': '2025-11-25' }]) {
			if (path.endsWith('/old/mcp') && headers['mcp-protocol-version'] !== '2026-07-28') continue;
			const answer = await post(origin + path, notification, { ...authorization, ...headers });
			expect([answer.status, answer.text]).toEqual([202, '']);
		}
	});
});
