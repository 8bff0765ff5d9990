import { randomUUID } from 'node:crypto';
import { CompactSign } from 'jose';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { ErrorCode } from '../../src/errors/table.ts';
import { makeAuthority } from '../fakes/certificates.ts';
import { type FakeKey, makeKey } from '../fakes/directory.ts';
import { EDGE_NAME, type EdgeBench, OID, openEdgeBench, SECRETS, type Sent } from '../fakes/edges.ts';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { auditOf, outcomeOf, refused } from './edge-refusal.ts';
import { until } from './failure-calls.ts';
import { openSse } from './protocol-sse.ts';

const configFor = (url: string) => ({
	workspaces: { google: { servers: { old: { transport: 'http', url } } }, microsoft: { servers: {} } },
	grants: [
		{ group: 'MCP-Google', workspace: 'google', access: 'write', directory: 'fake' },
		{ role: 'Gateway.Reader', workspace: 'google', access: 'read', directory: 'fake' },
		{ group: 'MCP-Google', workspace: 'microsoft', access: 'write', directory: 'other' },
	],
});

let bench: EdgeBench;
let old: LegacyHttpFixture;
let stranger: FakeKey;

beforeAll(async () => {
	old = await startLegacyHttp();
	bench = await openEdgeBench(configFor(old.url));
	stranger = await makeKey();
});
afterAll(async () => {
	await bench.close();
	await old.close();
});

const tid = (): string => bench.gateway.directory.directory.tenantId;
const now = (): number => Math.floor(Date.now() / 1000);
const person = (more: Sent = {}): Sent => ({
	...{ 'X-User-Id': OID, 'X-Tenant-ID': tid(), 'X-User-Groups': 'MCP-Google', 'X-User-Name': 'Zoë' },
	...more,
});
const bearer = (claims: object = {}): string =>
	`Bearer ${bench.gateway.tokenFor(['MCP-Google'], { oid: OID, ...claims })}`;

/** Who the audit says it was, and by whose word. */
function recordOf(answer: PlainAnswer): unknown {
	const [line] = auditOf(bench.gateway, answer);
	return line && { principal: line['principal'], vouchedBy: line['vouchedBy'] };
}

const identity = (oid = OID): object => ({ issuer: bench.gateway.directory.directory.issuer, tid: tid(), oid });

/** Each mechanism: how its edge sends what it is to say, and what proves it. */
const MECHANISMS = {
	asserted: { kind: 'assertion', proof: () => ({ 'X-Edge-Assertion': bench.assertion() }), describes: () => ({}) },
	given: { kind: 'assertion', proof: () => ({ 'X-Edge-Assertion': bench.assertion() }), describes: () => ({}) },
	managed: {
		kind: 'managed-identity',
		proof: () => ({ 'X-Edge-Authorization': `Bearer ${bench.edgeToken()}` }),
		describes: person,
	},
	shared: { kind: 'shared-secret', proof: () => ({ 'X-Edge-Secret': SECRETS[0] }), describes: person },
	certified: { kind: 'client-certificate', proof: () => ({}), describes: person },
} as const;

type Name = keyof typeof MECHANISMS;

const edgeCertificate = () => bench.authority.issue({ names: [EDGE_NAME], usage: 'client' });

interface From {
	/** Over TLS the certificate of the edge goes along unless the caller is to come without it. */
	readonly from?: 'edge' | 'elsewhere';
	readonly path?: string;
}

/** Asks through a listener. */
function ask(name: Name, headers: Sent, { from = 'edge', path = '/w/google/mcp' }: From = {}): Promise<PlainAnswer> {
	if (name !== 'certified') return bench.ping(name, headers, path);
	return bench.pingTls(headers, from === 'edge' ? edgeCertificate() : undefined, path);
}

const vouched = (name: Name, more: Sent = {}): Sent => ({
	...MECHANISMS[name].describes(),
	...MECHANISMS[name].proof(),
	...more,
});

