import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { IDENTITY_HEADERS, IDENTITY_PREFIXES } from '../../src/edge/identity-headers.ts';
import { type EdgeBench, OID, openEdgeBench, SECRETS } from '../fakes/edges.ts';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';
import { rawRequest, sendRaw } from './edge-raw.ts';
import { auditOf, expectRefusal, outcomeOf, refused } from './edge-refusal.ts';

const CONFIG = {
	workspaces: { google: { servers: {} } },
	grants: [{ group: 'MCP-Google', workspace: 'google', access: 'write' as const, directory: 'fake' }],
};

const CANARY = 'canary-5f1d';

let bench: EdgeBench;
const logged: string[] = [];

beforeAll(async () => {
	const sink = new Writable({
		write(chunk, _, done) {
			logged.push(String(chunk));
			done();
		},
	});
	bench = await openEdgeBench(CONFIG, { log: pino({ level: 'trace' }, sink) });
});
afterAll(() => bench.close());

const NAMES = [
	...IDENTITY_HEADERS,
	...IDENTITY_PREFIXES.map((prefix) => `${prefix}${prefix.endsWith('-') ? 'id' : ''}`),
];
const SPELLINGS = [
	(name: string) => name,
	(name: string) => name.toUpperCase(),
	(name: string) => name.replaceAll('-', '_'),
];

const authorization = (): string => `Bearer ${bench.gateway.tokenFor(['MCP-Google'], { oid: OID })}`;
const askMain = (headers: Record<string, string>): Promise<PlainAnswer> =>
	post(`${bench.gateway.url}/w/google/mcp`, legacy('ping'), headers);

