import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { auditOf, expectRefusal } from './edge-refusal.ts';
import { codeOf, textOf, until } from './failure-calls.ts';
import { openSse } from './protocol-sse.ts';

type Era = 'modern' | 'legacy';
const ERAS: readonly Era[] = ['modern', 'legacy'];
const DAILY = '/w/google/t/daily/mcp';
const TOOLS = ['child/echo', 'child/remember', 'fresh/echo', 'fresh/no-such-tool', 'off/echo', 'old/add'];

let gateway: TestGateway;
let old: LegacyHttpFixture;
let fresh: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	old = await startLegacyHttp({ canary: 'OLD' });
	fresh = await startModernHttp({ canary: 'FRESH' });
	gateway = await startGateway(config(TOOLS));
});
afterAll(async () => {
	await gateway.close();
	await old.close();
	await fresh.close();
});

function config(tools: readonly string[]) {
	const servers = {
		child: {
			transport: 'stdio',
			...stdioServer({ canary: 'CHILD' }),
			tools: { rules: { remember: { enabled: false } } },
		},
		fresh: { transport: 'http', url: fresh.url },
		off: { transport: 'http', url: old.url, enabled: false },
		old: { transport: 'http', url: old.url },
	};
	const toolsets = { daily: { tools }, empty: { tools: [] } };
	return {
		workspaces: {
			google: { servers, toolsets },
			microsoft: { servers: { s: servers.old }, toolsets: { secret: { tools: [] } } },
		},
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
	};
}

const bearer = () => ({ authorization: `Bearer ${gateway.tokenFor(['G'])}` });

async function ask(era: Era, path: string, method: string, params: Record<string, unknown> = {}): Promise<PlainAnswer> {
	if (era === 'legacy') return post(gateway.url + path, legacy(method, params), bearer());
	const { body, headers } = modern(method, params);
	return post(gateway.url + path, body, { ...headers, ...bearer() });
}

const namesIn = ({ json }: PlainAnswer): readonly string[] =>
	json.result.tools.map(({ name }: { name: string }) => name);
const call = (era: Era, name: string, path = DAILY) =>
	ask(era, path, 'tools/call', { name, arguments: { text: 'x', a: 1, b: 2 } });

describe.each(ERAS)('at the address of a toolset a %s caller', (era) => {
	it('finds its tools under the names of the workspace, and no others', async () => {
		// What its rule disables, what its server does not have, and what its server is disabled with, is not there.
		expect(namesIn(await ask(era, DAILY, 'tools/list'))).toEqual(['child__echo', 'fresh__echo', 'old__add']);
		const everything = namesIn(await ask(era, '/w/google/mcp', 'tools/list'));
		expect(everything).toEqual(expect.arrayContaining(['child__echo', 'fresh__echo', 'old__add', 'old__echo']));
		expect(namesIn(await ask(era, '/w/google/t/empty/mcp', 'tools/list'))).toEqual([]);
	});

	it('calls those and no others, and the audit says why not', async () => {
		expect(textOf(await call(era, 'child__echo'))).toBe('CHILD: x');
		expect(textOf(await call(era, 'fresh__echo'))).toBe('FRESH: x');
		expect(codeOf(await call(era, 'old__add'))).toBe('ok');
		for (const name of ['old__echo', 'child__remember', 'fresh__add', 'fresh__no-such-tool', 'off__echo', 'echo'])
			expect(codeOf(await call(era, name)), name).toBe('PC_TOOL_UNKNOWN');
		expect(codeOf(await call(era, 'child__echo', '/w/google/t/empty/mcp'))).toBe('PC_TOOL_UNKNOWN');
		const refused = await call(era, 'old__echo');
		const reasons = ['workspace-granted', 'server-enabled', 'tool-not-in-toolset'];
		expect(auditOf(gateway, refused)).toMatchObject([{ outcome: 'refused', address: DAILY, reasons, server: 'old' }]);
	});

	it('finds neither prompts nor resources, and is told so at the handshake', async () => {
		const handshake = era === 'legacy' ? 'initialize' : 'server/discover';
		const { json } = await ask(era, DAILY, handshake, { protocolVersion: '2025-11-25', capabilities: {} });
		expect(json.result.capabilities).toEqual({ tools: { listChanged: true }, logging: {} });
		for (const [method, member] of [
			['prompts/list', 'prompts'],
			['resources/list', 'resources'],
			['resources/templates/list', 'resourceTemplates'],
		] as const)
			expect((await ask(era, DAILY, method)).json.result[member], method).toEqual([]);
		const uri = 'test://static-text';
		const prompt = { name: 'old__test_simple_prompt' };
		const ref = { type: 'ref/prompt', ...prompt };
		expect(codeOf(await ask(era, DAILY, 'prompts/get', prompt))).toBe('PC_PROMPT_UNKNOWN');
		expect(codeOf(await ask(era, '/w/google/mcp', 'prompts/get', prompt))).toBe('ok');
		for (const each of [uri, `portcullis://google/old/${encodeURIComponent(uri)}`])
			expect(codeOf(await ask(era, DAILY, 'resources/read', { uri: each }))).toBe('PC_RESOURCE_UNKNOWN');
		const completing = { ref, argument: { name: 'a', value: '' } };
		expect(codeOf(await ask(era, DAILY, 'completion/complete', completing))).toBe('PC_PROMPT_UNKNOWN');
	});
});

