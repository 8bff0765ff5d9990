import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { rawRequest, sendRaw } from './edge-raw.ts';
import { auditOf, expectRefusal, outcomeOf, refused } from './edge-refusal.ts';

const PING = JSON.stringify(legacy('ping'));

let gateway: TestGateway;
let token: string;

beforeAll(async () => {
	gateway = await startGateway({
		publicUrl: 'https://mcp.company.example',
		hosts: ['gateway.internal:8443'],
		origins: ['https://chat.company.example', 'app://desktop'],
	});
	token = gateway.tokenFor([]);
});
afterAll(() => gateway.close());

/** A ping with these headers besides the ones that every request has; a name given here takes their place. */
function ping(headers: readonly string[], line = 'POST /mcp HTTP/1.1'): Promise<PlainAnswer | undefined> {
	const given = new Set(headers.map((each) => each.split(':', 1)[0]?.toLowerCase()));
	const usual = ['Host: localhost', `Authorization: Bearer ${token}`, 'Content-Type: application/json'];
	const all = [...usual.filter((each) => !given.has(each.split(':', 1)[0]?.toLowerCase())), ...headers];
	return sendRaw(gateway.url, rawRequest(line, [...all, `Content-Length: ${PING.length}`], PING));
}

async function outcome(headers: readonly string[], line?: string): Promise<string> {
	const answer = await ping(headers, line);
	return answer === undefined ? 'closed' : outcomeOf(answer);
}

describe('the Authorization header', () => {
	it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('may spell its scheme %s', async (scheme) => {
		expect(await outcome([`Authorization: ${scheme} ${token}`])).toBe('200');
	});

	it.each([
		['equal ones', () => [`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`]],
		['a bad one first', () => ['Authorization: Bearer x', `Authorization: Bearer ${token}`]],
		['a bad one last', () => [`authorization: Bearer ${token}`, 'AUTHORIZATION: Basic eDp5']],
	])('may not stand twice: %s', async (_, headers) => expectRefusal(await ping(headers()), 'PC_HEADER_INVALID'));

	it.each([
		['without one', ['Authorization:']],
		['with another scheme', ['Authorization: Basic eDp5']],
		['with a token but no scheme', () => [`Authorization: ${token}`]],
		['with an API key header only', () => ['Authorization:', `X-Api-Key: ${token}`]],
		['with a cookie only', () => ['Authorization:', `Cookie: authorization=Bearer ${token}; token=${token}`]],
		['with a proxy header only', () => ['Authorization:', `Proxy-Authorization: Bearer ${token}`]],
	])('is asked for %s', async (_, headers) => {
		expectRefusal(await ping(typeof headers === 'function' ? headers() : headers), 'PC_TOKEN_MISSING');
	});

	it('is the only place for a token: one in the query or in the body is not seen', async () => {
		const line = `POST /mcp?access_token=${token}&token=${token} HTTP/1.1`;
		expectRefusal(await ping(['Authorization:'], line), 'PC_TOKEN_MISSING');
		expect(await outcome([], 'POST /mcp?access_token=nonsense HTTP/1.1')).toBe('200');
		const body = { ...legacy('ping', { access_token: token }), access_token: token };
		expectRefusal(await post(`${gateway.url}/mcp`, body), 'PC_TOKEN_MISSING');
	});

	it('cannot be spoken for by headers of a proxy', async () => {
		const forged = [
			'X-Forwarded-User: admin',
			'X-Forwarded-Email: a@b',
			'X-Ms-Client-Principal-Id: 1',
			'X-Workspace: w',
		];
		expectRefusal(await ping(['Authorization:', ...forged]), 'PC_TOKEN_MISSING');
	});
});

describe('a header that must stand once', () => {
	it.each([
		['Content-Type: application/json', 'Content-Type: text/plain'],
		['Content-Encoding: identity', 'content-encoding: gzip'],
		['Origin: https://chat.company.example', 'Origin: https://evil.example'],
		['Mcp-Protocol-Version: 2025-11-25', 'MCP-PROTOCOL-VERSION: 2026-07-28'],
		['Mcp-Session-Id: a', 'mcp-session-id: b'],
		['Mcp-Method: ping', 'Mcp-Method: tools/call'],
		['Mcp-Name: a', 'Mcp-Name: a'],
		['Mcp-Param-Region: a', 'mcp-param-region: b'],
		['Last-Event-ID: 1', 'Last-Event-ID: 2'],
	])('is refused as %s and %s', async (first, second) => {
		expectRefusal(await ping([first, second]), 'PC_HEADER_INVALID');
	});

	it('is no other header', async () => {
		expect(await outcome(['Accept: application/json', 'Accept: text/event-stream', 'X-A: 1', 'X-A: 2'])).toBe('200');
	});
});

