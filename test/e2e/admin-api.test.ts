import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdminPlane } from '../../src/admin/admin-plane.ts';
import { defineRoute } from '../../src/admin/route.ts';
import { createTrails } from '../../src/audit/trail.ts';
import { ERRORS, type ErrorCode } from '../../src/errors/table.ts';
import { legacy, post, startGateway, type TestGateway } from '../fakes/gateway.ts';

const PAGE = 'https://console.company.example';

let gateway: TestGateway;

beforeAll(async () => {
	gateway = await startGateway({
		publicUrl: 'https://mcp.company.example',
		origins: [PAGE],
		workspaces: { google: { title: 'Google', servers: {} }, microsoft: { servers: {} }, xerox: { servers: {} } },
		grants: [
			{ group: 'readers', workspace: 'google', access: 'read' },
			{ group: 'writers', workspace: 'google', access: 'write' },
			{ group: 'readers', workspace: 'microsoft', access: 'read' },
			{ group: 'platform', workspace: '*', access: 'admin' },
		],
	});
});
afterAll(() => gateway.close());

const tokenOf = (...groups: readonly string[]) => ({ authorization: `Bearer ${gateway.tokenFor(groups)}` });

async function ask(path: string, init: RequestInit = {}) {
	const response = await fetch(gateway.url + path, init);
	const text = await response.text();
	// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape.
	const json = text === '' ? undefined : (JSON.parse(text) as any);
	return { status: response.status, headers: response.headers, text, json };
}

function expectProblem(told: Awaited<ReturnType<typeof ask>>, code: ErrorCode): void {
	expect(told.json, told.text).toMatchObject({
		...{ type: `urn:portcullis:error:${code}`, code, detail: ERRORS[code].sentence, status: ERRORS[code].http },
		request_id: told.headers.get('x-request-id'),
	});
	expect(told.status).toBe(ERRORS[code].http);
	expect(told.headers.get('content-type')).toBe('application/problem+json');
	expect(told.headers.get('cache-control')).toBe('no-store');
}

