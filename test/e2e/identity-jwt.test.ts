import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../src/errors/table.ts';
import { type FakeKey, makeKey, publicSpellings, type SignOptions } from '../fakes/directory.ts';
import { type FakeEntra, PERSON, startFakeEntra } from '../fakes/entra.ts';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { outcomeOf, refused } from './edge-refusal.ts';
import { until } from './failure-calls.ts';

// One test for each row of the table of attacks on tokens, by its number; identity-rows.test.ts sees to it that none is
// missing. Each refusal stands beside a token that differs in that alone and is accepted.

let entra: FakeEntra;
let upstream: LegacyHttpFixture;
/** Everybody here calls from one address, and most of them are refused: how many may be is another test's matter. */
const PATIENT = { limiting: { perMinute: 1_000_000 } };

let gateway: TestGateway;
let stranger: FakeKey;

const servers = () => ({ docs: { transport: 'http', url: upstream.url } });

const config = (more: object = {}) => ({
	directories: [entra.contoso.entry(), entra.fabrikam.entry()],
	workspaces: { google: { servers: servers() }, microsoft: { servers: servers() } },
	grants: [
		{ group: 'MCP-Google', workspace: 'google', access: 'write', directory: 'contoso' },
		{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'write', directory: 'contoso' },
		{ group: 'MCP-Google', workspace: 'microsoft', access: 'read', directory: 'fabrikam' },
		{ role: 'Gateway.Reader', workspace: 'google', access: 'read', directory: 'contoso' },
	],
	...more,
});

