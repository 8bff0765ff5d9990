import { type CryptoKey, importJWK } from 'jose';
import { MAX_KID_CHARS } from './parse-token.ts';

/** Usable keys of a directory by `kid`. */
export type KeySet = ReadonlyMap<string, CryptoKey>;

/** A member of a key set, as it was read. */
export type RawKey = Readonly<Record<string, unknown>>;

const MIN_BITS = 2048;
const MAX_BITS = 8192;

/**
 * Keeps of a JSON Web Key Set what may sign RS256 access tokens and leaves out the rest, so that a directory may add
 * kinds of keys we do not know. A key whose issuer `ofIssuer` refuses is left out too: one Entra address serves keys
 * of several tenants (reference: openwebui-mcpo-entra-edge-rls §4.1 rule 5). Rejects when nothing usable remains.
 */
export async function parseKeySet(text: string, ofIssuer: (issuer: string) => boolean): Promise<KeySet> {
	const keys = new Map<string, CryptoKey>();
	for (const key of listKeys(text)) {
		const { kid } = key;
		if (!isSigningKey(key) || !isOfIssuer(key, ofIssuer) || !isKid(kid) || keys.has(kid)) continue;
		const imported = await importKey(key);
		if (imported !== undefined) keys.set(kid, imported);
	}
	if (keys.size === 0) throw new Error('the key set has no usable RSA signing key of the issuer');
	return keys;
}

/** The members of a JSON Web Key Set that are objects. Throws plain errors. */
export function listKeys(text: string): readonly RawKey[] {
	const keys = (parseJson(text) as { keys?: unknown } | null)?.keys;
	if (!Array.isArray(keys)) throw new Error('the key set has no list of keys');
	return keys.filter((key) => typeof key === 'object' && key !== null);
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new Error('the key set is not JSON');
	}
}

/** Whether it can name a key. */
export function isKid(kid: unknown): kid is string {
	return typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID_CHARS;
}

function isSigningKey({ kty, use, alg, e, n }: RawKey): boolean {
	const purpose = (use === undefined || use === 'sig') && (alg === undefined || alg === 'RS256');
	// 65537 is what every directory uses; with an exponent of 1 anyone could write a signature.
	return kty === 'RSA' && purpose && e === 'AQAB' && isModulus(n);
}

/** Whether it is the modulus of an RSA key that is long enough, and not so long that checking it is an attack. */
export function isModulus(n: unknown): boolean {
	if (typeof n !== 'string') return false;
	const hex = Buffer.from(n, 'base64url').toString('hex').replace(/^0+/, '');
	const bits = hex === '' ? 0 : hex.length * 4 - (Math.clz32(Number.parseInt(hex.slice(0, 1), 16)) - 28);
	return bits >= MIN_BITS && bits <= MAX_BITS;
}

function isOfIssuer({ issuer }: RawKey, ofIssuer: (issuer: string) => boolean): boolean {
	return issuer === undefined || (typeof issuer === 'string' && ofIssuer(issuer));
}

// Only the public numbers are handed on: `x5c`, `x5u` or a private part of the document are never looked at.
async function importKey({ n, e }: RawKey): Promise<CryptoKey | undefined> {
	try {
		return (await importJWK({ kty: 'RSA', n: n as string, e: e as string }, 'RS256')) as CryptoKey;
	} catch {
		return undefined;
	}
}
