import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type OidcContext, type OidcToken, Provider } from 'oidc-provider';
import { createTokenStore, type TokenStore } from './token-store.ts';

/** What can be chosen of an authorization server of the tests. */
export interface AuthorizationServerOptions {
	/** What it issues tokens for. */
	readonly resources: readonly string[];
	/** Whether clients may register themselves, be known by a document, or neither. */
	readonly registration?: 'dynamic' | 'document' | 'none';
	/** Clients that are known beforehand, in the words of the package. */
	readonly clients?: readonly Readonly<Record<string, unknown>>[];
	/** What happens to a refresh token that is used: replaced at once, replaced with some grace, or kept. */
	readonly rotation?: 'strict' | 'grace' | 'never';
	/** Life of an access token, seconds. */
	readonly accessSeconds?: number;
	/** Laid over its metadata; `undefined` takes a member away. */
	readonly metadata?: Readonly<Record<string, unknown>>;
	/** Answers a request for the document of a client, for there is no https in the tests. */
	readonly clientDocument?: (url: string) => unknown;
}

/** One request to its token endpoint. */
export interface TokenRequest {
	readonly form: Readonly<Record<string, unknown>>;
	/** The header; an empty text where there was none. */
	readonly authorization: string;
}

/** A real authorization server (the package `oidc-provider`) on a free port of 127.0.0.1. */
export interface FakeAuthorizationServer {
	readonly issuer: string;
	readonly store: TokenStore;
	/** Requests to the token endpoint so far. */
	readonly tokenRequests: readonly TokenRequest[];
	/** Requests for anything, as `GET /path`. */
	readonly seen: readonly string[];
	/** How many requests of this grant type were answered with tokens. */
	granted(grantType: string): number;
	/** What an access token says, while it is good. */
	introspect(token: string): Promise<OidcToken | undefined>;
	/**
	 * Stops the next token requests: `before` they are dealt with, or `after`, when the answer is written but not sent.
	 * `arrived` resolves with the first; `release` lets all go.
	 */
	hold(when: 'before' | 'after'): { readonly arrived: Promise<void>; release(): void };
	/** Answers so many next token requests with this status and no tokens. */
	failTokens(times: number, status: number, body?: Readonly<Record<string, unknown>>): void;
	setAccessSeconds(seconds: number): void;
	close(): Promise<void>;
}

const SCOPE = 'mcp:read mcp:write';
const GRACE_MS = 60_000;