beforeAll(async () => {
	entra = await startFakeEntra();
	upstream = await startLegacyHttp({ sessions: false });
	gateway = await startGateway(config(), {}, PATIENT);
	stranger = await makeKey();
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

const GOOGLE = { groups: ['MCP-Google'] };
const now = (): number => Math.floor(Date.now() / 1000);
const good = (claims: object = {}): string => entra.contoso.v2({ ...GOOGLE, ...claims });
const signed = (options: SignOptions, claims: object = {}): string =>
	entra.contoso.directory.token({ oid: PERSON, ...GOOGLE, ...claims }, options);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const ask = (token: string, path = '/w/google/mcp'): Promise<PlainAnswer> =>
	post(gateway.url + path, legacy('ping'), bearer(token));
const fetches = (): number => entra.contoso.directory.fetches + entra.fabrikam.directory.fetches;
const strays = (): number => entra.contoso.directory.strayRequests + entra.fabrikam.directory.strayRequests;

/** Each token is refused like this, and reaches no server; a good one is not. */
async function expectRefused(code: ErrorCode, tokens: readonly string[]): Promise<void> {
	expect(outcomeOf(await ask(good()))).toBe('200');
	const before = upstream.seen.length;
	for (const [index, token] of tokens.entries()) {
		const answer = await post(`${gateway.url}/w/google/s/docs/mcp`, legacy('tools/list'), bearer(token));
		expect(outcomeOf(answer), `${index}: ${token.slice(0, 80)}`).toBe(refused(code));
		if (answer.status === 401) expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
	}
	expect(upstream.seen.length).toBe(before);
}

/** The same, before any key is fetched. */
async function expectRefusedOffline(code: ErrorCode, tokens: readonly string[]): Promise<void> {
	await ask(good());
	const before = fetches();
	await expectRefused(code, tokens);
	expect(fetches()).toBe(before);
}

async function workspacesOf(token: string): Promise<readonly string[]> {
	const answer = await post(`${gateway.url}/mcp`, legacy('tools/list'), bearer(token));
	const names: string[] = answer.json.result.tools.map(({ name }: { name: string }) => name.split('__')[0]);
	return [...new Set(names)].sort();
}

it('JWT-0: a good token is accepted, and so is one of the other form and one of an application', async () => {
	expect(outcomeOf(await ask(good()))).toBe('200');
	expect(outcomeOf(await ask(entra.contoso.v1(GOOGLE)))).toBe('200');
	expect(outcomeOf(await ask(entra.contoso.appOnly()))).toBe('200');
	expect(outcomeOf(await ask(entra.fabrikam.v2(GOOGLE), '/w/microsoft/mcp'))).toBe('200');
});

it('JWT-1: without a signature it is refused, however none is spelled, and no key is fetched', async () => {
	const algorithms = ['none', 'NONE', 'nOnE', '', undefined];
	await expectRefusedOffline('PC_TOKEN_MALFORMED', [
		...algorithms.map((alg) => signed({ alg: 'none', header: { alg } })),
		...algorithms.map((alg) => signed({ header: { alg } })),
	]);
});

it('JWT-2: with a public key as the secret of an HMAC it is refused', async () => {
	const secrets = publicSpellings(entra.key);
	await expectRefusedOffline(
		'PC_TOKEN_MALFORMED',
		secrets.map((secret) => signed({ alg: 'HS256', secret })),
	);
	const disguised = secrets.map((secret) => signed({ alg: 'HS256', secret, header: { alg: 'RS256' } }));
	await expectRefused('PC_TOKEN_SIGNATURE', disguised);
});

it('JWT-3: of another algorithm, with an all-zero signature or a weak key it is refused', async () => {
	const key = { ...(await makeKey('ec')), kid: entra.key.kid };
	const zero = signed({ alg: 'ES256', key }).replace(/[^.]+$/, Buffer.alloc(64).toString('base64url'));
	await expectRefusedOffline('PC_TOKEN_MALFORMED', [signed({ alg: 'ES256', key }), zero]);
	const weak = await makeKey('rsa', 1024);
	const own = await startFakeEntra();
	const { contoso } = own;
	contoso.directory.publish([weak.jwk, { ...own.key.jwk, e: 'AQ', kid: 'one' }, own.key.jwk]);
	const other = await startGateway({ ...config(), directories: [contoso.entry(), own.fabrikam.entry()] }, {}, PATIENT);
	const outcome = async (options: SignOptions) => {
		const token = contoso.directory.token({ oid: PERSON, ...GOOGLE }, options);
		return outcomeOf(await post(`${other.url}/w/google/mcp`, legacy('ping'), bearer(token)));
	};
	expect(await outcome({})).toBe('200');
	expect(await outcome({ key: weak })).toBe(refused('PC_TOKEN_SIGNATURE'));
	expect(await outcome({ header: { kid: 'one' } })).toBe(refused('PC_TOKEN_SIGNATURE'));
	await other.close();
	await own.close();
});

it('JWT-4: with a key id that is a path, a query, an address or another kind of value it finds no key', async () => {
	const kids = ['../../etc/passwd', "' or 1=1 --", 'http://127.0.0.1/key', '__proto__', 'constructor', 'k'.repeat(256)];
	const before = strays();
	await expectRefused(
		'PC_TOKEN_SIGNATURE',
		kids.map((kid) => signed({ header: { kid } })),
	);
	const shapes = ['k'.repeat(257), 'k'.repeat(10_000), ['a'], 7, {}, null, '', undefined];
	await expectRefusedOffline(
		'PC_TOKEN_MALFORMED',
		shapes.map((kid) => signed({ header: { kid } })),
	);
	expect(strays()).toBe(before);
});

it('JWT-5: an address or a key in its header is never looked at', async () => {
	const url = new URL('/attacker', entra.contoso.directory.directory.jwksUrl).href;
	const header = { jku: url, x5u: url, jwk: stranger.jwk, x5c: ['MIIB'] };
	expect(outcomeOf(await ask(signed({ header })))).toBe('200');
	const own = { ...header, kid: entra.key.kid };
	await expectRefused('PC_TOKEN_SIGNATURE', [
		signed({ key: stranger, header }),
		signed({ key: stranger, header: own }),
	]);
	expect(strays()).toBe(0);
});

it('JWT-6: with critical header members, or an unencoded payload, it is refused', async () => {
	const headers = [
		{ crit: ['exp'], exp: 1 },
		{ crit: ['b64'], b64: false },
		{ crit: [] },
		{ b64: false },
		{ b64: true },
	];
	await expectRefusedOffline(
		'PC_TOKEN_MALFORMED',
		headers.map((header) => signed({ header })),
	);
});

it('JWT-7: encrypted, nested, as JSON, or with two signatures it is refused', async () => {
	const token = good();
	const [header, payload, signature] = token.split('.') as [string, string, string];
	const nested = entra.contoso.directory.signTexts(
		JSON.stringify({ alg: 'RS256', kid: entra.key.kid, cty: 'JWT' }),
		JSON.stringify(token),
	);
	const json = JSON.stringify({
		payload,
		signatures: [
			{ protected: header, signature },
			{ protected: header, signature },
		],
	});
	await expectRefusedOffline('PC_TOKEN_MALFORMED', [
		...[`${token}.${signature}.${signature}`, `${token}.${signature}`, nested],
		...[json, JSON.stringify({ protected: header, payload, signature })],
	]);
});

it('JWT-8: for another audience, or for ours and another, it is refused; only what is configured counts', async () => {
	const { appIdUri } = entra.contoso;
	const own = entra.contoso.directory.directory.audiences[0] as string;
	for (const aud of [own, [own], appIdUri]) expect(outcomeOf(await ask(good({ aud })))).toBe('200');
	const others = [own.slice(1), `${own} `, own.toUpperCase(), `api://${own}`, `${appIdUri}/`, entra.fabrikam.appIdUri];
	const wrong = [...others, [own, 'api://other'], [own, own], [], undefined, null, 7];
	await expectRefusedOffline(
		'PC_TOKEN_AUDIENCE',
		wrong.map((aud) => good({ aud })),
	);
	await expectRefusedOffline('PC_TOKEN_GRAPH', [entra.contoso.graphToken()]);
});

it('JWT-9: with another issuer, another spelling of ours, or the form of the other version it is refused', async () => {
	const { issuer, tenantId } = entra.contoso.directory.directory;
	const others = [
		...[`${issuer}/`, issuer.toUpperCase(), issuer.replace('/v2.0', ''), issuer.replace(tenantId, 'common')],
		...[issuer.replace(tenantId, '{tenantid}'), issuer.replace('.example', '.example.evil.example'), ` ${issuer}`],
		...[entra.contoso.v1Issuer.slice(0, -1), issuer.replace(tenantId, randomUUID()), [issuer], undefined, null],
	];
	await expectRefusedOffline('PC_TOKEN_ISSUER', [
		...others.map((iss) => good({ iss })),
		good({ iss: entra.contoso.v1Issuer }),
		entra.contoso.v1({ ...GOOGLE, iss: issuer }),
	]);
});

it('JWT-10: of one tenant for another it is refused, although all tenants share the key that signed it', async () => {
	const [contoso, fabrikam] = [entra.contoso.directory.directory, entra.fabrikam.directory.directory];
	const aud = contoso.audiences[0];
	expect(outcomeOf(await ask(good()))).toBe('200');
	expect(outcomeOf(await ask(entra.fabrikam.v2(GOOGLE), '/w/microsoft/mcp'))).toBe('200');
	await expectRefused('PC_TOKEN_ISSUER', [
		entra.fabrikam.v2({ ...GOOGLE, iss: contoso.issuer, aud }),
		good({ tid: fabrikam.tenantId }),
		good({ iss: fabrikam.issuer }),
		entra.contoso.v1({ ...GOOGLE, tid: fabrikam.tenantId }),
	]);
	// The audience of the one does not open the other, nor do groups of the same name.
	await expectRefused('PC_TOKEN_AUDIENCE', [entra.fabrikam.v2({ ...GOOGLE, aud })]);
	expect(await workspacesOf(entra.fabrikam.v2(GOOGLE))).toEqual(['microsoft']);
	expect(await workspacesOf(good())).toEqual(['google']);
});

it('JWT-11: of a personal account or an unlisted tenant it is refused; a guest is judged by the tenant they are a guest of', async () => {
	const personal = '9188040d-6c67-4c5b-b112-36a304b66dad';
	const issuer = entra.contoso.directory.directory.issuer.replace(/[0-9a-f-]{36}/, personal);
	await expectRefusedOffline('PC_TOKEN_ISSUER', [good({ iss: issuer, tid: personal }), good({ tid: personal })]);
	expect(await workspacesOf(entra.contoso.guest(GOOGLE))).toEqual(['google']);
});

it('JWT-12: expired, early, or without a proper end it is refused, and the leeway is a minute to the second', async () => {
	vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(Date.now() / 1000) * 1000 });
	const at = now();
	for (const ago of [0, 59]) expect(outcomeOf(await ask(good({ exp: at - ago })))).toBe('200');
	await expectRefused(
		'PC_TOKEN_EXPIRED',
		[60, 61, at + 1].map((ago) => good({ exp: at - ago })),
	);
	for (const claim of ['nbf', 'iat']) {
		for (const ahead of [59, 60]) expect(outcomeOf(await ask(good({ [claim]: at + ahead })))).toBe('200');
		await expectRefused('PC_TOKEN_NOT_YET_VALID', [good({ [claim]: at + 61 })]);
	}
	const shapes = [undefined, null, `${at + 60}`, at + 0.5, 1e99, [at + 60], true];
	await expectRefused(
		'PC_TOKEN_MALFORMED',
		shapes.map((exp) => good({ exp })),
	);
	const endless = JSON.stringify(entra.contoso.directory.claims({ oid: PERSON })).replace(/"exp":\d+/, '"exp":1e999');
	const header = JSON.stringify({ alg: 'RS256', kid: entra.key.kid });
	await expectRefused('PC_TOKEN_MALFORMED', [entra.contoso.directory.signTexts(header, endless)]);
});