describe('the address of a toolset', () => {
	it('that does not exist, or is of another workspace, looks like any other that does not', async () => {
		const paths = ['/w/google/t/nothing/mcp', '/w/microsoft/t/secret/mcp', '/w/nowhere/t/daily/mcp', '/w/nowhere/mcp'];
		const answers = await Promise.all(paths.map((path) => ask('legacy', path, 'tools/list')));
		const faces = answers.map(({ status, text, headers }) => [
			status,
			text.replace(headers.get('x-request-id') ?? '', 'ID'),
		]);
		for (const answer of answers) expectRefusal(answer, 'PC_ADDRESS_UNKNOWN', 1);
		for (const face of faces) expect(face).toEqual(faces[0]);
		expect(auditOf(gateway, answers[0] as PlainAnswer)).toMatchObject([{ detail: 'toolset-unknown' }]);
		expect((await ask('legacy', '/w/google/t/constructor/mcp', 'tools/list')).status).toBe(404);
	});

	it('has sessions of its own', async () => {
		const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
		const started = await post(gateway.url + DAILY, legacy('initialize', params), bearer());
		const session = { ...bearer(), 'mcp-session-id': started.headers.get('mcp-session-id') ?? '' };
		expect(codeOf(await post(gateway.url + DAILY, legacy('tools/list'), session))).toBe('ok');
		for (const path of ['/w/google/mcp', '/w/google/t/empty/mcp', '/mcp'])
			expect(codeOf(await post(gateway.url + path, legacy('tools/list'), session))).toBe('PC_SESSION_UNKNOWN');
		const watching = await post(
			gateway.url + DAILY,
			legacy('resources/subscribe', { uri: 'test://static-text' }),
			session,
		);
		expect(codeOf(watching)).toBe('PC_RESOURCE_UNKNOWN');
	});

	it('tells of changed tools and of nothing else', async () => {
		const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
		const { body, headers } = modern('subscriptions/listen', { notifications }, 7);
		const controller = new AbortController();
		const accept = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
		const init = { method: 'POST', body: JSON.stringify(body), headers: { ...accept, ...headers, ...bearer() } };
		const response = await fetch(gateway.url + DAILY, { ...init, signal: controller.signal });
		const reader = (response.body as ReadableStream<Uint8Array>).getReader();
		const first = Buffer.from((await reader.read()).value ?? []).toString('utf8');
		expect(first).toContain('"notifications":{"toolsListChanged":true}');
		controller.abort();
	});

	it('has metadata, and a door for HTTP+SSE', async () => {
		const refused = await post(gateway.url + DAILY, legacy('ping'));
		const named = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1];
		expect(await (await fetch(String(named))).json()).toMatchObject({ resource: gateway.url + DAILY });
		const stream = await openSse(gateway.url + DAILY.replace(/mcp$/, 'sse'), bearer());
		expect(stream.endpoint).toMatch(/^\/w\/google\/t\/daily\/messages\?sessionId=/);
		await stream.initialize();
		await stream.request('tools/list');
		const { result } = await stream.next();
		expect(result.tools.map(({ name }: { name: string }) => name)).toEqual(['child__echo', 'fresh__echo', 'old__add']);
		await stream.close();
	});

	it('follows the configuration at the next list and call', async () => {
		await gateway.reconfigure(config(['old/echo']));
		await until(async () => namesIn(await ask('legacy', DAILY, 'tools/list')).join() === 'old__echo');
		expect(codeOf(await call('legacy', 'child__echo'))).toBe('PC_TOOL_UNKNOWN');
		expect(codeOf(await call('legacy', 'old__echo'))).toBe('ok');
	});
});
