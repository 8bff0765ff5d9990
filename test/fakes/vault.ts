import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the store answers; `up` is the healthy way. */
export type VaultHealth = 'up' | 'sealed' | 'hang' | 'html' | 'huge' | 'redirect';

/**
 * A server that speaks the documented API of Vault and OpenBao as far as the gateway uses it: token, AppRole and
 * Kubernetes sign-in, renewal, namespaces, transit, and KV version 2, with their statuses and error bodies.
 */
export interface FakeVault {
	readonly address: string;
	/** A token that may do everything, with no end. */
	readonly rootToken: string;
	readonly roleId: string;
	readonly secretId: string;
	/** The one token of a Kubernetes service account that is taken for the role `portcullis`. */
	readonly serviceAccount: string;
	/** Requests so far as `METHOD path`. */
	readonly seen: readonly string[];
	/** Namespace of each request so far. */
	readonly namespaces: readonly (string | undefined)[];
	/** KV version 2, mount `secret`: values by path. */
	readonly secrets: Map<string, Readonly<Record<string, unknown>>>;
	setHealth(health: VaultHealth): void;
	/** How long tokens of sign-ins live, seconds, and whether they can be renewed. */
	setTokens(settings: { readonly ttl: number; readonly renewable: boolean }): void;
	/** A new version of the transit key `portcullis`. */
	rotate(): void;
	/** The oldest version that still opens. */
	forbidBefore(version: number): void;
	revokeTokens(): void;
	close(): Promise<void>;
}

interface Token {
	readonly ttl: number;
	readonly renewable: boolean;
}

