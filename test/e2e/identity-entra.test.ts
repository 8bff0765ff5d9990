import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../src/errors/table.ts';
import { makeKey } from '../fakes/directory.ts';
import { type FakeEntra, ISSUER_TEMPLATE, type Narrowing, PERSON, startFakeEntra } from '../fakes/entra.ts';
import { type AuditLine, legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type FakeGraph, startFakeGraph } from '../fakes/graph.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { outcomeOf, refused } from './edge-refusal.ts';

// One test for each rule about tokens of Entra, by its number; identity-rows.test.ts sees to it that none is missing.

const FINANCE = '22222222-0000-4000-8000-000000000001';
const LEGAL = '22222222-0000-4000-8000-000000000002';
const OTHER = '33333333-2222-4333-8444-555555555555';

let entra: FakeEntra;
let upstream: LegacyHttpFixture;
let gateway: TestGateway;

const grants = [
	{ group: FINANCE, workspace: 'google', access: 'write', directory: 'contoso' },
	{ group: LEGAL, workspace: 'microsoft', access: 'read', directory: 'contoso' },
	{ group: FINANCE, workspace: 'microsoft', access: 'read', directory: 'fabrikam' },
	{ role: 'Gateway.Reader', workspace: 'google', access: 'read', directory: 'contoso' },
];

function config(narrowing: Narrowing & { readonly graph?: object; readonly jwksUrl?: string } = {}, more: object = {}) {
	const servers = { docs: { transport: 'http', url: upstream.url } };
	return {
		directories: [entra.contoso.entry(narrowing), entra.fabrikam.entry()],
		workspaces: { google: { servers }, microsoft: { servers } },
		grants,
		...more,
	};
}

beforeAll(async () => {
	entra = await startFakeEntra();
	upstream = await startLegacyHttp({ sessions: false });
	gateway = await startGateway(config());
});
afterEach(() => {
	vi.useRealTimers();
	entra.contoso.directory.setHealth('up');
});
afterAll(async () => {
	await gateway.close();
	await upstream.close();
	await entra.close();
});

const MEMBER = { groups: [FINANCE] };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const good = (claims: object = {}): string => entra.contoso.v2({ ...MEMBER, ...claims });

async function ask(token: string, path = '/w/google/mcp', at = gateway): Promise<PlainAnswer> {
	return post(at.url + path, legacy('ping'), bearer(token));
}

interface Me {
	readonly workspaces: readonly { readonly workspace: string; readonly level: string }[];
	readonly expiresAt: string;
	/** Of a refusal. */
	readonly detail?: string;
}

async function me(token: string, at = gateway) {
	const answer = await fetch(`${at.url}/api/v1/me`, { headers: bearer(token) });
	return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Me };
}

const held = async (token: string, at = gateway): Promise<readonly string[]> =>
	(await me(token, at)).json.workspaces.map(({ workspace, level }) => `${workspace} ${level}`);

async function expectRefused(code: ErrorCode, tokens: readonly string[], at = gateway): Promise<void> {
	for (const token of tokens) expect(outcomeOf(await ask(token, '/w/google/mcp', at))).toBe(refused(code));
}

it('Entra 1: only RS256 is taken, and keys or addresses of the header are not looked at', async () => {
	const { directory } = entra.contoso;
	const sign = (header: object) => directory.token({ oid: PERSON, ...MEMBER }, { header: { ...header } });
	for (const typ of ['JWT', 'at+jwt', undefined]) expect(outcomeOf(await ask(sign({ typ })))).toBe('200');
	expect(outcomeOf(await ask(sign({ x5t: 'x', x5u: 'https://x.example', jku: 'https://x.example' })))).toBe('200');
	await expectRefused(
		'PC_TOKEN_MALFORMED',
		['PS256', 'RS512', 'ES256', 'none'].map((alg) => sign({ alg })),
	);
	await expectRefused('PC_TOKEN_MALFORMED', [sign({ typ: 'id_token' })]);
});

