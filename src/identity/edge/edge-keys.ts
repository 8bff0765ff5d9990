import { type CryptoKey, importJWK, importSPKI } from 'jose';
import type { AssertionEdge, EdgeAlgorithm } from '../../config/listeners.ts';
import type { FetchKeys } from '../fetch-keys.ts';
import { createJwksCache, type JwksTimes } from '../jwks-cache.ts';
import { isKid, isModulus, type KeySet, listKeys, type RawKey } from '../parse-key-set.ts';

/** How the keys of an edge are fetched, where they are. */
export interface EdgeKeysOptions {
	readonly fetchKeys: FetchKeys;
	/** Milliseconds on a clock that never runs backwards. */
	readonly now: () => number;
	readonly times?: Partial<JwksTimes> | undefined;
}

/** What the header of an assertion says of its key. */
export interface KeyWanted {
	readonly alg: EdgeAlgorithm;
	/** `undefined`: no key is named. */
	readonly kid: string | undefined;
}

/** The keys of one edge. */
export interface EdgeKeys {
	/** Every key that may have signed; rejects with PC_DIRECTORY_UNAVAILABLE when they cannot be fetched. */
	candidates(wanted: KeyWanted): Promise<readonly CryptoKey[]>;
	close(): void;
}

/** The keys that are given, or those that are fetched and kept as a directory's are. */
export function createEdgeKeys(edge: AssertionEdge, options: EdgeKeysOptions): EdgeKeys {
	return edge.jwksUrl === undefined ? givenKeys(edge) : fetchedKeys(edge.jwksUrl, edge.algorithms, options);
}

function givenKeys({ publicKeys, algorithms }: AssertionEdge): EdgeKeys {
	const imported = new Map(
		algorithms.map((alg) => [alg, Promise.all(publicKeys.map((pem) => importSPKI(pem, alg).catch(() => undefined)))]),
	);
	return {
		candidates: async ({ alg }) => ((await imported.get(alg)) ?? []).filter((key) => key !== undefined),
		close: () => undefined,
	};
}

function fetchedKeys(url: string, algorithms: readonly EdgeAlgorithm[], options: EdgeKeysOptions): EdgeKeys {
	const { fetchKeys, now, times } = options;
	const parse = (text: string): Promise<KeySet> => parseEdgeKeys(text, algorithms);
	const cache = createJwksCache({ url, fetchKeys, now, parse, ...(times && { times }) });
	return {
		async candidates({ alg, kid }) {
			const key = kid === undefined ? undefined : await cache.keyFor(keyName(alg, kid));
			return key === undefined ? [] : [key];
		},
		close: cache.close,
	};
}

// A key is for one algorithm: what was made for PS256 never checks an RS256 signature (RFC 8725 §3.1).
function keyName(alg: string, kid: string): string {
	return `${alg}:${kid}`;
}

async function parseEdgeKeys(text: string, algorithms: readonly EdgeAlgorithm[]): Promise<KeySet> {
	const keys = new Map<string, CryptoKey>();
	for (const raw of listKeys(text)) {
		for (const alg of algorithms) {
			const key = await importFor(alg, raw);
			if (key !== undefined && isKid(raw['kid']) && !keys.has(keyName(alg, raw['kid']))) {
				keys.set(keyName(alg, raw['kid']), key);
			}
		}
	}
	if (keys.size === 0) throw new Error('the key set has no usable signing key of the edge');
	return keys;
}

async function importFor(alg: EdgeAlgorithm, raw: RawKey): Promise<CryptoKey | undefined> {
	if ((raw['use'] ?? 'sig') !== 'sig' || (raw['alg'] ?? alg) !== alg) return undefined;
	const numbers = alg === 'ES256' ? curvePoint(raw) : rsaNumbers(raw);
	try {
		return numbers && ((await importJWK(numbers, alg)) as CryptoKey);
	} catch {
		return undefined;
	}
}

// Only the public numbers are handed on: `x5c`, `x5u` or a private part of the document are never looked at.
function rsaNumbers({ kty, n, e }: RawKey) {
	return kty === 'RSA' && e === 'AQAB' && isModulus(n) ? { kty, n: n as string, e } : undefined;
}

function curvePoint({ kty, crv, x, y }: RawKey) {
	const isPoint = kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string';
	return isPoint ? { kty, crv, x, y } : undefined;
}
