import {
	createHmac,
	generateKeyPair,
	type JsonWebKey,
	type KeyObject,
	randomUUID,
	sign as signBytes,
} from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import type { Directory } from '../../src/config/snapshot.ts';

const makeKeyPair = promisify(generateKeyPair);

/** A key pair with the id it is published under. */
export interface FakeKey {
	readonly kid: string;
	readonly privateKey: KeyObject;
	readonly publicKey: KeyObject;
	/** What the key set shows; RSA or EC. */
	readonly jwk: Readonly<Record<string, unknown>>;
}

/** How the key set address answers; `up` is the healthy way. */
export type Health = 'up' | 'down' | 'hang' | 'error' | 'html' | 'empty' | 'huge' | 'redirect';

/** What is special about a token. */
export interface SignOptions {
	/** Laid over `{alg, typ, kid}`; a member with the value `undefined` is left out. */
	readonly header?: Readonly<Record<string, unknown>>;
	/** Signs instead of the directory's first key. */
	readonly key?: FakeKey;
	/** How the signature is made; the header says the same unless `header` lays another `alg` over it. */
	readonly alg?: 'RS256' | 'ES256' | 'HS256' | 'none';
	/** Secret of HS256; the PEM of the public key when absent (the classic confusion). */
	readonly secret?: string | Buffer;
}

/** What can be chosen about a fake directory. */
export interface FakeDirectoryOptions {
	readonly id?: string;
	readonly tenantId?: string;
	readonly issuer?: string;
	readonly audience?: string;
	/** First signing key; a new one costs about 100 ms. */
	readonly key?: FakeKey;
	/** Wall clock of the claims, milliseconds since 1970. */
	readonly now?: () => number;
}

/** A directory that really signs and really serves its keys, and that misbehaves on request. */
export interface FakeDirectory {
	/** The entry that makes a gateway accept its tokens. */
	readonly directory: Directory;
	/** Published keys, the signing one first. */
	readonly keys: readonly FakeKey[];
	/** Requests for the key set so far, whatever they were answered. */
	readonly fetches: number;
	/** Address of the last request, query included. */
	readonly lastUrl: string;
	/** Requests for any other address, such as one named by a token's `jku`. */
	readonly strayRequests: number;
	/** Claims of a delegated access token that is good for an hour; a member with the value `undefined` is left out. */
	claims(overrides?: Readonly<Record<string, unknown>>): Record<string, unknown>;
	/** A token with exactly these claims. */
	sign(claims: Readonly<Record<string, unknown>>, options?: SignOptions): string;
	/** A signed token whose two JSON texts are given as they are, well-formed or not. */
	signTexts(header: string | Buffer, payload: string | Buffer, key?: FakeKey): string;
	/** A token of `claims(overrides)`. */
	token(overrides?: Readonly<Record<string, unknown>>, options?: SignOptions): string;
	/** Publishes a new key as the signing one; the old ones go when `retire` says so. */
	rotate(old?: 'keep' | 'retire'): Promise<FakeKey>;
	/** Publishes these entries instead of its keys, for strange key sets. */
	publish(entries: readonly unknown[]): void;
	setHealth(health: Health): void;
	close(): Promise<void>;
}

/** Makes a key that belongs to nobody yet. */
export async function makeKey(type: 'rsa' | 'ec' = 'rsa', modulusLength = 2048): Promise<FakeKey> {
	const pair =
		type === 'rsa' ? await makeKeyPair('rsa', { modulusLength }) : await makeKeyPair('ec', { namedCurve: 'P-256' });
	const kid = randomUUID();
	const shown: JsonWebKey = pair.publicKey.export({ format: 'jwk' });
	const jwk = { ...shown, kid, use: 'sig', alg: type === 'rsa' ? 'RS256' : 'ES256' };
	return { kid, privateKey: pair.privateKey, publicKey: pair.publicKey, jwk };
}

const encode = (content: string | Buffer): string => Buffer.from(content).toString('base64url');