it('Entra 2: both forms of issuer are accepted, each with its own version, and are the same person', async () => {
	const first = await me(entra.contoso.v1(MEMBER));
	const second = await me(good());
	expect(first.json).toEqual({ ...second.json, expiresAt: first.json.expiresAt });
	const { issuer } = entra.contoso.directory.directory;
	expect(second.json).toMatchObject({ issuer, oid: PERSON, directory: 'contoso', vouchedBy: 'token' });
	await expectRefused('PC_TOKEN_ISSUER', [
		entra.contoso.v1({ ...MEMBER, ver: '2.0' }),
		...['1.0', undefined, 2, '2'].map((ver) => good({ ver })),
	]);
});

it('Entra 3: a version that no issuer is named for is refused', async () => {
	const { v1Issuer: _, ...pinned } = entra.contoso.entry();
	const other = await startGateway({ ...config(), directories: [pinned, entra.fabrikam.entry()] });
	expect(outcomeOf(await ask(good(), '/w/google/mcp', other))).toBe('200');
	await expectRefused('PC_TOKEN_ISSUER', [entra.contoso.v1(MEMBER)], other);
	await other.close();
});

it('Entra 4: keys are fetched once for all tokens, and the last ones go on when they cannot be had', async () => {
	const before = entra.contoso.directory.fetches;
	for (let call = 0; call < 10; call++) expect(outcomeOf(await ask(good({ oid: randomUUID() })))).toBe('200');
	entra.contoso.directory.setHealth('error');
	expect(outcomeOf(await ask(good({ oid: randomUUID() })))).toBe('200');
	expect(entra.contoso.directory.fetches).toBe(before);
});

it('Entra 5: a key signs for the tenants that its issuer says, and for no other', async () => {
	const own = await startFakeEntra();
	const [consumer, foreign, exact] = [await makeKey(), await makeKey(), await makeKey()];
	const { issuer } = own.contoso.directory.directory;
	own.contoso.directory.publish([
		{ ...own.key.jwk, issuer: ISSUER_TEMPLATE },
		{ ...consumer.jwk, issuer: 'https://login.fake.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0' },
		{ ...foreign.jwk, issuer: own.fabrikam.directory.directory.issuer },
		{ ...exact.jwk, issuer },
	]);
	const other = await startGateway({ ...config(), directories: [own.contoso.entry(), own.fabrikam.entry()] });
	for (const form of [{}, { ver: '1.0', iss: own.contoso.v1Issuer }]) {
		const sign = (key = own.key) => own.contoso.directory.token({ oid: PERSON, ...MEMBER, ...form }, { key });
		expect(outcomeOf(await ask(sign(), '/w/google/mcp', other))).toBe('200');
		expect(outcomeOf(await ask(sign(exact), '/w/google/mcp', other))).toBe('200');
		await expectRefused('PC_TOKEN_SIGNATURE', [sign(consumer), sign(foreign)], other);
	}
	await other.close();
	await own.close();
});

it('Entra 6: iss and tid are of one configured tenant, never of any', async () => {
	const { issuer, tenantId } = entra.contoso.directory.directory;
	const any = ['common', 'organizations', '{tenantid}', randomUUID()];
	await expectRefused('PC_TOKEN_ISSUER', [
		...any.map((tid) => good({ iss: issuer.replace(tenantId, tid), tid })),
		...any.map((tid) => good({ tid })),
		...any.map((tid) => good({ iss: issuer.replace(tenantId, tid) })),
	]);
	await expectRefused('PC_TOKEN_IDENTITY', [good({ tid: undefined }), good({ tid: [tenantId] })]);
	expect(outcomeOf(await ask(good()))).toBe('200');
});

it('Entra 7: aud is what is configured: a client id, an App ID URI, with or without a slash at the end', async () => {
	const { appIdUri, directory } = entra.contoso;
	const own = directory.directory.audiences[0] as string;
	const other = await startGateway(config({ audiences: [own, `${appIdUri}/`] }));
	for (const aud of [own, `${appIdUri}/`]) {
		expect(outcomeOf(await ask(entra.contoso.v1({ ...MEMBER, aud }), '/w/google/mcp', other))).toBe('200');
	}
	const answer = await ask(entra.contoso.v1({ ...MEMBER, aud: appIdUri }), '/w/google/mcp', other);
	expect(outcomeOf(answer)).toBe(refused('PC_TOKEN_AUDIENCE'));
	expect(answer.json.error.message).toContain(`The audience to ask for is ${own} or ${appIdUri}/.`);
	await other.close();
});

