import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp } from '../fakes/upstream.ts';
import { rawRequest, sendRaw } from './edge-raw.ts';
import { auditOf, expectRefusal, outcomeOf } from './edge-refusal.ts';

const PING = JSON.stringify(legacy('ping'));
const LONGEST = 'w'.repeat(63);

let gateway: TestGateway;
let upstream: Awaited<ReturnType<typeof startLegacyHttp>>;
let token: string;

beforeAll(async () => {
	upstream = await startLegacyHttp({ sessions: false });
	const servers = { files: { transport: 'http', url: upstream.url } };
	gateway = await startGateway({
		workspaces: { google: { servers }, [LONGEST]: { servers }, microsoft: { servers } },
		grants: [
			{ group: 'G', workspace: 'google', access: 'write' },
			{ group: 'G', workspace: LONGEST, access: 'write' },
		],
	});
	token = gateway.tokenFor(['G']);
});
afterAll(async () => {
	await gateway.close();
	await upstream.close();
});

async function request(target: string, method = 'POST', authorization = `Bearer ${token}`): Promise<PlainAnswer> {
	const headers = ['Host: localhost', `Authorization: ${authorization}`, 'Content-Type: application/json'];
	const body = method === 'POST' ? PING : '';
	const bytes = rawRequest(`${method} ${target} HTTP/1.1`, [...headers, `Content-Length: ${body.length}`], body);
	const answer = await sendRaw(gateway.url, bytes);
	if (answer === undefined) throw new Error(`${method} ${target} was not answered`);
	return answer;
}

describe('an address', () => {
	it.each([
		'/mcp',
		'/mcp/',
		'/mcp?x=1',
		'/mcp/?x=/w/other/mcp',
		'/w/google/mcp',
		'/w/google/mcp/',
		`/w/${LONGEST}/mcp`,
		'/w/google/s/files/mcp',
		'/w/google/s/files/mcp/?a=b#c',
	])('answers as %s', async (target) => {
		const answer = await request(target);
		expect(outcomeOf(answer), answer.text).toBe('200');
	});

	it.each([
		['nothing', '/'],
		['a word', '/x'],
		['two slashes before', '//mcp'],
		['two slashes after', '/mcp//'],
		['two slashes within', '/w//mcp'],
		['an empty server', '/w/google/s//mcp'],
		['a slash too many', '/w/google//s/files/mcp'],
		['an encoded slash', '/w/google%2fs%2ffiles/mcp'],
		['an encoded slash in capitals', '/w%2Fgoogle/mcp'],
		['an encoded letter', '/w/%67oogle/mcp'],
		['an encoded address', '/%6dcp'],
		['a double encoding', '/w/google%252fs/mcp'],
		['dots', '/w/../mcp'],
		['dots that would lead elsewhere', '/w/google/../microsoft/mcp'],
		['one dot', '/w/./google/mcp'],
		['encoded dots', '/w/%2e%2e/google/mcp'],
		['a backslash', '/w\\google\\mcp'],
		['a backslash that is encoded', '/w/google%5cmcp'],
		['a semicolon', '/w/google;x=1/mcp'],
		['a null byte', '/w/google%00/mcp'],
		['capitals in the word', '/MCP'],
		['capitals in the workspace', '/w/Google/mcp'],
		['capitals in the w', '/W/google/mcp'],
		['a slug that is too long', `/w/${'w'.repeat(64)}/mcp`],
		['a slug of 9 KB', `/w/${'w'.repeat(9_000)}/mcp`],
		['a slug that begins with a dash', '/w/-google/mcp'],
		['a slug that ends with a dash', '/w/google-/mcp'],
		['a slug with a dot', '/w/google.com/mcp'],
		['junk behind', '/mcp/x'],
		['junk behind a server', '/w/google/s/files/mcp/tools'],
		['junk glued on', '/mcpx'],
		['an extension', '/mcp.json'],
		['a word in place of s', '/w/google/x/files/mcp'],
		['an empty toolset', '/w/google/t//mcp'],
		['a server within a toolset', '/w/google/t/daily/s/files/mcp'],
		['constructor as a toolset', '/w/google/t/constructor/mcp'],
		['a star', '*'],
		['__proto__ as a workspace', '/w/__proto__/mcp'],
		['constructor as a server', '/w/google/s/constructor/mcp'],
	])('with %s is unknown, and never a redirect', async (_, target) => {
		const answer = await request(target);
		expectRefusal(answer, 'PC_ADDRESS_UNKNOWN', answer.json?.id ?? null);
		expect(answer.headers.has('location')).toBe(false);
	});

	it('that is refused is in the audit with what was known of it', async () => {
		const malformed = await request('/w/google/non/sense');
		expect(auditOf(gateway, malformed)).toMatchObject([
			{ kind: 'outcome', outcome: 'refused', code: 'PC_ADDRESS_UNKNOWN', stage: 'edge' },
		]);
		const foreign = await request('/w/microsoft/mcp');
		expect(auditOf(gateway, foreign)).toMatchObject([
			{ outcome: 'refused', address: '/w/microsoft/mcp', principal: { oid: '0a1b2c3d-person' }, method: 'ping' },
		]);
	});

	it('of a workspace that exists looks like one that does not', async () => {
		const strip = ({ status, text, headers }: PlainAnswer) => [
			status,
			text.replace(headers.get('x-request-id') ?? '', 'ID'),
			[...headers.keys()].sort(),
		];
		const addresses = ['/w/microsoft/mcp', '/w/nowhere/mcp', '/w/microsoft/s/files/mcp', '/w/microsoft/s/nothing/mcp'];
		const answers = await Promise.all(addresses.map((each) => request(each)));
		for (const answer of answers) expect(strip(answer)).toEqual(strip(answers[1] as PlainAnswer));
	});
});

describe('a method of HTTP', () => {
	it.each(['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'])('%s is not allowed', async (method) => {
		const answer = await request('/mcp', method);
		expectRefusal(answer, 'PC_METHOD_NOT_ALLOWED');
		expect(answer.headers.get('allow')).toContain('POST');
	});

	it('HEAD is not allowed, and has no body', async () => {
		const answer = await fetch(`${gateway.url}/mcp`, { method: 'HEAD', headers: { authorization: `Bearer ${token}` } });
		expect([answer.status, await answer.text()]).toEqual([405, '']);
	});

	it.each(['GET', 'DELETE'])('%s belongs to a session, and is not allowed without one', async (method) => {
		for (const target of ['/mcp', '/w/google/mcp', '/w/google/s/files/mcp']) {
			expectRefusal(await request(target, method), 'PC_METHOD_NOT_ALLOWED');
		}
	});

	it.each(['GET', 'DELETE', 'POST'])('%s asks for a token first', async (method) => {
		const answer = await request('/mcp', method, '');
		expectRefusal(answer, 'PC_TOKEN_MISSING');
	});

	it('CONNECT and an upgrade open no tunnel', async () => {
		const connect = rawRequest('CONNECT localhost:80 HTTP/1.1', ['Host: localhost']);
		const tunnel = await sendRaw(gateway.url, connect);
		expect(tunnel === undefined || tunnel.status >= 400).toBe(true);
		const upgrade = ['Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
		const socket = await sendRaw(gateway.url, rawRequest('GET /mcp HTTP/1.1', upgrade));
		expect(socket === undefined || socket.status === 401).toBe(true);
		expect(outcomeOf(await request('/mcp'))).toBe('200');
	});
});