describe.each(Object.keys(MECHANISMS) as Name[])('the listener %s', (name) => {
	it('takes whom its edge vouches for, and records by which mechanism', async () => {
		const answer = await ask(name, vouched(name));
		expect(outcomeOf(answer)).toBe('200');
		const by = `edge:${name}:${MECHANISMS[name].kind}`;
		expect(recordOf(answer)).toEqual({ principal: identity(), vouchedBy: by });
	});

	it('takes a bearer of the same person beside it, and of nobody else', async () => {
		const other = `Bearer ${bench.other.token({ oid: OID, groups: ['MCP-Google'] })}`;
		const wrong = [bearer({ oid: 'somebody-else' }), other];
		expect(outcomeOf(await ask(name, vouched(name, { authorization: bearer() })))).toBe('200');
		for (const authorization of wrong) {
			const answer = await ask(name, vouched(name, { authorization }));
			expect(outcomeOf(answer)).toBe(refused('PC_EDGE_MISMATCH'));
			expect(recordOf(answer)).toEqual({ principal: undefined, vouchedBy: undefined });
		}
	});

	it('takes nobody whose own bearer is refused, an API key beside it included', async () => {
		const expired = bearer({ exp: now() - 61, iat: now() - 4_000, nbf: now() - 4_000 });
		expect(outcomeOf(await ask(name, vouched(name, { authorization: expired })))).toBe(refused('PC_TOKEN_EXPIRED'));
		const answer = await ask(name, vouched(name, { authorization: 'Bearer pc_whatever' }));
		expect(answer.status).toBe(401);
	});

	it('takes a bearer alone as the main listener does, and an empty one for none', async () => {
		const answer = await ask(name, { authorization: bearer() }, { from: 'elsewhere' });
		expect(outcomeOf(answer)).toBe('200');
		expect(recordOf(answer)).toEqual({ principal: identity(), vouchedBy: 'token' });
		for (const authorization of ['', 'Bearer', 'Bearer ']) {
			expect(outcomeOf(await ask(name, vouched(name, { authorization })))).toBe('200');
			const none = await ask(name, { authorization }, { from: 'elsewhere' });
			expect(outcomeOf(none)).toBe(refused('PC_TOKEN_MISSING'));
			expect(none.headers.get('www-authenticate')).toMatch(
				/^Bearer resource_metadata="https?:\/\/[^"]+\/w\/google\/mcp"$/,
			);
		}
	});

	it('refuses a request that stands for nobody, with the way to sign in', async () => {
		const answer = await ask(name, {}, { from: 'elsewhere' });
		expect(outcomeOf(answer)).toBe(refused('PC_TOKEN_MISSING'));
		expect(answer.headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/w/google/mcp"');
	});

	it('gives what the groups of the directory give, and nothing else', async () => {
		const elsewhere = await ask(name, vouched(name), { path: '/w/microsoft/mcp' });
		expect(outcomeOf(elsewhere)).toBe(refused('PC_ADDRESS_UNKNOWN'));
		expect(recordOf(elsewhere)).toMatchObject({ principal: identity() });
	});

	it('refuses a repeated identity header, in whatever spelling', async () => {
		for (const twin of ['x_user_id', 'X_User-Id']) {
			const answer = await ask(name, vouched(name, { 'X-User-Id': OID, [twin]: 'somebody-else' }));
			expect(outcomeOf(answer), twin).toBe(refused('PC_HEADER_INVALID'));
		}
	});
});