it('Entra 8: exp, nbf and iat hold with a minute of leeway', async () => {
	const at = Math.floor(Date.now() / 1000);
	for (const claims of [{ exp: at - 30 }, { nbf: at + 30 }, { iat: at + 30 }]) {
		expect(outcomeOf(await ask(good(claims)))).toBe('200');
	}
	await expectRefused('PC_TOKEN_EXPIRED', [good({ exp: at - 90 })]);
	await expectRefused('PC_TOKEN_NOT_YET_VALID', [good({ nbf: at + 90 }), good({ iat: at + 90 })]);
});

it('Entra 9: a person has a scope of the gateway and an application an app role, or they are refused', async () => {
	const scopes = ['api://gateway-contoso/mcp.access'];
	const other = await startGateway(config({ scopes }));
	const url = '/w/google/mcp';
	expect(outcomeOf(await ask(good({ scp: 'profile mcp.access' }), url, other))).toBe('200');
	expect(outcomeOf(await ask(entra.contoso.appOnly(), url, other))).toBe('200');
	await expectRefused('PC_TOKEN_KIND', [good({ scp: undefined }), entra.contoso.appOnly({ roles: [] })], other);
	await expectRefused('PC_TOKEN_KIND', [good({ idtyp: 'app' }), entra.contoso.appOnly({ idtyp: 'user' })], other);
	const lacking = await ask(good({ scp: 'User.Read' }), url, other);
	expect(outcomeOf(lacking)).toBe(refused('PC_TOKEN_SCOPE'));
	const challenge = lacking.headers.get('www-authenticate') ?? '';
	expect(challenge).toContain('error="insufficient_scope"');
	expect(challenge).toContain(`scope="${scopes[0]}"`);
	const document = await fetch(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '');
	expect(await document.json()).toMatchObject({ scopes_supported: scopes });
	const told = await me(good({ scp: 'User.Read' }), other);
	expect([told.status, told.json.detail]).toEqual([
		403,
		expect.stringContaining(`The scope to ask for is ${scopes[0]}.`),
	]);
	expect(told.headers.get('www-authenticate')).toContain('insufficient_scope');
	await other.close();
});

it('Entra 10: the client application is one of those that are accepted, by azp or appid', async () => {
	const other = await startGateway(config({ clientApps: ['c11e0000-0000-4000-8000-000000000001', 'robot'] }));
	for (const token of [good(), entra.contoso.v1(MEMBER), entra.contoso.appOnly({ azp: 'robot' })]) {
		expect(outcomeOf(await ask(token, '/w/google/mcp', other))).toBe('200');
	}
	await expectRefused(
		'PC_TOKEN_CLIENT',
		[good({ azp: 'other' }), good({ azp: undefined }), entra.contoso.v1({ ...MEMBER, appid: 'other' })],
		other,
	);
	expect(outcomeOf(await ask(good({ azp: 'other' })))).toBe('200');
	await other.close();
});

it('Entra 11: a token for Microsoft Graph is refused with what to ask for instead', async () => {
	const own = entra.contoso.directory.directory.audiences[0];
	const answer = await ask(entra.contoso.graphToken());
	expect(outcomeOf(answer)).toBe(refused('PC_TOKEN_GRAPH'));
	expect(answer.json.error.message).toContain(`The audience to ask for is ${own} or ${entra.contoso.appIdUri}.`);
	expect(answer.json.error.message).not.toContain(entra.fabrikam.appIdUri);
	const other = await startGateway(config({ scopes: ['api://gateway-contoso/mcp.access'] }));
	const told = await ask(entra.contoso.graphToken(), '/w/google/mcp', other);
	expect(told.json.error.message).toContain('The scope to ask for is api://gateway-contoso/mcp.access.');
	expect(told.headers.get('www-authenticate')).toContain('scope="api://gateway-contoso/mcp.access"');
	await other.close();
});