/** Starts one. */
export async function startAuthorizationServer(options: AuthorizationServerOptions): Promise<FakeAuthorizationServer> {
	// The package wants a newer Node than ours, of which it uses this much.
	const parse = (text: string, base?: string) => (URL.canParse(text, base) ? new URL(text, base) : null);
	Object.assign(URL, 'parse' in URL ? {} : { parse });
	let listener: RequestListener = (_request, response) => response.end();
	const server = createServer((request, response) => listener(request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const state = createState(options);
	const provider = quietly(() => new Provider(issuer, configurationOf(options, state)));
	provider.use(createDoorkeeper(state, options));
	const callback = provider.callback();
	listener = (request, response) => {
		state.seen.push(`${request.method} ${request.url}`);
		return callback(request, response);
	};
	return Object.assign(controlsOf(state), {
		issuer,
		introspect: async (token: string) => {
			const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
			return found?.isValid === true ? found : undefined;
		},
		close: () => closeServer(server),
	});
}

interface State {
	readonly store: TokenStore;
	readonly tokenRequests: TokenRequest[];
	readonly seen: string[];
	readonly granted: Map<string, number>;
	accessSeconds: number;
	gate: { when: 'before' | 'after'; arrive(): void; readonly opened: Promise<void> } | undefined;
	failing: { times: number; status: number; body: unknown };
}

function createState({ rotation, accessSeconds = 3_600 }: AuthorizationServerOptions): State {
	return {
		store: createTokenStore(rotation === 'grace' ? GRACE_MS : 0),
		tokenRequests: [],
		seen: [],
		granted: new Map(),
		accessSeconds,
		gate: undefined,
		failing: { times: 0, status: 500, body: {} },
	};
}

function controlsOf(state: State) {
	return {
		store: state.store,
		tokenRequests: state.tokenRequests,
		seen: state.seen,
		granted: (grantType: string) => state.granted.get(grantType) ?? 0,
		setAccessSeconds(seconds: number) {
			state.accessSeconds = seconds;
		},
		failTokens(times: number, status: number, body: Readonly<Record<string, unknown>> = {}) {
			state.failing = { times, status, body };
		},
		hold(when: 'before' | 'after') {
			let arrive = (): void => undefined;
			let open = (): void => undefined;
			const arrived = new Promise<void>((resolve) => {
				arrive = resolve;
			});
			const opened = new Promise<void>((resolve) => {
				open = resolve;
			});
			state.gate = { when, arrive, opened };
			const release = (): void => {
				state.gate = undefined;
				open();
			};
			return { arrived, release };
		},
	};
}

function configurationOf(options: AuthorizationServerOptions, state: State): object {
	const { resources, registration = 'dynamic', clients = [], rotation = 'strict', clientDocument } = options;
	const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'k' };
	return {
		clients,
		adapter: state.store.adapterOf,
		jwks: { keys: [key] },
		cookies: { keys: ['a key of the tests'] },
		claims: { openid: ['sub'], email: ['email'] },
		conformIdTokenClaims: false,
		findAccount: (_context: unknown, id: string) => ({
			accountId: id,
			claims: () => ({ sub: id, email: `${id}@service.example` }),
		}),
		enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
		clientDefaults: { id_token_signed_response_alg: 'ES256' },
		issueRefreshToken: (_context: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
			client.grantTypeAllowed('refresh_token'),
		rotateRefreshToken: rotation !== 'never',
		ttl: {
			AccessToken: () => state.accessSeconds,
			ClientCredentials: () => state.accessSeconds,
			...{ Interaction: 600, Session: 3_600, Grant: 86_400, RefreshToken: 86_400, AuthorizationCode: 60, IdToken: 600 },
		},
		features: {
			devInteractions: { enabled: true },
			registration: { enabled: registration === 'dynamic' },
			revocation: { enabled: true, allowedPolicy: () => true },
			clientCredentials: { enabled: true },
			clientIdMetadataDocument: { enabled: registration === 'document', ack: 'draft-02' },
			resourceIndicators: {
				enabled: true,
				getResourceServerInfo(_context: unknown, resource: string) {
					if (!resources.includes(resource)) throw Object.assign(new Error('invalid_target'), INVALID_TARGET);
					return { scope: SCOPE, audience: resource, accessTokenFormat: 'opaque' };
				},
				useGrantedResource: () => true,
			},
		},
		discovery: options.metadata ?? {},
		fetch: async (url: URL | string) =>
			new Response(JSON.stringify(clientDocument?.(String(url)) ?? {}), {
				headers: { 'content-type': 'application/json' },
			}),
	};
}

const INVALID_TARGET = { error: 'invalid_target', status: 400, statusCode: 400, expose: true };

function createDoorkeeper(state: State, { metadata = {} }: AuthorizationServerOptions) {
	return async (context: OidcContext, next: () => Promise<void>): Promise<void> => {
		if (context.path.startsWith('/.well-known/')) {
			await next();
			if (typeof context.body === 'object') context.body = withoutGone({ ...context.body, ...metadata });
			return;
		}
		if (context.path !== '/token' || context.method !== 'POST') return next();
		if (state.failing.times > 0) {
			state.failing.times--;
			context.status = state.failing.status;
			context.body = state.failing.body;
			return;
		}
		const { gate } = state;
		if (gate?.when === 'before') await pass(gate);
		await next();
		const form = context.oidc?.body ?? {};
		state.tokenRequests.push({ form, authorization: context.get('authorization') });
		const type = String(form['grant_type']);
		if (context.status === 200) state.granted.set(type, (state.granted.get(type) ?? 0) + 1);
		if (gate?.when === 'after') await pass(gate);
	};
}

async function pass(gate: NonNullable<State['gate']>): Promise<void> {
	gate.arrive();
	await gate.opened;
}

function withoutGone(document: Readonly<Record<string, unknown>>): object {
	return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
}

function quietly<T>(make: () => T): T {
	const { warn, info } = console;
	Object.assign(console, { warn: () => undefined, info: () => undefined });
	try {
		return make();
	} finally {
		Object.assign(console, { warn, info });
	}
}

async function closeServer(server: Server): Promise<void> {
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
}