describe('GET /api/v1/me', () => {
	it('says who somebody is and what they hold, by which rules', async () => {
		const told = await ask('/api/v1/me', { headers: tokenOf('readers', 'writers') });
		const { issuer, tenantId } = gateway.directory.directory;
		expect(told).toMatchObject({ status: 200 });
		expect(told.json).toEqual({
			...{ issuer, tid: tenantId, oid: '0a1b2c3d-person', name: 'Person', platformLevel: null },
			...{ directory: 'fake', vouchedBy: 'token', expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as string },
			workspaces: [
				{ workspace: 'google', title: 'Google', level: 'write', rules: ['grants[0]', 'grants[1]'] },
				{ workspace: 'microsoft', title: 'microsoft', level: 'read', rules: ['grants[2]'] },
			],
		});
		expect(told.headers.get('cache-control')).toBe('no-store');
		expect(told.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
	});

	it('says nothing of workspaces in which they hold nothing', async () => {
		const told = await ask('/api/v1/me', { headers: tokenOf('strangers') });
		expect(told.json).toMatchObject({ platformLevel: null, workspaces: [] });
		expect(told.text).not.toMatch(/google|microsoft|xerox/);
	});

	it('shows a platform administrator every workspace', async () => {
		const { json } = await ask('/api/v1/me', { headers: tokenOf('platform') });
		expect(json.platformLevel).toBe('admin');
		expect(json.workspaces.map(({ workspace }: { workspace: string }) => workspace)).toEqual([
			...['google', 'microsoft', 'xerox'],
		]);
	});
});

describe('the management API', () => {
	it('asks everybody to sign in, and says where', async () => {
		const told = await ask('/api/v1/me');
		expectProblem(told, 'PC_TOKEN_MISSING');
		const metadata = 'https://mcp.company.example/.well-known/oauth-protected-resource/api/v1';
		expect(told.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${metadata}"`);
		expectProblem(await ask('/api/v1/me', { headers: { authorization: 'Bearer x' } }), 'PC_TOKEN_MALFORMED');
		const { json } = await ask('/.well-known/oauth-protected-resource/api/v1');
		expect(json.resource).toBe('https://mcp.company.example/api/v1');
	});

	it('takes no cookie and no token in the address', async () => {
		const token = gateway.tokenFor(['readers']);
		expectProblem(await ask('/api/v1/me', { headers: { cookie: `token=${token}` } }), 'PC_TOKEN_MISSING');
		expectProblem(await ask(`/api/v1/me?access_token=${token}`), 'PC_TOKEN_MISSING');
	});

	it('answers under its own names only, and to no page of another site', async () => {
		const headers = tokenOf('readers');
		expectProblem(
			await ask('/api/v1/me', { headers: { ...headers, origin: 'https://evil.example' } }),
			'PC_ORIGIN_REFUSED',
		);
		expect((await ask('/api/v1/me', { headers: { ...headers, origin: gateway.url } })).status).toBe(200);
		const listed = await ask('/api/v1/me', { headers: { ...headers, origin: PAGE } });
		expect(listed.status).toBe(200);
		expect(listed.headers.get('access-control-allow-origin')).toBe(PAGE);
		expect(listed.headers.get('access-control-expose-headers')).toContain('etag');
		const foreign = await gatewayAs('rebound.example', '/api/v1/me');
		expect(foreign).toContain('PC_HOST_REFUSED');
	});

	it('tells pages on the list what they may send, and others nothing', async () => {
		const preflight = (origin: string) =>
			fetch(`${gateway.url}/api/v1/me`, {
				method: 'OPTIONS',
				headers: {
					origin,
					'access-control-request-method': 'PUT',
					'access-control-request-headers': 'authorization, if-match, idempotency-key, cookie, mcp-session-id',
				},
			});
		const allowed = await preflight(PAGE);
		expect(allowed.status).toBe(204);
		expect(allowed.headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, PATCH, DELETE');
		expect(allowed.headers.get('access-control-allow-headers')).toBe('authorization, if-match, idempotency-key');
		expect(allowed.headers.has('access-control-allow-credentials')).toBe(false);
		const refused = await preflight('https://evil.example');
		expect(refused.status).toBe(403);
		expect(refused.headers.has('access-control-allow-origin')).toBe(false);
	});

	it('has addresses of its own and takes none of anybody else', async () => {
		const headers = tokenOf('readers');
		for (const path of ['/api', '/api/', '/api/v1', '/api/v2/me', '/api/v1/none', '/api/v1/%zz', '/api?x=1']) {
			expectProblem(await ask(path, { headers }), 'PC_ADDRESS_UNKNOWN');
		}
		for (const path of ['/apix', '/api%2fv1/me', '/API/v1/me', '/%61pi/v1/me', '/x/api/v1/me']) {
			expect((await ask(path, { headers })).json, path).toHaveProperty('jsonrpc');
		}
		const listed = await post(`${gateway.url}/mcp`, legacy('tools/list'), headers);
		expect(listed.json.result.tools).toEqual([]);
	});

	it('says which methods an address takes', async () => {
		for (const method of ['POST', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND']) {
			const { status, headers } = await fetch(`${gateway.url}/api/v1/me`, { method });
			expect(`${method} ${status} ${headers.get('allow')}`).toBe(`${method} 405 GET`);
		}
	});

	it('describes itself to everybody', async () => {
		const told = await ask('/api/v1/openapi.json');
		expect(told.json).toMatchObject({ openapi: '3.1.0', paths: { '/me': { get: { operationId: 'readMe' } } } });
		const foreign = await ask('/api/v1/openapi.json', { headers: { origin: 'https://evil.example' } });
		expectProblem(foreign, 'PC_ORIGIN_REFUSED');
	});

	it('records refusals, and no reads', async () => {
		const linesOf = ({ headers }: { headers: Headers }) =>
			gateway.audit().filter(({ request }) => request === headers.get('x-request-id'));
		expect(linesOf(await ask('/api/v1/me', { headers: tokenOf('readers') }))).toEqual([]);
		expect(linesOf(await ask('/api/v1/me'))).toMatchObject([
			{
				...{ kind: 'outcome', address: '/api/v1/me', method: 'GET', route: 'api', outcome: 'refused' },
				...{ code: 'PC_TOKEN_MISSING', stage: 'identity' },
			},
		]);
	});
});

/** The answer to a request that names another host, as text. */
async function gatewayAs(host: string, path: string): Promise<string> {
	const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
	socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
	let text = '';
	for await (const chunk of socket) text += String(chunk);
	return text;
}

describe('a request whose caller goes away', () => {
	it('is aborted, and recorded by how it ended', async () => {
		const lines: string[] = [];
		const keep = (line: string) => void lines.push(line);
		let begun: () => void = () => undefined;
		const beginning = new Promise<void>((resolve) => {
			begun = resolve;
		});
		const plane = createAdminPlane({
			routes: [
				defineRoute({
					...{ id: 'wait', method: 'POST', path: '/wait', summary: 'Waits', authorize: 'signed-in' },
					responses: { 204: null },
					handle: ({ signal }) =>
						new Promise((_, reject) => {
							begun();
							signal.addEventListener('abort', () => reject(signal.reason));
						}),
				}),
			],
			snapshots: gateway.snapshots,
			openTrail: createTrails({
				records: { keep, keepTogether: async (line) => keep(line), reopen() {}, close() {} },
				now: Date.now,
				onOutcome: () => undefined,
			}),
			isDraining: () => false,
			isStale: () => false,
			callerOf: () => ({ kind: 'operator' }),
		});
		await plane.ready();
		const server = createServer((request, response) => plane.handle(request, response)).listen(0, '127.0.0.1');
		await once(server, 'listening');
		const leaving = new AbortController();
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/wait`;
		const asked = fetch(url, { method: 'POST', signal: leaving.signal }).catch(() => 'gone');
		await beginning;
		leaving.abort();
		expect(await asked).toBe('gone');
		await expect.poll(() => lines.length).toBe(2);
		expect(lines.map((line) => JSON.parse(line))).toMatchObject([
			{ kind: 'intent' },
			{ kind: 'outcome', outcome: 'failed', code: 'PC_CALL_CANCELLED' },
		]);
		server.close();
		await plane.close();
	});
});