it('Entra 12: the keys of an application with keys of its own are asked for by its id', async () => {
	const { jwksUrl } = entra.contoso.directory.directory;
	const other = await startGateway(config({ jwksUrl: `${jwksUrl}?appid=00000000-aaaa` }));
	expect(outcomeOf(await ask(good(), '/w/google/mcp', other))).toBe('200');
	expect(entra.contoso.directory.lastUrl).toBe('/keys?appid=00000000-aaaa');
	await other.close();
});

it('Entra 13: an ID token is refused, for the client and where the client and the gateway are one application', async () => {
	const aud = entra.contoso.directory.directory.audiences[0];
	await expectRefused('PC_TOKEN_KIND', [
		entra.contoso.idToken(MEMBER),
		entra.contoso.idToken({ ...MEMBER, aud }),
		entra.contoso.idToken({ ...MEMBER, aud, roles: ['Gateway.Reader'] }),
	]);
	expect(outcomeOf(await ask(good({ aud })))).toBe('200');
});

describe('guests', () => {
	it('are people of the directory like others, unless it says no', async () => {
		expect(await held(entra.contoso.guest(MEMBER))).toEqual(['google write']);
		const other = await startGateway(config({ guests: 'deny' }));
		const home = `https://sts.windows.net/${entra.contoso.directory.directory.tenantId}/`;
		for (const claims of [{ acct: 0 }, { idp: home }, { idp: entra.contoso.v1Issuer }, {}]) {
			expect(outcomeOf(await ask(good(claims), '/w/google/mcp', other))).toBe('200');
		}
		const { v1Issuer } = entra.fabrikam;
		await expectRefused(
			'PC_TOKEN_GUEST',
			[entra.contoso.guest(MEMBER), good({ acct: 1 }), good({ idp: v1Issuer })],
			other,
		);
		// It says so for itself alone.
		expect(outcomeOf(await ask(entra.fabrikam.guest(MEMBER), '/w/microsoft/mcp', other))).toBe('200');
		await other.close();
	});
});