describe.each(['managed', 'shared', 'certified'] as const)('what the headers of the listener %s say', (name) => {
	const ATTACKS: readonly [ErrorCode, string, () => Sent][] = [
		['PC_EDGE_IDENTITY', 'an e-mail address instead of an id', () => ({ 'X-User-Id': 'person@company.example' })],
		['PC_EDGE_IDENTITY', 'no id', () => ({ 'X-User-Id': '' })],
		['PC_EDGE_IDENTITY', 'two ids in one', () => ({ 'X-User-Id': `${OID}, admin` })],
		['PC_EDGE_IDENTITY', 'a long id', () => ({ 'X-User-Id': 'x'.repeat(129) })],
		[
			'PC_EDGE_IDENTITY',
			'a directory that it does not list',
			() => ({ 'X-Tenant-ID': bench.other.directory.tenantId }),
		],
		['PC_EDGE_IDENTITY', 'no directory of ours', () => ({ 'X-Tenant-ID': randomUUID() })],
		['PC_EDGE_IDENTITY', 'a long group', () => ({ 'X-User-Groups': 'x'.repeat(257) })],
	];
	test.each(ATTACKS)('is refused as %s when it is %s', async (code, _, more) => {
		const answer = await ask(name, vouched(name, more()));
		expect(outcomeOf(answer)).toBe(refused(code));
		expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="/);
		expect(recordOf(answer)).toEqual({ principal: undefined, vouchedBy: undefined });
	});

	it('counts only with a proof beside it, whatever else is good', async () => {
		for (const more of [{}, { authorization: bearer() }]) {
			const answer = await ask(name, person(more), { from: 'elsewhere' });
			expect(outcomeOf(answer)).toBe(refused('PC_EDGE_REFUSED'));
		}
	});

	it('may leave the directory out where there is but one', async () => {
		expect(outcomeOf(await ask(name, vouched(name, { 'X-Tenant-ID': '' })))).toBe('200');
	});

	it('tells no groups from unknown ones', async () => {
		expect(outcomeOf(await ask(name, vouched(name, { 'X-User-Groups': '' })))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		const { 'X-User-Groups': _, ...unsaid } = vouched(name) as Record<string, string>;
		expect(outcomeOf(await ask(name, unsaid))).toBe(refused('PC_TOKEN_GROUPS_UNKNOWN'));
		const roles = { 'X-User-Groups': 'a, b', 'X-User-Roles': 'x, Gateway.Reader' };
		expect(outcomeOf(await ask(name, vouched(name, roles)))).toBe('200');
	});

	it('leaves a bearer alone where it is empty, as for a caller the edge does not know', async () => {
		const empty = { 'X-User-Id': '', 'X-Tenant-ID': '', 'X-User-Groups': '', 'X-User-Name': '' };
		const answer = await ask(name, vouched(name, { ...empty, authorization: bearer() }));
		expect(outcomeOf(answer)).toBe('200');
		expect(recordOf(answer)).toEqual({ principal: identity(), vouchedBy: 'token' });
		expect(outcomeOf(await ask(name, vouched(name, empty)))).toBe(refused('PC_TOKEN_MISSING'));
	});
});

/** A proof that is refused, beside a good bearer too. */
async function expectRefused(send: (more: Sent) => Promise<PlainAnswer>): Promise<void> {
	for (const more of [{}, { authorization: bearer() }]) {
		const answer = await send(more);
		expect(outcomeOf(answer)).toBe(refused('PC_EDGE_REFUSED'));
		expect(auditOf(bench.gateway, answer)).toMatchObject([{ outcome: 'refused', stage: 'identity' }]);
	}
}

describe('an assertion', () => {
	const at = (iat: number, exp: number) => ({ iat: now() + iat, exp: now() + exp });
	const ATTACKS: readonly [string, () => string][] = [
		['has expired', () => bench.assertion(at(-200, -61))],
		['is of the future', () => bench.assertion(at(120, 180))],
		['lives too long', () => bench.assertion(at(0, 301))],
		['ends before it begins', () => bench.assertion(at(10, 5))],
		['never ends', () => bench.assertion({ exp: undefined })],
		['has no beginning', () => bench.assertion({ iat: undefined })],
		['is for another audience', () => bench.assertion({ aud: 'https://other.example' })],
		['is for several audiences', () => bench.assertion({ aud: ['https://gateway.company.example'] })],
		['is of another edge', () => bench.assertion({ iss: 'https://other.example' })],
		['has no id', () => bench.assertion({ jti: undefined })],
		['has a long id', () => bench.assertion({ jti: 'x'.repeat(129) })],
		['is for another method', () => bench.assertion({ htm: 'GET' })],
		['is for another address', () => bench.assertion({ htu: 'https://mcp.example/w/microsoft/mcp' })],
		['is signed by a stranger', () => bench.assertion({}, { key: stranger })],
		[
			'is signed by a stranger under the id of the edge',
			() => bench.assertion({}, { key: stranger, header: { kid: kid() } }),
		],
		['is not signed', () => bench.assertion({}, { alg: 'none' })],
		['is signed with a public key as its secret', () => bench.assertion({}, { alg: 'HS256' })],
		['has critical extensions', () => bench.assertion({}, { header: { crit: ['x'] } })],
		['is an access token', () => bench.gateway.tokenFor(['MCP-Google'])],
		['is no JWS', () => 'something'],
	];
	const kid = () => bench.signer.keys[0]?.kid;
	test.each(ATTACKS)('is refused where it %s', (_, make) =>
		expectRefused((more) => bench.ping('asserted', { 'X-Edge-Assertion': make(), ...more })),
	);

	const PERSONS: readonly [string, () => object][] = [
		['an e-mail address', () => ({ sub: 'person@company.example' })],
		['nobody', () => ({ sub: undefined })],
		['a directory the edge does not list', () => ({ tid: bench.other.directory.tenantId })],
		['no directory', () => ({ tid: undefined })],
		['groups that are no list', () => ({ groups: 'MCP-Google' })],
	];
	test.each(PERSONS)('is refused where it names %s', async (_, claims) => {
		const answer = await bench.ping('asserted', { 'X-Edge-Assertion': bench.assertion({ ...claims() }) });
		expect(outcomeOf(answer)).toBe(refused('PC_EDGE_IDENTITY'));
	});

	it('is good once, on all listeners together', async () => {
		const headers = { 'X-Edge-Assertion': bench.assertion() };
		expect(outcomeOf(await bench.ping('asserted', headers))).toBe('200');
		for (const listener of ['asserted', 'given']) {
			expect(outcomeOf(await bench.ping(listener, headers)), listener).toBe(refused('PC_EDGE_REFUSED'));
		}
	});

	it('is good for one request, whatever number of messages it carries', async () => {
		const headers = { 'X-Edge-Assertion': bench.assertion(), 'mcp-protocol-version': '2025-03-26' };
		const batch = [legacy('ping', {}, 1), legacy('ping', {}, 2), legacy('ping', {}, 3)];
		const answer = await post(`${bench.urlOf('asserted')}/w/google/mcp`, batch, headers);
		expect(answer.json).toEqual([1, 2, 3].map((id) => ({ jsonrpc: '2.0', id, result: {} })));
	});

	it('may say which request it is for', async () => {
		const claims = { htm: 'POST', htu: 'https://mcp.company.example/w/google/mcp' };
		expect(outcomeOf(await bench.ping('asserted', { 'X-Edge-Assertion': bench.assertion(claims) }))).toBe('200');
	});

	it('says nothing of groups where it names none, which is not the same as none', async () => {
		const ping = (claims: object) => bench.ping('asserted', { 'X-Edge-Assertion': bench.assertion({ ...claims }) });
		expect(outcomeOf(await ping({ groups: undefined }))).toBe(refused('PC_TOKEN_GROUPS_UNKNOWN'));
		expect(outcomeOf(await ping({ groups: [] }))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		expect(outcomeOf(await ping({ groups: [], roles: ['Gateway.Reader'] }))).toBe('200');
	});

	it('may be signed with each algorithm that is listed, and no other', async () => {
		const [key] = bench.signer.keys;
		const payload = () => Buffer.from(bench.assertion().split('.')[1] ?? '', 'base64url');
		const pss = await new CompactSign(payload()).setProtectedHeader({ alg: 'PS256' }).sign(key?.privateKey as never);
		expect(outcomeOf(await bench.ping('given', { 'X-Edge-Assertion': pss }))).toBe('200');
		await expectRefused((more) => bench.ping('asserted', { 'X-Edge-Assertion': pss, ...more }));
		const curve = await makeKey('ec');
		bench.signer.publish([...bench.signer.keys.map(({ jwk }) => jwk), curve.jwk]);
		await expectRefused((more) =>
			bench.ping('given', { 'X-Edge-Assertion': bench.assertion({}, { key: curve, alg: 'ES256' }), ...more }),
		);
	});
});

describe('a stream of HTTP+SSE that an edge vouched for', () => {
	it('opens, takes messages with an assertion each, and ends its session at the server with the last of them', async () => {
		const headers = () => ({ 'X-Edge-Assertion': bench.assertion() });
		const stream = await openSse(`${bench.urlOf('asserted')}/w/google/s/old/sse`, headers());
		expect(stream.response.status).toBe(200);
		const clientInfo = { name: 'plain', version: '1' };
		const hello = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo };
		await stream.post(legacy('initialize', hello, 'init'), headers());
		expect((await stream.next()).id).toBe('init');
		await stream.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, headers());
		const used = headers();
		await stream.post(legacy('tools/call', { name: 'echo', arguments: { text: 'hello' } }, 7), used);
		expect(await stream.next()).toMatchObject({
			id: 7,
			result: { content: [{ text: expect.stringContaining('hello') }] },
		});
		expect(outcomeOf(await stream.post(legacy('ping', {}, 8), used))).toBe(refused('PC_EDGE_REFUSED'));
		const asked = (httpMethod: string) => () => old.seen.some((request) => request.httpMethod === httpMethod);
		await until(asked('GET'));
		expect(asked('DELETE')()).toBe(false);
		await stream.close();
		await until(asked('DELETE'));
	});
});