const SIGNERS = {
	RS256: (input: string, key: FakeKey) => signBytes('sha256', Buffer.from(input), key.privateKey),
	ES256: (input: string, key: FakeKey) =>
		signBytes('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
	HS256: (input: string, key: FakeKey, secret?: string | Buffer) =>
		createHmac('sha256', secret ?? key.publicKey.export({ type: 'spki', format: 'pem' }))
			.update(input)
			.digest(),
	none: () => Buffer.alloc(0),
} as const;

/** Starts a directory on a free port of 127.0.0.1. */
export async function startFakeDirectory(options: FakeDirectoryOptions = {}): Promise<FakeDirectory> {
	const { id = 'fake', tenantId = randomUUID(), now = Date.now } = options;
	const { audience = randomUUID(), issuer = `https://login.fake.example/${tenantId}/v2.0` } = options;
	const served = await startKeyServer(issuer, options.key ?? (await makeKey()));
	const directory = { id, issuer, tenantId, audiences: [audience], jwksUrl: served.jwksUrl };
	const signingKey = (): FakeKey => served.keys[0] as FakeKey;

	const claims: FakeDirectory['claims'] = (overrides) => ({ ...defaultClaims(directory, now()), ...overrides });
	const sign: FakeDirectory['sign'] = (content, signing) => signToken(content, { key: signingKey(), ...signing });

	return Object.assign(served, {
		directory,
		claims,
		sign,
		signTexts: (header: string | Buffer, payload: string | Buffer, key = signingKey()) =>
			seal(`${encode(header)}.${encode(payload)}`, (input) => SIGNERS.RS256(input, key)),
		token: (overrides?: Readonly<Record<string, unknown>>, signing?: SignOptions) => sign(claims(overrides), signing),
	});
}

function defaultClaims({ issuer, audiences, tenantId }: Directory, nowMs: number): Record<string, unknown> {
	const at = Math.floor(nowMs / 1000);
	return {
		...{ ver: '2.0', iss: issuer, aud: audiences[0], tid: tenantId, oid: '0a1b2c3d-person', sub: 'pairwise-of-person' },
		...{ name: 'Person', preferred_username: 'person@fake.example', scp: 'mcp.access', groups: [] },
		...{ azp: 'client', azpacr: '0', uti: 'unique', iat: at, nbf: at, exp: at + 3600 },
	};
}

function signToken(
	content: Readonly<Record<string, unknown>>,
	{ alg = 'RS256', key, header: overrides, secret }: SignOptions & { readonly key: FakeKey },
): string {
	const header = { alg, typ: 'JWT', kid: key.kid, ...overrides };
	return seal(`${encode(JSON.stringify(header))}.${encode(JSON.stringify(content))}`, (input) =>
		SIGNERS[alg](input, key, secret),
	);
}

function seal(input: string, signer: (input: string) => Buffer): string {
	return `${input}.${encode(signer(input))}`;
}

type KeyServer = Pick<
	FakeDirectory,
	'keys' | 'fetches' | 'lastUrl' | 'strayRequests' | 'rotate' | 'publish' | 'setHealth' | 'close'
> & { readonly jwksUrl: string };

/** Serves a key set under `/keys` and counts what is asked for. The object is live: its counters move. */
async function startKeyServer(issuer: string, first: FakeKey): Promise<KeyServer> {
	let published: readonly unknown[] | undefined;
	let health: Health = 'up';
	const server = createServer((request, response) => {
		if (request.url?.split('?')[0] === '/keys') state.fetches += 1;
		else state.strayRequests += 1;
		state.lastUrl = request.url ?? '';
		const entries = published ?? state.keys.map((key) => ({ ...key.jwk, issuer }));
		answer(response, health, JSON.stringify({ keys: entries }));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

	const state = {
		jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
		keys: [first] as readonly FakeKey[],
		fetches: 0,
		lastUrl: '',
		strayRequests: 0,
		rotate: async (old: 'keep' | 'retire' = 'keep') => {
			const key = await makeKey();
			state.keys = old === 'keep' ? [key, ...state.keys] : [key];
			return key;
		},
		publish: (entries: readonly unknown[]) => {
			published = entries;
		},
		setHealth: (next: Health) => {
			health = next;
		},
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
	return state;
}

function answer(response: ServerResponse, health: Health, keySet: string): void {
	if (health === 'hang') return;
	if (health === 'down') {
		response.destroy();
		return;
	}
	const [status, body] = replyFor(health, keySet);
	response.writeHead(status, { 'content-type': 'application/json', location: '/elsewhere' });
	response.end(body);
}

function replyFor(health: Exclude<Health, 'hang' | 'down'>, keySet: string): readonly [number, string] {
	if (health === 'error') return [500, keySet];
	if (health === 'redirect') return [302, keySet];
	if (health === 'html') return [200, '<!doctype html><title>Sign in to the hotel network</title>'];
	if (health === 'empty') return [200, '{"keys":[]}'];
	if (health === 'huge') return [200, keySet.padEnd(10 * 1024 * 1024, ' ')];
	return [200, keySet];
}

/** The PEM, DER and JWK spellings of a public key, for attempts to use it as an HMAC secret. */
export function publicSpellings({ publicKey }: FakeKey): readonly (string | Buffer)[] {
	return [
		publicKey.export({ type: 'spki', format: 'pem' }),
		publicKey.export({ type: 'spki', format: 'der' }),
		JSON.stringify(publicKey.export({ format: 'jwk' })),
	];
}