describe('somebody in too many groups for a token', () => {
	let graph: FakeGraph;
	let looked: TestGateway;

	const secrets = () => ({ GRAPH_SECRET: graph.clientSecret });
	const withGraph = (more: object = {}) =>
		config({ graph: { ...graph.access, clientSecret: '${env:GRAPH_SECRET}' } }, more);

	beforeAll(async () => {
		graph = await startFakeGraph({ [PERSON]: [FINANCE, randomUUID()], [OTHER]: [LEGAL] });
		looked = await startGateway(withGraph(), secrets());
	});
	afterAll(async () => {
		await looked.close();
		await graph.close();
	});

	it('has the groups that Graph says, and the address in the token is never called', async () => {
		const strays = entra.contoso.directory.strayRequests;
		expect(await held(entra.contoso.overage(), looked)).toEqual(['google write']);
		expect(await held(entra.contoso.overage({ oid: OTHER }), looked)).toEqual(['microsoft read']);
		expect(await held(entra.contoso.v2({ groups: undefined, hasgroups: true }), looked)).toEqual(['google write']);
		expect(outcomeOf(await ask(entra.contoso.overage({ oid: OTHER }), '/w/google/mcp', looked))).toBe(
			refused('PC_ADDRESS_UNKNOWN'),
		);
		expect(entra.contoso.directory.strayRequests).toBe(strays);
		expect(graph.strayRequests).toBe(0);
		// What the token lists is believed as ever, and nobody is asked about an application.
		const before = graph.lookups.length;
		expect(await held(entra.contoso.v2({ oid: OTHER, groups: [FINANCE] }), looked)).toEqual(['google write']);
		expect(await held(entra.contoso.appOnly({ oid: OTHER, sub: OTHER, hasgroups: true }), looked)).toEqual([
			'google read',
		]);
		expect(graph.lookups.length).toBe(before);
	});

	it('of a directory without Graph is refused', async () => {
		expect(outcomeOf(await ask(entra.fabrikam.overage(), '/w/microsoft/mcp', looked))).toBe(
			refused('PC_TOKEN_GROUPS_UNKNOWN'),
		);
	});

	it('loses what a group gave within ten minutes of leaving it, new tokens or not', async () => {
		const person = randomUUID();
		graph.people.set(person, new Set([FINANCE]));
		const token = entra.contoso.overage({ oid: person });
		const own = await startGateway(withGraph(), secrets());
		const realMs = Math.ceil(performance.now());
		vi.useFakeTimers({ toFake: ['performance'] });
		vi.advanceTimersByTime(realMs);
		expect(outcomeOf(await ask(token, '/w/google/mcp', own))).toBe('200');
		graph.people.set(person, new Set());
		vi.advanceTimersByTime(599_000);
		expect(outcomeOf(await ask(token, '/w/google/mcp', own))).toBe('200');
		vi.advanceTimersByTime(1_000);
		expect(outcomeOf(await ask(token, '/w/google/mcp', own))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		vi.useRealTimers();
		await own.close();
	});

	it('is believed to be in their groups for an hour while Graph is down, and then refused for the moment', async () => {
		const person = randomUUID();
		graph.people.set(person, new Set([FINANCE]));
		const token = () => entra.contoso.overage({ oid: person });
		const own = await startGateway(withGraph(), secrets());
		const realMs = Math.ceil(performance.now());
		vi.useFakeTimers({ toFake: ['performance'] });
		vi.advanceTimersByTime(realMs + 1_000_000);
		expect(outcomeOf(await ask(token(), '/w/google/mcp', own))).toBe('200');
		graph.setHealth('error');
		vi.advanceTimersByTime(3_599_000);
		expect(outcomeOf(await ask(token(), '/w/google/mcp', own))).toBe('200');
		vi.advanceTimersByTime(1_000);
		const answer = await ask(token(), '/w/google/mcp', own);
		expect(outcomeOf(answer)).toBe(refused('PC_GROUPS_UNAVAILABLE'));
		expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
		const [line] = own.audit().slice(-1) as [AuditLine];
		expect(line).toMatchObject({ code: 'PC_GROUPS_UNAVAILABLE', detail: 'Microsoft Graph answered 503' });
		graph.setHealth('up');
		vi.advanceTimersByTime(6_000);
		expect(outcomeOf(await ask(token(), '/w/google/mcp', own))).toBe('200');
		vi.useRealTimers();
		await own.close();
	});

	it('has nothing by a group that a grant names by its name, and is told so where that leaves them nothing', async () => {
		const byName = { group: 'Finance', workspace: 'microsoft', access: 'admin', directory: 'contoso' };
		const other = await startGateway(withGraph({ grants: [...grants, byName] }), secrets());
		expect(await held(entra.contoso.overage(), other)).toEqual(['google write']);
		const nobody = randomUUID();
		graph.people.set(nobody, new Set());
		expect(outcomeOf(await ask(entra.contoso.overage({ oid: nobody }), '/w/google/mcp', other))).toBe(
			refused('PC_TOKEN_GROUPS_UNKNOWN'),
		);
		expect(await held(entra.contoso.v2({ groups: ['Finance'] }), other)).toEqual(['microsoft admin']);
		await other.close();
	});

	it('is asked about new groups as soon as a grant names them', async () => {
		await looked.reconfigure(withGraph({ grants: [grants[0], { ...grants[1], group: OTHER }] }));
		await held(entra.contoso.overage(), looked);
		expect(graph.lookups.at(-1)?.ids).toEqual([OTHER]);
		await looked.reconfigure(withGraph());
	});

	it('is told until when it is known, and the secret stands nowhere', async () => {
		const { json } = await me(entra.contoso.overage(), looked);
		expect(Date.parse(json.expiresAt)).toBeLessThanOrEqual(Date.now() + 600_000);
		expect(Date.parse((await me(good(), looked)).json.expiresAt)).toBeGreaterThan(Date.now() + 600_000);
		expect(JSON.stringify(looked.audit())).not.toContain(graph.clientSecret);
	});
});