describe('the token of an edge', () => {
	const ATTACKS: readonly [string, () => string][] = [
		['is of another application', () => bench.edgeToken({ azp: 'another' })],
		['is a person’s', () => bench.gateway.directory.token({ azp: 'edge-application' })],
		[
			'is of another directory',
			() => bench.other.token({ scp: undefined, roles: ['Edge'], idtyp: 'app', azp: 'edge-application' }),
		],
		['is for another audience', () => bench.edgeToken({ aud: 'another' })],
		['has expired', () => bench.edgeToken({ exp: now() - 61 })],
		['was altered', () => `${bench.edgeToken().slice(0, -6)}AAAAAA`],
		['is none', () => 'something'],
	];
	test.each(ATTACKS)('is refused where it %s', (_, make) =>
		expectRefused((more) => bench.ping('managed', person({ 'X-Edge-Authorization': `Bearer ${make()}`, ...more }))),
	);

	it('is refused where it is not sent as a bearer', () =>
		expectRefused((more) => bench.ping('managed', person({ 'X-Edge-Authorization': bench.edgeToken(), ...more }))));
});

describe('the secret of an edge', () => {
	test.each([
		['another', 'third-value-0123456789-0123456789'],
		['a part', SECRETS[0].slice(0, -1)],
		['more than it', `${SECRETS[0]}x`],
		['both', `${SECRETS[0]}, ${SECRETS[1]}`],
	])('is refused where it is %s', (_, secret) =>
		expectRefused((more) => bench.ping('shared', person({ 'X-Edge-Secret': secret, ...more }))),
	);

	it('may have two values, so that it can be changed', async () => {
		for (const secret of SECRETS) {
			expect(outcomeOf(await bench.ping('shared', person({ 'X-Edge-Secret': secret })))).toBe('200');
		}
	});
});

