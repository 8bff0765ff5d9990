import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
	EDGE_PROXIES,
	type EdgeProxy,
	hasEdgeProxy,
	PUBLIC_HOST,
	resolveTo,
	startEdgeProxy,
} from '../fakes/edge-proxy.ts';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { IDENTITY_NAMES } from '../fakes/identity-headers.ts';
import {
	type HttpFixture,
	type LegacyHttpFixture,
	startLegacyHttp,
	startModernHttp,
	startRecorder,
} from '../fakes/upstream.ts';
import { auditOf, expectRefusal } from './edge-refusal.ts';
import {
	CLIENTS,
	connect,
	keepForFile,
	keepForTest,
	openPlainSession,
	openStream,
	soon,
	textOf,
} from './protocol-clients.ts';
import { connectSse, openSse } from './protocol-sse.ts';

const PUBLIC_URL = `https://${PUBLIC_HOST}`;
const FRESH = `${PUBLIC_URL}/w/google/s/fresh/mcp`;
const OLD = `${PUBLIC_URL}/w/google/s/old/mcp`;

describe.each(EDGE_PROXIES)('behind a real %s', (kind) => {
	describe.skipIf(!hasEdgeProxy(kind))('with its file of deploy/', () => {
		const keep = keepForFile();
		const keepShort = keepForTest();
		let gateway: TestGateway;
		let proxy: EdgeProxy;
		let fresh: HttpFixture;
		let old: LegacyHttpFixture;
		let token: string;
		let authorization: { readonly authorization: string };

		beforeAll(async () => {
			fresh = keep(await startModernHttp({ canary: 'FRESH' }));
			old = keep(await startLegacyHttp({ canary: 'OLD', answers: 'sse' }));
			const http = (url: string) => ({ transport: 'http', url, clientFeatures: ['elicitation'] });
			const google = { servers: { fresh: http(fresh.url), old: http(old.url) } };
			const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
			gateway = keep(await startGateway({ publicUrl: PUBLIC_URL, workspaces: { google }, grants }));
			proxy = keep(await startEdgeProxy(kind, Number(new URL(gateway.url).port)));
			token = gateway.tokenFor(['G'], { oid: 'ada' });
			authorization = { authorization: `Bearer ${token}` };
		});
		beforeEach(() => void keepShort(resolveTo(proxy)));

		const slow = { name: 'slow', arguments: { ms: 60_000, steps: 2 }, _meta: { progressToken: 't' } };

		describe('a stream', () => {
			it('brings the first event of a call while its server goes on, and tells the server that the caller left', async () => {
				const { body, headers } = modern('tools/call', slow, 'first');
				const before = fresh.cancelled.length;
				const stream = await openStream(FRESH, { ...authorization, ...headers }, body);
				expect(stream.headers.get('content-type')).toBe('text/event-stream');
				expect(await stream.next()).toMatchObject({ params: { progress: 1 } });
				// The server is in the first of its two steps of half a minute.
				expect(fresh.cancelled.length).toBe(before);
				await stream.close();
				await soon(() => fresh.cancelled.length).toBe(before + 1);
				expect(fresh.cancelled.at(-1)).toMatchObject({ tool: 'slow', step: 1 });
			});

			it('brings a question whose answer is what the call waits for', async () => {
				const client = keepShort(await connect('legacy', OLD, token));
				const answer = await client.callTool({ name: 'elicit', arguments: { message: 'Who?' } });
				expect(textOf(answer)).toContain('"name":"Ada"');
			});

			it('of a session brings what happens after it was opened', async () => {
				const session = await openPlainSession(OLD, authorization);
				const stream = keepShort(await openStream(OLD, session.headers));
				await session.request('tools/call', { name: 'toggle_tool', arguments: {} });
				expect(await stream.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
			});

			it('of a subscription brings its beginning, and what happens after', async () => {
				const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 7);
				const stream = keepShort(await openStream(FRESH, { ...authorization, ...headers }, body));
				expect(await stream.next()).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
				const toggle = modern('tools/call', { name: 'toggle_tool', arguments: {} });
				await post(FRESH, toggle.body, { ...authorization, ...toggle.headers });
				expect(await stream.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
			});

			it('of HTTP+SSE says where to post, and brings the answers', async () => {
				const sse = keepShort(await openSse(`${PUBLIC_URL}/w/google/sse`, authorization));
				expect(sse.endpoint).toMatch(/^\/w\/google\/messages\?sessionId=/);
				expect(await sse.initialize()).toMatchObject({ result: { protocolVersion: '2024-11-05' } });
			});

			it('begins at once over HTTP/2, too', async () => {
				const socket = connectTls({ port: proxy.port, ca: proxy.cert, servername: PUBLIC_HOST, ALPNProtocols: ['h2'] });
				const session = connectHttp2(PUBLIC_URL, { createConnection: () => socket });
				const request = session.request({ ':path': '/w/google/sse', accept: 'text/event-stream', ...authorization });
				const [headers] = await once(request, 'response');
				expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' });
				expect(String((await once(request, 'data'))[0])).toContain('event: endpoint');
				session.destroy();
			});

			it('is neither compressed nor kept', async () => {
				const zip = { ...authorization, 'accept-encoding': 'gzip, br' };
				const { response } = keepShort(await openSse(`${PUBLIC_URL}/sse`, zip));
				expect(response.headers.get('content-encoding')).toBeNull();
				expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
			});
		});

		describe('a call', () => {
			it.each(CLIENTS)('of the %s official client is answered', async (client) => {
				for (const url of [FRESH, OLD]) {
					const connected = keepShort(await connect(client, url, token));
					// Each client types its calls by itself.
					const call = { name: 'echo', arguments: { text: 'hello' } };
					const answer = connected instanceof OldClient ? connected.callTool(call) : connected.callTool(call);
					expect(textOf(await answer)).toMatch(/: hello$/);
				}
			});

			it('of the official client over HTTP+SSE is answered', async () => {
				const client = keepShort(await connectSse(`${PUBLIC_URL}/w/google/s/fresh/sse`, authorization));
				expect(textOf(await client.callTool({ name: 'echo', arguments: { text: 'old' } }))).toBe('FRESH: old');
			});

			it('that has no answer yet is given up when its caller leaves', async () => {
				const { body, headers } = modern('tools/call', { ...slow, _meta: {} }, 'silent');
				const before = fresh.cancelled.length;
				const calls = () => fresh.seen.filter(({ name }) => name === 'slow').length;
				const seen = calls();
				const aborter = new AbortController();
				const all = { 'content-type': 'application/json', accept: 'application/json', ...authorization, ...headers };
				const init = { method: 'POST', headers: all, body: JSON.stringify(body), signal: aborter.signal };
				const answer = fetch(FRESH, init).catch((error: Error) => error.name);
				await soon(calls).toBe(seen + 1);
				aborter.abort();
				expect(await answer).toBe('AbortError');
				await soon(() => fresh.cancelled.length).toBe(before + 1);
			});

			it('of a million bytes goes through, there and back', async () => {
				const text = 'x'.repeat(1_000_000);
				const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text } });
				const answer = await post(FRESH, body, { ...authorization, ...headers });
				expect(answer.json.result.content[0].text).toBe(`FRESH: ${text}`);
			});

			it('that is larger than the gateway takes is refused by the gateway', async () => {
				const text = 'x'.repeat(1_200_000);
				const answer = await post(FRESH, legacy('tools/call', { name: 'echo', arguments: { text } }), authorization);
				expectRefusal(answer, 'PC_BODY_TOO_LARGE');
			});

			it('is answered the same at both forms of an address, without a redirect', async () => {
				for (const url of [FRESH, `${FRESH}/`, `${PUBLIC_URL}/mcp`, `${PUBLIC_URL}/mcp/`]) {
					const answer = await post(url, legacy('tools/list'), authorization);
					expect([url, answer.status]).toEqual([url, 200]);
				}
			});
		});

		it('has paths arrive as they were sent', async () => {
			const recorder = keepShort(await startRecorder());
			const another = keepShort(await startEdgeProxy(kind, Number(new URL(recorder.url).port)));
			keepShort(resolveTo(another));
			const paths = ['/w//x/mcp', '/w/a%2Fb/mcp/', '/mcp?x=%20&y=/', '/.well-known/oauth-protected-resource/mcp'];
			for (const path of paths) expect((await fetch(PUBLIC_URL + path, { redirect: 'manual' })).status).toBe(200);
			expect(recorder.seen.map(({ path }) => path)).toEqual(paths);
		});

		describe('somebody without a token', () => {
			it.each(['/mcp', '/mcp/', '/w/google/s/fresh/mcp', '/w/google/s/fresh/mcp/'])(
				'learns at %s where to sign in, by the public address',
				async (path) => {
					const answer = await post(PUBLIC_URL + path, legacy('tools/list'));
					expectRefusal(answer, 'PC_TOKEN_MISSING');
					const metadata = `${PUBLIC_URL}/.well-known/oauth-protected-resource${path}`;
					expect(answer.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${metadata}"`);
					expect(await (await fetch(metadata)).json()).toMatchObject({ resource: PUBLIC_URL + path });
				},
			);
		});

		describe('what a caller says about who they are', () => {
			const spoofed = Object.fromEntries(IDENTITY_NAMES.map((name) => [name, `SPOOFED-${name}`]));
			const twins = Object.fromEntries(IDENTITY_NAMES.map((name) => [name.replaceAll('-', '_'), `SPOOFED-${name}`]));

			it.each([
				['with dashes', spoofed],
				['with underscores', twins],
			])('in headers %s is not what the gateway hears', async (_, headers) => {
				const recorder = keepShort(await startRecorder());
				const another = keepShort(await startEdgeProxy(kind, Number(new URL(recorder.url).port)));
				keepShort(resolveTo(another));
				const genuine = { ...authorization, 'mcp-method': 'ping', 'x-openwebui-user-id': 'stays', cookie: 'a=SPOOFED' };
				await post(`${PUBLIC_URL}/mcp`, legacy('ping'), { ...headers, ...genuine, 'x-forwarded-for': 'SPOOFED' });
				expect(recorder.seen).toHaveLength(1);
				const heard = recorder.seen[0]!;
				expect(JSON.stringify(heard.headers)).not.toContain('SPOOFED');
				const kept = { ...authorization, 'mcp-method': 'ping', 'x-openwebui-user-id': 'stays' };
				expect(heard.headers).toMatchObject({ ...kept, host: PUBLIC_HOST, 'x-forwarded-for': '127.0.0.1' });
				expect(heard.path).toBe('/mcp');
			});

			it('is neither in the audit nor told to a server', async () => {
				const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'x' } });
				const answer = await post(FRESH, body, { ...spoofed, ...authorization, ...headers });
				expect(answer.json.result.content[0].text).toBe('FRESH: x');
				expect(auditOf(gateway, answer)).toMatchObject([{ principal: { oid: 'ada' } }, { outcome: 'ok' }]);
				expect(JSON.stringify(gateway.audit())).not.toContain('SPOOFED');
				expect(JSON.stringify(fresh.seen)).not.toContain('SPOOFED');
				const alone = await post(FRESH, body, { ...spoofed, ...headers });
				expectRefusal(alone, 'PC_TOKEN_MISSING');
			});
		});
	});
});