/** As a proxy could pass it on: these lines, whatever is wrong with them. */
function askRaw(url: string, lines: readonly string[]) {
	const body = JSON.stringify(legacy('ping'));
	const own = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${body.length}`];
	return sendRaw(
		url,
		rawRequest('POST /w/google/mcp HTTP/1.1', [...own, `Authorization: ${authorization()}`, ...lines], body),
	);
}

describe('on the main listener', () => {
	test.each(NAMES)('%s says nothing, in whatever spelling, and leaves no trace', async (name) => {
		for (const spell of SPELLINGS) {
			const forged = { [spell(name)]: CANARY };
			const answer = await askMain({ ...forged, authorization: authorization() });
			expect(outcomeOf(answer)).toBe('200');
			expect(auditOf(bench.gateway, answer)).toMatchObject([{ principal: { oid: OID }, vouchedBy: 'token' }]);
			const alone = await askMain(forged);
			expectRefusal(alone, 'PC_TOKEN_MISSING');
			expect(JSON.stringify([auditOf(bench.gateway, answer), alone.text, [...alone.headers]])).not.toContain(CANARY);
		}
	});

	test.each([...NAMES, 'x-openwebui-user-jwt'])(
		'%s is refused when it is repeated, in whatever spellings',
		async (name) => {
			const [, upper = '', twin = ''] = SPELLINGS.map((spell) => spell(name));
			expect(outcomeOf((await askRaw(bench.gateway.url, [`${name}: a`])) as PlainAnswer)).toBe('200');
			for (const other of [name, upper, twin]) {
				const answer = (await askRaw(bench.gateway.url, [
					`${name}: ${CANARY}`,
					'Accept: */*',
					`${other}: ${CANARY}`,
				])) as PlainAnswer;
				expectRefusal(answer, 'PC_HEADER_INVALID');
				expect(JSON.stringify(auditOf(bench.gateway, answer))).not.toContain(CANARY);
			}
		},
	);

	it('no proof of an edge is worth anything', async () => {
		const proofs = [
			{ 'X-Edge-Assertion': bench.assertion() },
			{ 'X-Edge-Authorization': `Bearer ${bench.edgeToken()}`, 'X-User-Id': OID },
			{ 'X-Edge-Secret': SECRETS[0], 'X-User-Id': OID },
		];
		for (const proof of proofs) expectRefusal(await askMain(proof as never), 'PC_TOKEN_MISSING');
		// Nor was it used up: the listener it is for still takes it.
		expect(outcomeOf(await bench.ping('asserted', proofs[0] as never))).toBe('200');
	});

	it('the management API believes them no more', async () => {
		const me = async (headers: Record<string, string>) => {
			const answer = await fetch(`${bench.gateway.url}/api/v1/me`, { headers });
			return { status: answer.status, text: await answer.text() };
		};
		const forged = {
			'X-User-Id': CANARY,
			'X-Edge-Secret': SECRETS[0],
			'X-Tenant-ID': bench.gateway.directory.directory.tenantId,
		};
		expect((await me(forged)).status).toBe(401);
		const own = await me({ ...forged, authorization: authorization() });
		expect(own).toMatchObject({ status: 200, text: expect.stringContaining(OID) });
		expect(own.text).not.toContain(CANARY);
	});
});

describe('on a listener with an edge', () => {
	it('the management API takes whom the edge vouches for, and nobody else', async () => {
		const answer = await fetch(`${bench.urlOf('asserted')}/api/v1/me`, {
			headers: { 'X-Edge-Assertion': bench.assertion() },
		});
		expect(answer.status).toBe(200);
		expect(await answer.text()).toContain(OID);
		const refusal = await fetch(`${bench.urlOf('asserted')}/api/v1/me`, { headers: { 'X-Edge-Assertion': CANARY } });
		expect(refusal.status).toBe(401);
		expect(await refusal.text()).toContain('PC_EDGE_REFUSED');
	});

	it('only the headers of its own mechanism are read', async () => {
		const elsewhere = { 'X-Edge-Assertion': bench.assertion() };
		expect(outcomeOf(await bench.ping('shared', elsewhere))).toBe(refused('PC_TOKEN_MISSING'));
		const secret = { 'X-Edge-Secret': SECRETS[0], 'X-User-Id': OID, 'X-User-Groups': 'MCP-Google' };
		expect(outcomeOf(await bench.ping('asserted', secret))).toBe(refused('PC_TOKEN_MISSING'));
		expect(outcomeOf(await bench.ping('asserted', elsewhere))).toBe('200');
		expect(outcomeOf(await bench.ping('shared', secret))).toBe('200');
	});

	it('a repeated one is refused, whether it is read or not', async () => {
		for (const name of ['X-Edge-Secret', 'X-User-Id', 'X-Auth-Request-User']) {
			const answer = (await askRaw(bench.urlOf('shared'), [`${name}: a`, `${name}: b`])) as PlainAnswer;
			expectRefusal(answer, 'PC_HEADER_INVALID');
		}
	});
});

describe('cookies', () => {
	it('are neither read nor recorded anywhere', async () => {
		const answer = await askMain({ authorization: authorization(), cookie: `session=${CANARY}` });
		expect(outcomeOf(answer)).toBe('200');
		const twice = (await askRaw(bench.gateway.url, [`Cookie: ${CANARY}`, `Cookie: ${CANARY}`])) as PlainAnswer;
		expect(outcomeOf(twice)).toBe('200');
	});
});

describe('the metadata of listeners', () => {
	const WELL_KNOWN = '/.well-known/oauth-protected-resource';
	const resourceAt = async (url: string): Promise<unknown> =>
		((await (await fetch(url)).json()) as { resource: unknown }).resource;

	it('describes the origin at the bare address, in both slash forms', async () => {
		for (const url of [bench.gateway.url, bench.urlOf('shared')]) {
			expect(await resourceAt(url + WELL_KNOWN)).toBe(url);
			expect(await resourceAt(`${url}${WELL_KNOWN}/`)).toBe(url);
			expect(await resourceAt(`${url}${WELL_KNOWN}/mcp`)).toBe(`${url}/mcp`);
			expect(await resourceAt(`${url}${WELL_KNOWN}/mcp/`)).toBe(`${url}/mcp/`);
			expect((await fetch(`${url}${WELL_KNOWN}/other`)).status).toBe(404);
			expect((await fetch(`${url}${WELL_KNOWN}other`)).status).toBe(404);
		}
	});

	it('names https where the listener speaks TLS, and the public address where there is one', async () => {
		const place = async () =>
			/resource_metadata="([^"]+)"/.exec((await bench.pingTls({})).headers.get('www-authenticate') ?? '')?.[1];
		expect(await place()).toBe(`https://localhost${WELL_KNOWN}/w/google/mcp`);
		const { directory } = bench.gateway;
		const directories = [directory.directory, bench.other.directory];
		await bench.gateway.reconfigure({ ...CONFIG, directories, publicUrl: 'https://mcp.company.example' });
		expect(await place()).toBe(`https://mcp.company.example${WELL_KNOWN}/w/google/mcp`);
		expect(await resourceAt(bench.urlOf('asserted') + WELL_KNOWN)).toBe('https://mcp.company.example');
	});
});

describe('what was sent', () => {
	it('is in no line of the log, and in no record', () => {
		expect(bench.gateway.audit().length).toBeGreaterThan(50);
		for (const text of [logged.join(''), JSON.stringify(bench.gateway.audit())]) {
			for (const secret of [CANARY, ...SECRETS, 'eyJ']) expect(text).not.toContain(secret);
		}
	});
});