it('JWT-13: a clock that is five minutes off takes nothing beyond the leeway, and one set back prolongs nothing', async () => {
	const start = Date.now();
	const token = good({ exp: now() + 240 });
	vi.useFakeTimers({ toFake: ['Date'], now: start });
	expect(outcomeOf(await ask(token))).toBe('200');
	vi.setSystemTime(start + 301_000);
	expect(outcomeOf(await ask(token))).toBe(refused('PC_TOKEN_EXPIRED'));
	vi.setSystemTime(start);
	const fresh = good({ oid: randomUUID() });
	vi.setSystemTime(start - 300_000);
	expect(outcomeOf(await ask(fresh))).toBe(refused('PC_TOKEN_NOT_YET_VALID'));
	// Two hours back, a token that has expired is one that is not valid yet.
	const expired = good({ iat: now() - 3_600, nbf: now() - 3_600, exp: now() - 61 });
	vi.setSystemTime(start - 7_200_000);
	expect(outcomeOf(await ask(expired))).toBe(refused('PC_TOKEN_NOT_YET_VALID'));
	vi.setSystemTime(start);
	const brief = bearer(good({ exp: now() + 3 }));
	const stream = await fetch(`${gateway.url}/w/google/sse`, { headers: { accept: 'text/event-stream', ...brief } });
	expect(stream.status).toBe(200);
	vi.setSystemTime(start - 7_200_000);
	expect(await stream.text()).toContain('event: endpoint');
});