describe('strange headers', () => {
	it.each(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'x-request-id', 'x'.repeat(1_000)])(
		'do no harm: %s',
		async (name) => {
			const answer = await ping([`${name}: polluted`, `${name}: again`]);
			expect(answer && outcomeOf(answer)).toBe('200');
			expect(answer?.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
			expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
		},
	);

	it('of more than 32 KiB are refused', async () => {
		expect((await ping([`X-Long: ${'x'.repeat(40_000)}`]))?.status).toBe(431);
		expect(await outcome([])).toBe('200');
	});

	it.each([
		['a line break in a value', 'X-A: 1\nX-B: 2'],
		['a NUL', 'X-A: \0'],
		['a space before the colon', 'X-A : 1'],
		['a folded line', 'X-A: 1\r\n 2'],
	])('with %s never reach a handler', async (_, header) => {
		const answer = await ping([header]);
		expect(answer === undefined || answer.status === 400 || outcomeOf(answer) === '200').toBe(true);
		expect(await outcome([])).toBe('200');
	});
});

describe('the Host header', () => {
	it.each([
		'localhost',
		'LOCALHOST:1234',
		'127.0.0.1',
		'127.0.0.1:8080',
		'[::1]:8080',
		'mcp.company.example',
		'MCP.Company.Example',
		'gateway.internal:8443',
	])('may be %s', async (host) => expect(await outcome([`Host: ${host}`])).toBe('200'));

	it.each([
		'evil.example',
		'localhost.evil.example',
		'evil.example:80',
		'127.0.0.1.nip.io',
		'127.0.0.2',
		'127.0.0.1:8080:9090',
		'127.0.0.1@evil.example',
		'evil.example#localhost',
		'localhost/../evil',
		'mcp.company.example:8443',
		'mcp.company.example.',
		'gateway.internal',
		'xmcp.company.example',
		'0.0.0.0',
		'2130706433',
		'localhost:123456',
		'localhost ,evil.example',
		'',
	])('may not be "%s"', async (host) => {
		const answer = await ping([`Host: ${host}`]);
		expectRefusal(answer, 'PC_HOST_REFUSED');
		expect(auditOf(gateway, answer as PlainAnswer)).toMatchObject([{ outcome: 'refused', code: 'PC_HOST_REFUSED' }]);
	});

	it('may not be absent or stand twice', async () => {
		const headers = [`Authorization: Bearer ${token}`, 'Content-Type: application/json', 'Content-Length: 2'];
		expect((await sendRaw(gateway.url, rawRequest('POST /mcp HTTP/1.1', headers, '{}')))?.status).toBe(400);
		expectRefusal(await sendRaw(gateway.url, rawRequest('POST /mcp HTTP/1.0', headers, '{}')), 'PC_HEADER_INVALID');
		expectRefusal(await ping(['Host: localhost', 'Host: evil.example']), 'PC_HEADER_INVALID');
		expectRefusal(await ping(['Host: localhost', 'Host: localhost']), 'PC_HEADER_INVALID');
	});

	it('cannot be replaced by an address in the request line', async () => {
		expectRefusal(await ping([], 'POST http://evil.example/mcp HTTP/1.1'), 'PC_ADDRESS_UNKNOWN');
		expectRefusal(await ping(['Host: evil.example'], 'POST http://localhost/mcp HTTP/1.1'), 'PC_HOST_REFUSED');
		expectRefusal(await ping([], 'POST //evil.example/mcp HTTP/1.1'), 'PC_ADDRESS_UNKNOWN');
	});

	it('cannot be replaced by what a proxy might say', async () => {
		const said = ['X-Forwarded-Host: localhost', 'Forwarded: host=localhost', 'X-Host: localhost'];
		expectRefusal(await ping(['Host: evil.example', ...said]), 'PC_HOST_REFUSED');
	});

	it('is looked at before anyone is asked who they are', async () => {
		const answer = await ping(['Host: evil.example', 'Authorization: Bearer nonsense']);
		expectRefusal(answer, 'PC_HOST_REFUSED');
		expect(answer?.headers.has('www-authenticate')).toBe(false);
	});
});

