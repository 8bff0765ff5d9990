import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationUrl, beginAuthorization, checkCallback } from '../../src/credentials/oauth/authorization.ts';
import { chooseClient } from '../../src/credentials/oauth/choose-client.ts';
import { clientDocument } from '../../src/credentials/oauth/client-document.ts';
import { createDiscovery } from '../../src/credentials/oauth/discovery.ts';
import { createOAuthFetch } from '../../src/credentials/oauth/egress-fetch.ts';
import type { Registration } from '../../src/credentials/oauth/registration.ts';
import { createTokenRequests } from '../../src/credentials/oauth/token-requests.ts';
import { errorCode } from '../../src/errors/portcullis-error.ts';
import { createEgress } from '../../src/lib/egress/create-egress.ts';
import { createBrowser } from '../fakes/oauth/browser.ts';
import { type OAuthService, type OAuthServiceOptions, startOAuthService } from '../fakes/oauth/third-party.ts';

const ORIGIN = 'https://gateway.example';
const signal = AbortSignal.timeout(60_000);
const egress = createEgress({ allowed: ['127.0.0.0/8'] });
const way = createOAuthFetch(egress);
const discovery = createDiscovery(way);
const tokens = createTokenRequests(way, Date.now);

const opened: OAuthService[] = [];
async function open(options: OAuthServiceOptions = {}): Promise<OAuthService> {
	const service = await startOAuthService(options);
	opened.push(service);
	return service;
}
afterAll(() => Promise.all(opened.map((each) => each.close())));

async function begin(service: OAuthService, known?: Registration) {
	const { resource, issuers, scopes } = await discovery.resourceOf(new URL(service.mcp.url), signal);
	const server = await discovery.authorizationServer(issuers[0] ?? '', signal);
	const registration = await chooseClient(server, { fetch: way, origin: ORIGIN, known, now: Date.now(), signal });
	const redirectUri = `${ORIGIN}/oauth/callback`;
	const authorization = beginAuthorization({ server, registration, redirectUri, resource, scopes });
	return { authorization, place: { server, registration, resource, signal } };
}

async function connect(service: OAuthService, login: string, known?: Registration) {
	const { authorization, place } = await begin(service, known);
	const url = await authorizationUrl(authorization, 'the-state');
	const back = await createBrowser().signIn(url, login);
	const callback = checkCallback(authorization, back.searchParams, 'the-state');
	const { verifier, redirectUri } = authorization;
	const made = await tokens.redeem(place, { callback, verifier, redirectUri });
	return { url: new URL(url), back, authorization, place, made };
}

const codeOf = (attempt: Promise<unknown>): Promise<unknown> => attempt.then(() => 'nothing', errorCode);

describe('signing in at a service', () => {
	it.each(['dynamic', 'document'] as const)('works where clients are known by way of %s', async (registration) => {
		const service = await open({ registration, clientDocument: () => clientDocument(ORIGIN) });
		const { url, back, place, made } = await connect(service, 'ada');
		expect(place.registration.how).toBe(registration === 'dynamic' ? 'dynamic' : 'metadata-document');
		expect(Object.fromEntries(url.searchParams)).toMatchObject({
			...{ response_type: 'code', code_challenge_method: 'S256', resource: service.mcp.url, scope: 'mcp:read' },
		});
		expect(back.searchParams.get('iss')).toBe(service.issuer);
		expect(await service.introspect(made.accessToken)).toMatchObject({ accountId: 'ada', aud: service.mcp.url });
		expect(made.refreshToken).toBeDefined();
		expect(made.expiresAt).toBeGreaterThan(Date.now());
	});

	it('works where an administrator registered the gateway', async () => {
		const client = { client_id: 'gw', client_secret: 'a secret of the gateway' };
		const service = await open({ registration: 'none', clients: [{ ...client, ...service_client(ORIGIN) }] });
		const known: Registration = {
			...{ issuer: service.issuer, how: 'pre-registered', clientId: 'gw', authMethod: 'client_secret_basic' },
			clientSecret: client.client_secret,
		};
		const { made } = await connect(service, 'ada', known);
		expect(await service.introspect(made.accessToken)).toMatchObject({ accountId: 'ada', clientId: 'gw' });
		expect(service.server.tokenRequests.at(-1)?.authorization).toMatch(/^Basic /);
		expect(service.server.tokenRequests.at(-1)?.form).toMatchObject({ resource: service.mcp.url });
	});

	it('renews, rotates and revokes what it was given', async () => {
		const service = await open();
		const { place, made } = await connect(service, 'ada');
		const next = await tokens.renew(place, made.refreshToken ?? '');
		expect(next.refreshToken).not.toBe(made.refreshToken);
		expect(await service.introspect(next.accessToken)).toMatchObject({ accountId: 'ada', aud: service.mcp.url });
		await tokens.revoke(place, next.refreshToken ?? '', 'refresh_token');
		expect(await codeOf(tokens.renew(place, next.refreshToken ?? ''))).toBe('PC_OAUTH_ENDED');
	});

	it('tells an end for good from a failure that may pass', async () => {
		const service = await open();
		const { place, made } = await connect(service, 'ada');
		const renew = () => codeOf(tokens.renew(place, made.refreshToken ?? ''));
		for (const [status, body, code] of [
			[500, {}, 'PC_OAUTH_UNAVAILABLE'],
			[503, { error: 'invalid_grant' }, 'PC_OAUTH_UNAVAILABLE'],
			[429, { error: 'slow_down' }, 'PC_OAUTH_UNAVAILABLE'],
			[400, { error: 'temporarily_unavailable' }, 'PC_OAUTH_UNAVAILABLE'],
			[200, {}, 'PC_OAUTH_INVALID'],
			[200, { access_token: 'a b', token_type: 'bearer' }, 'PC_OAUTH_INVALID'],
			[401, { error: 'invalid_client' }, 'PC_OAUTH_CLIENT_REFUSED'],
			[400, { error: 'invalid_scope' }, 'PC_OAUTH_REFUSED'],
			[400, { error: 'invalid_grant' }, 'PC_OAUTH_ENDED'],
		] as const) {
			service.server.failTokens(1, status, body);
			expect([status, body, await renew()]).toEqual([status, body, code]);
		}
		expect(await renew()).toBe('nothing');
	});
});

