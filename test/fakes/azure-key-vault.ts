import {
	constants,
	generateKeyPairSync,
	type KeyObject,
	privateDecrypt,
	publicEncrypt,
	randomBytes,
	randomUUID,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One secret of the vault. */
export interface AzureSecretEntry {
	readonly value: string;
	readonly tags?: Readonly<Record<string, string>>;
	readonly enabled?: boolean;
}

/**
 * A server that speaks the documented API of Azure Key Vault, of the token endpoint of Entra, and of a machine's metadata
 * service, as far as the gateway uses them.
 */
export interface FakeAzure {
	readonly vaultUrl: string;
	readonly tokenUrl: string;
	readonly machineUrl: string;
	readonly clientId: string;
	readonly clientSecret: string;
	/** The one assertion that a federated sign-in takes. */
	readonly assertion: string;
	/** Requests so far as `METHOD path`. */
	readonly seen: readonly string[];
	readonly secrets: Map<string, AzureSecretEntry>;
	/** A new version of the key `wrapper`. */
	rotate(): void;
	setThrottled(isThrottled: boolean): void;
	revokeTokens(): void;
	close(): Promise<void>;
}

interface Version {
	readonly id: string;
	readonly privateKey: KeyObject;
	readonly publicKey: KeyObject;
}

interface State extends FakeAzure {
	readonly seen: string[];
	readonly tokens: Set<string>;
	readonly versions: Version[];
	isThrottled: boolean;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startFakeAzure(): Promise<FakeAzure> {
	const server = createServer((request, response) => void answer(state, request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const state: State = {
		vaultUrl: origin,
		tokenUrl: `${origin}/tenant/oauth2/v2.0/token`,
		machineUrl: `${origin}/metadata/identity/oauth2/token`,
		clientId: randomUUID(),
		clientSecret: `secret ${randomUUID()} +&=%`,
		assertion: `eyJ.${randomUUID()}.sig`,
		seen: [],
		secrets: new Map(),
		tokens: new Set(),
		versions: [newVersion()],
		isThrottled: false,
		rotate: () => void state.versions.push(newVersion()),
		setThrottled(isThrottled) {
			state.isThrottled = isThrottled;
		},
		revokeTokens: () => state.tokens.clear(),
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
	return state;
}

function newVersion(): Version {
	return { id: randomBytes(16).toString('hex'), ...generateKeyPairSync('rsa', { modulusLength: 2_048 }) };
}

type Reply = readonly [status: number, body: object, headers?: Readonly<Record<string, string>>];

const fault = (code: string): object => ({ error: { code, message: code } });

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
	let text = '';
	for await (const chunk of request) text += String(chunk);
	const { pathname, searchParams } = new URL(request.url ?? '/', state.vaultUrl);
	state.seen.push(`${request.method} ${pathname}`);
	const [status, body, headers] = reply({ state, request, pathname, searchParams, text });
	response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

interface Question {
	readonly state: State;
	readonly request: IncomingMessage;
	readonly pathname: string;
	readonly searchParams: URLSearchParams;
	readonly text: string;
}

function reply(question: Question): Reply {
	const { state, request, pathname, searchParams, text } = question;
	if (pathname === '/tenant/oauth2/v2.0/token') return signIn(state, new URLSearchParams(text));
	if (pathname === '/metadata/identity/oauth2/token') return machine(question);
	if (searchParams.get('api-version') === null) return [400, fault('BadParameter')];
	const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
	if (!state.tokens.has(token))
		return [401, fault('Unauthorized'), { 'www-authenticate': `Bearer resource="${state.vaultUrl}"` }];
	if (state.isThrottled) return [429, fault('Throttled'), { 'retry-after': '1' }];
	const [, kind, name = '', version, operation] = pathname.split('/');
	if (kind === 'secrets') return readSecret(state, name);
	if (kind === 'keys' && name === 'wrapper') return useKey(state, { version, operation, text });
	return [404, fault('KeyNotFound')];
}

function give(state: State): Reply {
	const token = randomUUID();
	state.tokens.add(token);
	return [200, { token_type: 'Bearer', expires_in: 3_599, access_token: token }];
}

function signIn(state: State, form: URLSearchParams): Reply {
	const isRight =
		form.get('grant_type') === 'client_credentials' &&
		form.get('client_id') === state.clientId &&
		form.get('scope') === `${state.vaultUrl}/.default` &&
		(form.get('client_secret') === state.clientSecret ||
			(form.get('client_assertion') === state.assertion &&
				form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'));
	return isRight ? give(state) : [401, { error: 'invalid_client' }];
}

function machine({ state, request, searchParams }: Question): Reply {
	const isRight =
		request.headers['metadata'] === 'true' &&
		searchParams.get('api-version') === '2018-02-01' &&
		searchParams.get('resource') === state.vaultUrl;
	return isRight ? give(state) : [400, { error: 'invalid_request' }];
}

function readSecret(state: State, name: string): Reply {
	const secret = state.secrets.get(name);
	if (secret === undefined) return [404, fault('SecretNotFound')];
	const { value, tags = {}, enabled = true } = secret;
	return [200, { id: `${state.vaultUrl}/secrets/${name}/${'0'.repeat(32)}`, value, tags, attributes: { enabled } }];
}

interface KeyUse {
	readonly version: string | undefined;
	readonly operation: string | undefined;
	readonly text: string;
}

function useKey(state: State, { version, operation, text }: KeyUse): Reply {
	const newest = state.versions.at(-1) as Version;
	const wanted = version === undefined || version === '' ? newest : state.versions.find(({ id }) => id === version);
	if (wanted === undefined) return [404, fault('KeyNotFound')];
	const kid = `${state.vaultUrl}/keys/wrapper/${wanted.id}`;
	if (operation === undefined) return [200, { key: { kid, kty: 'RSA', key_ops: ['wrapKey', 'unwrapKey'] } }];
	const { alg, value } = JSON.parse(text) as { readonly alg: string; readonly value: string };
	if (alg !== 'RSA-OAEP-256') return [400, fault('BadParameter')];
	return crypt(wanted, operation, { kid, bytes: Buffer.from(value, 'base64url') });
}

function crypt(
	version: Version,
	operation: string,
	{ kid, bytes }: { readonly kid: string; readonly bytes: Buffer },
): Reply {
	const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
	try {
		const out =
			operation === 'wrapkey'
				? publicEncrypt({ key: version.publicKey, ...padding }, bytes)
				: privateDecrypt({ key: version.privateKey, ...padding }, bytes);
		return [200, { kid, value: out.toString('base64url') }];
	} catch {
		return [400, fault('BadParameter')];
	}
}