it('JWT-14: whatever e-mail address, name or user name it has, no decision differs', async () => {
	const victim = good();
	const expected = await workspacesOf(victim);
	const text = fc.oneof(fc.string(), fc.constantFrom('MCP-Microsoft', 'admin@google.example', PERSON, '*'));
	const names = ['email', 'name', 'upn', 'preferred_username', 'unique_name', 'given_name', 'verified_primary_email'];
	const display = fc.dictionary(fc.constantFrom(...names), fc.oneof(text, fc.array(text), fc.constant(null)));
	await fc.assert(
		fc.asyncProperty(display, async (claims) => {
			expect(await workspacesOf(good(claims))).toEqual(expected);
			expect(await workspacesOf(entra.contoso.v2({ ...claims, groups: [] }))).toEqual([]);
			expect(outcomeOf(await ask(entra.contoso.v2({ ...claims, groups: [] })))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		}),
		{ numRuns: 40 },
	);
});

it('JWT-15: with too many groups to list it is refused, and the address it names instead is never called', async () => {
	const { contoso } = entra;
	await expectRefused('PC_TOKEN_GROUPS_UNKNOWN', [
		contoso.overage(),
		contoso.v2({ groups: undefined, hasgroups: true }),
		contoso.v2({ groups: undefined, hasgroups: 'true' }),
		contoso.v2({ groups: undefined, _claim_names: '{"groups":"src1"}' }),
	]);
	expect(strays()).toBe(0);
	expect(await workspacesOf(contoso.v2({ groups: [] }))).toEqual([]);
	expect(await workspacesOf(contoso.v2({ groups: ['mcp-google', 'MCP-GOOGLE', ' MCP-Google', '\u{1f600}'] }))).toEqual(
		[],
	);
	const many = Array.from({ length: 200 }, () => randomUUID());
	expect(await workspacesOf(contoso.v2({ groups: [...many, 'MCP-Google'] }))).toEqual(['google']);
	await expectRefused('PC_TOKEN_MALFORMED', [contoso.v2({ groups: 'MCP-Google' }), contoso.v2({ groups: [7] })]);
});

it('JWT-16: groups of an application, groups among roles and directory roles give nothing', async () => {
	const { contoso } = entra;
	expect(await workspacesOf(contoso.appOnly())).toEqual(['google']);
	expect(await workspacesOf(contoso.appOnly({ groups: ['MCP-Microsoft'] }))).toEqual(['google']);
	expect(await workspacesOf(contoso.appOnly({ roles: ['MCP-Google', 'MCP-Microsoft'] }))).toEqual([]);
	expect(await workspacesOf(contoso.v2({ groups: ['Gateway.Reader'], wids: ['MCP-Google'] }))).toEqual([]);
});

it('JWT-17: of somebody in several workspaces it opens the one that the address names, as long as they are in it', async () => {
	const both = good({ groups: ['MCP-Google', 'MCP-Microsoft'] });
	const tools = async (path: string) => {
		const answer = await post(gateway.url + path, legacy('tools/list'), bearer(both));
		return answer.json.result?.tools.map(({ name }: { name: string }) => name) as readonly string[] | undefined;
	};
	for (const workspace of ['google', 'microsoft']) {
		const names = (await tools(`/w/${workspace}/mcp`)) ?? [];
		expect(names.length).toBeGreaterThan(0);
		expect(names.filter((name) => !name.startsWith('docs__'))).toEqual([]);
	}
	expect(outcomeOf(await ask(good(), '/w/microsoft/mcp'))).toBe(refused('PC_ADDRESS_UNKNOWN'));
});

it('JWT-18: an ID token, a token for Graph and one for another application of ours are refused as what they are', async () => {
	const own = entra.contoso.directory.directory.audiences[0];
	const disguised = { aud: own, roles: ['Gateway.Reader'], sub: PERSON };
	await expectRefused('PC_TOKEN_KIND', [
		entra.contoso.idToken(GOOGLE),
		entra.contoso.idToken({ ...GOOGLE, ...disguised }),
		entra.contoso.idToken({ ...GOOGLE, ...disguised, nonce: undefined, sub: 'pairwise' }),
	]);
	await expectRefused('PC_TOKEN_GRAPH', [entra.contoso.graphToken()]);
	await expectRefused('PC_TOKEN_AUDIENCE', [good({ aud: 'api://admin-console' })]);
});

it('JWT-19: from another client it is accepted, for whoever holds a bearer token is believed', async () => {
	const token = good();
	const answers = await Promise.all(Array.from({ length: 5 }, () => ask(token)));
	expect(answers.map(outcomeOf)).toEqual(Array(5).fill('200'));
});

it('JWT-20: of somebody whose grant is taken away it opens nothing from the next call on', async () => {
	const token = good();
	expect(outcomeOf(await ask(token))).toBe('200');
	await gateway.reconfigure(config({ grants: config().grants.slice(1) }));
	expect(outcomeOf(await ask(token))).toBe(refused('PC_ADDRESS_UNKNOWN'));
	await gateway.reconfigure(config());
	expect(outcomeOf(await ask(token))).toBe('200');
});

it('JWT-21: a flood of unknown key ids costs one fetch for each issuer, and nobody else is kept from calling', async () => {
	const before = fetches();
	const forged = Array.from({ length: 400 }, () => signed({ key: stranger, header: { kid: randomUUID() } }));
	const answers = await Promise.all(
		forged.flatMap((token, at) => [ask(token), ...(at % 10 === 0 ? [ask(good({ oid: randomUUID() }))] : [])]),
	);
	const outcomes = answers.map(outcomeOf);
	expect(outcomes.filter((outcome) => outcome === '200')).toHaveLength(40);
	expect(outcomes.filter((outcome) => outcome === refused('PC_TOKEN_SIGNATURE'))).toHaveLength(400);
	expect(fetches() - before).toBeLessThanOrEqual(1);
});

it('JWT-22: while the keys cannot be had known ones go on up to the limit, and nothing broken replaces them', async () => {
	const directories = [entra.contoso.entry(), entra.fabrikam.entry()];
	const brief = await startGateway({ ...config(), directories }, {}, { ...PATIENT, jwksStaleMs: 1_500 });
	const briefly = () => post(`${brief.url}/w/google/mcp`, legacy('ping'), bearer(good({ oid: randomUUID() })));
	expect(outcomeOf(await briefly())).toBe('200');
	for (const health of ['down', 'error', 'html', 'empty', 'huge', 'redirect'] as const) {
		entra.contoso.directory.setHealth(health);
		await expectRefused('PC_TOKEN_SIGNATURE', [signed({ key: stranger })]);
		expect(outcomeOf(await ask(good({ oid: randomUUID() }))), health).toBe('200');
	}
	entra.contoso.directory.setHealth('down');
	await until(async () => outcomeOf(await briefly()) === refused('PC_DIRECTORY_UNAVAILABLE'));
	expect(outcomeOf(await ask(good({ oid: randomUUID() })))).toBe('200');
	await brief.close();
});

it('JWT-23: while the keys are exchanged under load no good call is refused', async () => {
	const own = await startFakeEntra();
	const { contoso, fabrikam } = own;
	const loaded = await startGateway({ ...config(), directories: [contoso.entry(), fabrikam.entry()] }, {}, PATIENT);
	const call = (token: string) => post(`${loaded.url}/w/google/mcp`, legacy('ping'), bearer(token));
	const fresh = () => contoso.v2({ ...GOOGLE, oid: randomUUID() });
	expect(outcomeOf(await call(fresh()))).toBe('200');
	// Past the time in which nobody is asked again.
	const realMs = Math.ceil(performance.now());
	vi.useFakeTimers({ toFake: ['performance'] });
	vi.advanceTimersByTime(realMs + 31_000);
	const next = await makeKey();
	contoso.directory.publish([next.jwk, own.key.jwk]);
	const before = contoso.directory.fetches;
	const tokens = Array.from({ length: 200 }, (_, at) => {
		const claims = { oid: randomUUID(), ...GOOGLE };
		return contoso.directory.token(claims, at % 2 === 0 ? { key: next } : {});
	});
	const outcomes = (await Promise.all(tokens.map(call))).map(outcomeOf);
	expect(new Set(outcomes)).toEqual(new Set(['200']));
	expect(contoso.directory.fetches - before).toBe(1);
	await loaded.close();
	await own.close();
});

it('JWT-24: it is taken from one Authorization header and from nowhere else', async () => {
	const token = good();
	const url = `${gateway.url}/w/google/mcp`;
	for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer ']) {
		expect(outcomeOf(await post(url, legacy('ping'), { authorization: `${scheme} ${token}` }))).toBe('200');
	}
	const elsewhere = [
		await post(`${url}?access_token=${token}`, legacy('ping')),
		await post(url, legacy('ping'), { cookie: `access_token=${token}` }),
		await post(url, { ...legacy('ping'), access_token: token }),
		await post(url, legacy('ping'), { authorization: `Basic ${token}` }),
		await post(url, legacy('ping'), { authorization: token }),
		await post(url, legacy('ping'), { 'x-authorization': `Bearer ${token}` }),
	];
	for (const answer of elsewhere) {
		expect(outcomeOf(answer)).toBe(refused('PC_TOKEN_MISSING'));
		expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="[^"]+"$/);
	}
	const twice = await post(url, legacy('ping'), { authorization: `Bearer ${token}, Bearer ${token}` });
	expect(outcomeOf(twice)).toBe(refused('PC_TOKEN_MALFORMED'));
	expect(outcomeOf(await post(url, legacy('ping'), { authorization: `Bearer\t${token}` }))).toMatch(/^401 /);
});