const key = await import('node:crypto').then(({ generateKeyPairSync }) =>
	generateKeyPairSync('ec', { namedCurve: 'P-256' }),
);

describe('a client by itself', () => {
	const common = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };

	it('gets tokens with its secret', async () => {
		const secret = 'a secret of the gateway';
		const client = {
			...common,
			client_id: 'gw',
			client_secret: secret,
			token_endpoint_auth_method: 'client_secret_post',
		};
		const service = await open({ registration: 'none', clients: [client] });
		const server = await discovery.authorizationServer(service.issuer, signal);
		const registration: Registration = {
			...{ issuer: service.issuer, how: 'pre-registered', clientId: 'gw', authMethod: 'client_secret_post' },
			clientSecret: secret,
		};
		const made = await tokens.byClient({ server, registration, resource: service.mcp.url, signal }, ['mcp:read']);
		expect(await service.introspect(made.accessToken)).toMatchObject({ clientId: 'gw', scope: 'mcp:read' });
		expect(made.refreshToken).toBeUndefined();
	});

	it('gets tokens with a signed assertion, and never shows its key', async () => {
		const jwks = { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] };
		const method = { token_endpoint_auth_method: 'private_key_jwt', jwks };
		const service = await open({ registration: 'none', clients: [{ ...common, client_id: 'gw', ...method }] });
		const server = await discovery.authorizationServer(service.issuer, signal);
		const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
		const registration: Registration = {
			...{ issuer: service.issuer, how: 'pre-registered', clientId: 'gw', authMethod: 'private_key_jwt' },
			privateKey: { pem, alg: 'ES256', kid: 'one' },
		};
		const made = await tokens.byClient({ server, registration, resource: service.mcp.url, signal }, undefined);
		expect(await service.introspect(made.accessToken)).toMatchObject({ clientId: 'gw' });
		expect(JSON.stringify(service.server.tokenRequests)).not.toContain('PRIVATE KEY');
	});

	it('is told that its key cannot be read, without a word of it', async () => {
		const service = await open();
		const server = await discovery.authorizationServer(service.issuer, signal);
		const registration: Registration = {
			...{ issuer: service.issuer, how: 'pre-registered', clientId: 'gw', authMethod: 'private_key_jwt' },
			privateKey: { pem: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----', alg: 'ES256' },
		};
		const failed = await tokens
			.byClient({ server, registration, resource: 'r', signal }, undefined)
			.catch((error: unknown) => error);
		expect(errorCode(failed)).toBe('PC_OAUTH_CLIENT_NEEDED');
		expect(String((failed as Error).stack) + JSON.stringify(failed)).not.toContain('c2VjcmV0');
	});
});