describe('the certificate of an edge', () => {
	const past = { from: new Date(Date.now() - 7_200_000), until: new Date(Date.now() - 3_600_000) };
	const ATTACKS = [
		['is of another authority', () => makeAuthority().issue({ names: [EDGE_NAME], usage: 'client' })],
		['has another name', () => bench.authority.issue({ names: ['DNS:other.company.example'], usage: 'client' })],
		['has no name', () => bench.authority.issue({ names: [], usage: 'client' })],
		[
			'only looks like the name',
			() => bench.authority.issue({ names: [`URI:x, ${EDGE_NAME}, URI:y`], usage: 'client' }),
		],
		['is a server’s', () => bench.authority.issue({ names: [EDGE_NAME], usage: 'server' })],
		['has expired', () => bench.authority.issue({ names: [EDGE_NAME], usage: 'client', ...past })],
	] as const;
	test.each(ATTACKS)('is refused where it %s', (_, make) =>
		expectRefused((more) => bench.pingTls(person(more), make())),
	);

	it('may have one of several names; a host name has no case', async () => {
		const named = bench.authority.issue({ names: ['DNS:x.example', 'DNS:Edge.Company.example'], usage: 'client' });
		expect(outcomeOf(await bench.pingTls(person(), named))).toBe('200');
	});
});