it('JWT-25: that it was verified is not believed beyond its end, nor beyond a change of what it gives', async () => {
	const start = Date.now();
	vi.useFakeTimers({ toFake: ['Date'], now: start });
	const token = good({ exp: now() + 30 });
	expect(outcomeOf(await ask(token))).toBe('200');
	vi.setSystemTime(start + 91_000);
	expect(outcomeOf(await ask(token))).toBe(refused('PC_TOKEN_EXPIRED'));
	vi.setSystemTime(start);
	expect(outcomeOf(await ask(token))).toBe('200');
	const { issuer } = entra.contoso.directory.directory;
	await gateway.reconfigure(
		config({ directories: [{ ...entra.contoso.entry(), issuer: `${issuer}x` }, entra.fabrikam.entry()] }),
	);
	expect(outcomeOf(await ask(token))).toBe(refused('PC_TOKEN_ISSUER'));
	await gateway.reconfigure(config());
	expect(outcomeOf(await ask(token))).toBe('200');
});

it('JWT-26: oversized, compressed, endless or deep it is refused before it costs anything', async () => {
	const { directory } = entra.contoso;
	const header = JSON.stringify({ alg: 'RS256', kid: entra.key.kid });
	const payloads = [
		`{"deep":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
		`{"a":${JSON.stringify(Array(3_000).fill({}))}`,
		`${JSON.stringify(directory.claims()).slice(0, -1)},"aud":"again"}`,
	];
	const long = directory.token({ groups: Array.from({ length: 400 }, () => randomUUID()) });
	expect(long.length).toBeGreaterThan(16 * 1024);
	await expectRefusedOffline('PC_TOKEN_MALFORMED', [
		...payloads.map((payload) => directory.signTexts(header, payload)),
		long,
		signed({ header: { zip: 'DEF', crit: ['zip'] } }),
		'.'.repeat(16_000),
	]);
});

it('JWT-27: it has one spelling: other alphabets, padding and stray bits are refused', async () => {
	const token = good();
	const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
	const strayBit = `${token.slice(0, -1)}${alphabet[alphabet.indexOf(token.at(-1) as string) + 1]}`;
	const standard = token.replaceAll('-', '+').replaceAll('_', '/');
	expect(outcomeOf(await ask(token))).toBe('200');
	await expectRefused('PC_TOKEN_MALFORMED', [`${token}=`, `${token}==`, strayBit, standard, `${token}%`]);
});