describe('what a service says of itself', () => {
	it.each([
		['another issuer', { issuer: 'https://elsewhere.example' }, 'PC_OAUTH_METADATA'],
		['no token endpoint', { token_endpoint: undefined }, 'PC_OAUTH_METADATA'],
		['a token endpoint in the clear elsewhere', { token_endpoint: 'http://169.254.169.254/x' }, 'PC_OAUTH_METADATA'],
		['a script as its page', { authorization_endpoint: 'javascript:alert(1)' }, 'PC_OAUTH_METADATA'],
		['a page with somebody in front', { authorization_endpoint: 'https://a@b.example/' }, 'PC_OAUTH_METADATA'],
		['nothing of PKCE', { code_challenge_methods_supported: undefined }, 'PC_OAUTH_PKCE'],
		['plain PKCE alone', { code_challenge_methods_supported: ['plain'] }, 'PC_OAUTH_PKCE'],
		['no code flow', { response_types_supported: ['token'] }, 'PC_OAUTH_METADATA'],
		['no registration', { registration_endpoint: undefined }, 'PC_OAUTH_CLIENT_NEEDED'],
	])('is refused when it names %s', async (_what, metadata, code) => {
		const service = await open({ metadata });
		expect(await codeOf(begin(service))).toBe(code);
	});

	it.each([
		['by the name of another', { resource: 'https://elsewhere.example/mcp' }, 'PC_OAUTH_METADATA'],
		['by no name', { resource: undefined }, 'PC_OAUTH_METADATA'],
		['without an issuer', { authorization_servers: [] }, 'PC_OAUTH_UNDISCOVERED'],
		['with an issuer that is no address', { authorization_servers: ['x'] }, 'PC_OAUTH_METADATA'],
	])('is refused of a server %s', async (_what, resource, code) => {
		const service = await open({ resource });
		expect(await codeOf(begin(service))).toBe(code);
	});

	it('is found without a hint, and without metadata at the server itself', async () => {
		const quiet = await open({ challenges: false });
		expect(await discovery.resourceOf(new URL(quiet.mcp.url), signal)).toMatchObject({ issuers: [quiet.issuer] });
		const old = await open({ metadataOf: () => undefined, challenges: false });
		const { origin } = new URL(old.mcp.url);
		const expected = { resource: old.mcp.url, issuers: [origin], scopes: undefined };
		expect(await discovery.resourceOf(new URL(old.mcp.url), signal)).toEqual(expected);
	});

	it('gives the scopes of the challenge before those of the metadata', async () => {
		const service = await open({ challengeScope: 'mcp:read mcp:write' });
		const facts = await discovery.resourceOf(new URL(service.mcp.url), signal);
		expect(facts.scopes).toEqual(['mcp:read', 'mcp:write']);
	});
});

describe('an address that a service names', () => {
	const strict = createDiscovery(createOAuthFetch(createEgress({ allowed: [] })));

	it('is asked only where the operator allows it', async () => {
		const service = await open();
		expect(await codeOf(strict.resourceOf(new URL(service.mcp.url), signal))).toBe('PC_EGRESS_REFUSED');
		expect(await codeOf(strict.authorizationServer(service.issuer, signal))).toBe('PC_EGRESS_REFUSED');
		expect([...service.server.seen, ...service.mcp.presented]).toEqual([]);
	});

	it('is not asked when it leads inwards from a server that may be asked', async () => {
		const inner = await open();
		const outer = await open({ resource: { authorization_servers: [inner.issuer] } });
		const way = createOAuthFetch(createEgress({ allowed: [new URL(outer.mcp.url).host] }));
		const { issuers } = await createDiscovery(way).resourceOf(new URL(outer.mcp.url), signal);
		expect(issuers).toEqual([inner.issuer]);
		expect(await codeOf(createDiscovery(way).authorizationServer(inner.issuer, signal))).toBe('PC_EGRESS_REFUSED');
		expect(inner.server.seen).toEqual([]);
	});
});

describe('the answer to a sign-in', () => {
	let service: OAuthService;
	beforeAll(async () => {
		service = await open();
	});
	const answer = async (parts: Readonly<Record<string, string | undefined>>) => {
		const { authorization } = await begin(service);
		const all = { iss: service.issuer, state: 's', code: 'c', ...parts };
		const pairs = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined);
		return checkCallback(authorization, new URLSearchParams(pairs), 's');
	};

	it.each([
		['names another issuer', { iss: 'https://evil.example' }, 'PC_OAUTH_ISSUER'],
		['names none although one was promised', { iss: undefined }, 'PC_OAUTH_ISSUER'],
		['is an error of a stranger', { iss: 'https://evil.example', error: 'access_denied' }, 'PC_OAUTH_ISSUER'],
		['is a refusal', { error: 'access_denied', error_description: 'no' }, 'PC_OAUTH_DENIED'],
		['carries another state', { state: 't' }, 'PC_OAUTH_INVALID'],
		['carries tokens', { access_token: 't', id_token: 't' }, 'PC_OAUTH_INVALID'],
	])('is refused when it %s', async (_what, parts, code) => {
		expect(await codeOf(answer(parts))).toBe(code);
	});

	it('of one service is never redeemed at another (mix-up)', async () => {
		const other = await open();
		const { authorization } = await begin(other);
		const url = await authorizationUrl((await begin(service)).authorization, 's');
		const back = await createBrowser().signIn(url, 'ada');
		expect(await codeOf(Promise.resolve().then(() => checkCallback(authorization, back.searchParams, 's')))).toBe(
			'PC_OAUTH_ISSUER',
		);
		expect(other.server.tokenRequests).toHaveLength(0);
	});

	it('is redeemed only by the client of that issuer', async () => {
		const other = await open();
		const { place } = await begin(service);
		const foreign = (await begin(other)).place.registration;
		expect(await codeOf(tokens.renew({ ...place, registration: foreign }, 'r'))).toBe('PC_OAUTH_ISSUER');
	});
});

function service_client(origin: string) {
	const { client_uri: _uri, ...document } = clientDocument(origin);
	return { ...document, client_id: 'gw', token_endpoint_auth_method: 'client_secret_basic' };
}