interface State extends FakeVault {
	readonly seen: string[];
	readonly namespaces: (string | undefined)[];
	health: VaultHealth;
	tokens: Map<string, Token>;
	issued: Token;
	keys: Buffer[];
	oldest: number;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startFakeVault(): Promise<FakeVault> {
	const server = createServer((request, response) => void answer(state, request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const rootToken = `hvs.${randomUUID()}`;
	const state: State = {
		address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		rootToken,
		roleId: randomUUID(),
		secretId: randomUUID(),
		serviceAccount: `eyJ.${randomUUID()}.sig`,
		seen: [],
		namespaces: [],
		secrets: new Map(),
		health: 'up',
		tokens: new Map([[rootToken, { ttl: 0, renewable: false }]]),
		issued: { ttl: 3_600, renewable: true },
		keys: [randomBytes(32)],
		oldest: 1,
		setHealth(health) {
			state.health = health;
		},
		setTokens(settings) {
			state.issued = settings;
		},
		rotate: () => void state.keys.push(randomBytes(32)),
		forbidBefore(version) {
			state.oldest = version;
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

type Body = Readonly<Record<string, string>>;
type Reply = readonly [status: number, body: object];

const DENIED: Reply = [403, { errors: ['permission denied'] }];
const NOTHING: Reply = [404, { errors: [] }];

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
	let text = '';
	for await (const chunk of request) text += String(chunk);
	const path = (request.url ?? '').replace(/^\/v1\//, '');
	state.seen.push(`${request.method} ${path}`);
	state.namespaces.push(request.headers['x-vault-namespace'] as string | undefined);
	if (state.health === 'hang') return;
	if (state.health === 'redirect') return void response.writeHead(307, { location: `${state.address}/v1/x` }).end();
	if (state.health === 'html') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
	if (state.health === 'huge') return void response.writeHead(200).end(`{"data":"${'x'.repeat(300_000)}"}`);
	const sealed: Reply = [503, { errors: ['Vault is sealed'] }];
	const [status, body] = state.health === 'sealed' ? sealed : reply(state, request, path, text);
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function reply(state: State, request: IncomingMessage, path: string, text: string): Reply {
	// Vault takes the header of its own client as proof that no browser was led to ask.
	if (request.headers['x-vault-request'] !== 'true') return [412, { errors: ['missing required header'] }];
	const body = (text === '' ? {} : JSON.parse(text)) as Body;
	if (path.endsWith('/login')) return signIn(state, path, body);
	const token = request.headers['x-vault-token'] as string | undefined;
	const known = state.tokens.get(token ?? '');
	if (token === undefined || known === undefined) return DENIED;
	if (path === 'auth/token/lookup-self') return [200, { data: { ttl: known.ttl, renewable: known.renewable } }];
	if (path === 'auth/token/renew-self') return renew(state, token, known);
	if (path.startsWith('transit/')) return transit(state, path, body);
	return readSecret(state, request.method, path);
}

function signIn(state: State, path: string, body: Body): Reply {
	const isRole =
		path === 'auth/approle/login' && body['role_id'] === state.roleId && body['secret_id'] === state.secretId;
	const isPod =
		path === 'auth/kubernetes/login' && body['role'] === 'portcullis' && body['jwt'] === state.serviceAccount;
	if (path === 'auth/approle/login' && !isRole) return [400, { errors: ['invalid role or secret ID'] }];
	if (!isRole && !isPod) return DENIED;
	const token = `hvs.${randomUUID()}`;
	state.tokens.set(token, state.issued);
	return [200, { auth: auth(token, state.issued) }];
}

function renew(state: State, token: string, known: Token): Reply {
	if (!known.renewable) return [400, { errors: ['lease is not renewable'] }];
	state.tokens.set(token, state.issued);
	return [200, { auth: auth(token, state.issued) }];
}

function auth(token: string, { ttl, renewable }: Token): object {
	return { client_token: token, lease_duration: ttl, renewable, token_type: 'service' };
}

function transit(state: State, path: string, body: Body): Reply {
	const [, operation, name] = path.split('/');
	if (name === 'signer' && operation === 'keys') return [200, { data: { type: 'ed25519', latest_version: 1 } }];
	if (name !== 'portcullis') return operation === 'keys' ? NOTHING : [400, { errors: ['encryption key not found'] }];
	if (operation === 'keys') return [200, { data: { type: 'aes256-gcm96', latest_version: state.keys.length } }];
	return operation === 'encrypt' ? encrypt(state, body['plaintext'] ?? '') : decrypt(state, body['ciphertext'] ?? '');
}

function encrypt(state: State, plaintext: string): Reply {
	const nonce = randomBytes(12);
	const cipher = createCipheriv('aes-256-gcm', state.keys.at(-1) as Buffer, nonce);
	const sealed = Buffer.concat([
		nonce,
		cipher.update(Buffer.from(plaintext, 'base64')),
		cipher.final(),
		cipher.getAuthTag(),
	]);
	return [
		200,
		{
			data: { ciphertext: `vault:v${state.keys.length}:${sealed.toString('base64')}`, key_version: state.keys.length },
		},
	];
}

function decrypt(state: State, ciphertext: string): Reply {
	const [, version, text] = /^vault:v([0-9]+):(.*)$/.exec(ciphertext) ?? [];
	const key = state.keys[Number(version) - 1];
	if (key === undefined || text === undefined) return [400, { errors: ['invalid ciphertext: unable to decrypt'] }];
	if (Number(version) < state.oldest)
		return [400, { errors: ['ciphertext or signature version is disallowed by policy (too old)'] }];
	try {
		const sealed = Buffer.from(text, 'base64');
		const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
		decipher.setAuthTag(sealed.subarray(-16));
		const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
		return [200, { data: { plaintext: plain.toString('base64') } }];
	} catch {
		return [400, { errors: ['cipher: message authentication failed'] }];
	}
}

function readSecret(state: State, method: string | undefined, path: string): Reply {
	const values = path.startsWith('secret/data/') ? state.secrets.get(path.slice('secret/data/'.length)) : undefined;
	if (method !== 'GET' || values === undefined) return NOTHING;
	return [200, { lease_id: '', lease_duration: 0, data: { data: values, metadata: { version: 1, destroyed: false } } }];
}