describe('the Origin header', () => {
	it.each([
		'https://chat.company.example',
		'app://desktop',
		'https://mcp.company.example',
		'http://localhost:6274',
		'http://127.0.0.1:6274',
		'https://gateway.internal:8443',
	])('may be %s', async (origin) => expect(await outcome([`Origin: ${origin}`])).toBe('200'));

	it.each([
		'https://evil.example',
		'https://chat.company.example.evil.example',
		'https://chat.company.example:444',
		'http://chat.company.example',
		'https://localhost.evil.example',
		'null',
		'localhost',
		'*',
		'',
		'https://chat.company.example, https://evil.example',
	])('may not be "%s"', async (origin) => expectRefusal(await ping([`Origin: ${origin}`]), 'PC_ORIGIN_REFUSED'));

	it('is checked by itself: a good Host does not excuse it, nor it a bad Host', async () => {
		const evil = ['Host: mcp.company.example', 'Origin: https://evil.example'];
		expectRefusal(await ping(evil), 'PC_ORIGIN_REFUSED');
		const rebound = ['Host: evil.example', 'Origin: https://chat.company.example'];
		expectRefusal(await ping(rebound), 'PC_HOST_REFUSED');
	});
});

const SENT_BY_CLIENTS = ['authorization', 'content-type', 'mcp-session-id', 'mcp-protocol-version', 'mcp-param-region'];

describe('a page of another site', () => {
	const preflight = (origin: string) =>
		fetch(`${gateway.url}/mcp`, {
			method: 'OPTIONS',
			headers: {
				origin,
				'access-control-request-method': 'POST',
				'access-control-request-headers': `${SENT_BY_CLIENTS.join(', ')}, x-tenant-id, cookie`,
			},
		});

	it('on the list learns what it may send, and reads the answer', async () => {
		const allowed = await preflight('https://chat.company.example');
		expect(allowed.status).toBe(204);
		expect(allowed.headers.get('access-control-allow-origin')).toBe('https://chat.company.example');
		expect(allowed.headers.get('access-control-allow-methods')).toContain('POST');
		expect(allowed.headers.get('access-control-allow-headers')).toBe(SENT_BY_CLIENTS.join(', '));
		expect(allowed.headers.has('access-control-allow-credentials')).toBe(false);
		const answer = await ping(['Origin: https://chat.company.example']);
		expect(answer?.headers.get('access-control-allow-origin')).toBe('https://chat.company.example');
		expect(answer?.headers.get('access-control-expose-headers')).toContain('mcp-session-id');
		expect(answer?.headers.get('vary')).toContain('origin');
	});

	it('on the list reads refusals too, since they say how to sign in', async () => {
		const answer = await ping(['Authorization:', 'Origin: https://chat.company.example']);
		expectRefusal(answer, 'PC_TOKEN_MISSING');
		expect(answer?.headers.get('access-control-allow-origin')).toBe('https://chat.company.example');
		expect(answer?.headers.get('access-control-expose-headers')).toContain('www-authenticate');
	});

	it('not on the list is told nothing', async () => {
		for (const origin of ['https://evil.example', 'null', 'http://localhost:1']) {
			const answer = await preflight(origin);
			expect([403, 405]).toContain(answer.status);
			expect(answer.headers.has('access-control-allow-origin'), origin).toBe(false);
		}
	});
});

describe('headers of the modern revision', () => {
	it('must say what the body says', async () => {
		const { body, headers } = modern('tools/call', { name: 'echo' });
		const send = (changed: object) =>
			post(`${gateway.url}/mcp`, body, { authorization: `Bearer ${token}`, ...headers, ...changed });
		expect(outcomeOf(await send({}))).toBe(refused('PC_TOOL_UNKNOWN'));
		for (const changed of [{ 'mcp-method': 'tools/list' }, { 'mcp-name': 'delete_all' }, { 'mcp-name': '' }]) {
			expectRefusal(await send(changed), 'PC_HEADER_MISMATCH', 1);
		}
	});
});
