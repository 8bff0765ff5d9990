import { PortcullisError } from '../errors/portcullis-error.ts';
import { findJsonFault } from '../lib/json-strict.ts';

/** Members of a token's claims object, not yet believed or checked. */
export type RawClaims = Readonly<Record<string, unknown>>;

/** A token whose form is right; nothing about it has been verified. */
export interface ParsedToken {
	/** Id of the key that is said to have signed it, 1–256 characters. */
	readonly kid: string;
	readonly claims: RawClaims;
}

/** Longest key id in a token or a key set, characters. */
export const MAX_KID_CHARS = 256;

const JSON_BOUNDS = { depth: 16, nodes: 20_000 };
const TYPES = /^(?:application\/)?(?:jwt|at\+jwt)$/i;

const malformed = (detail: string): PortcullisError => new PortcullisError('PC_TOKEN_MALFORMED', { detail });

/**
 * Takes a compact JWS apart without a key and without I/O, so that a token of another kind costs neither. Throws
 * PC_TOKEN_MALFORMED; the header's `jku`, `x5u`, `jwk` and `x5c` are never read (RFC 8725 §3.10).
 */
export function parseToken(token: string): ParsedToken {
	const { header, claims } = parseCompact(token);
	return { kid: checkHeader(header), claims };
}

/** The two objects of a compact JWS (RFC 7515 §7.1); neither has been looked at. */
export interface CompactJws {
	readonly header: RawClaims;
	readonly claims: RawClaims;
}

/** Takes a compact JWS of any algorithm apart. Throws PC_TOKEN_MALFORMED. */
export function parseCompact(token: string): CompactJws {
	// A JWE has five parts, a JSON serialisation none.
	const [header, payload, signature, ...rest] = token.split('.', 4);
	if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) {
		throw malformed('not three parts');
	}
	const parsed = { header: readObject(header), claims: readObject(payload) };
	decode(signature);
	return parsed;
}

function checkHeader(header: RawClaims): string {
	const { alg, typ, kid } = header;
	// One literal: neither `none`, nor an HMAC with our public key as its secret, can pass (RFC 8725 §3.1).
	if (alg !== 'RS256') throw malformed('alg is not RS256');
	if (typ !== undefined && !(typeof typ === 'string' && TYPES.test(typ))) throw malformed('typ is not JWT or at+jwt');
	if (Object.hasOwn(header, 'crit')) throw malformed('crit is not supported');
	if (Object.hasOwn(header, 'b64')) throw malformed('b64 is not supported');
	if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARS) throw malformed('kid is not a short text');
	return kid;
}

/** The JSON object in one part of a token; throws PC_TOKEN_MALFORMED. */
export function readObject(part: string): RawClaims {
	const value = parseJson(decode(part));
	if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not a JSON object');
	return value as RawClaims;
}

function parseJson(bytes: Buffer): unknown {
	let text: string;
	let value: unknown;
	try {
		text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
		value = JSON.parse(text);
	} catch {
		// The parser's message quotes the text, so it is not kept as a cause.
		throw malformed('not JSON in UTF-8');
	}
	if (findJsonFault(text, JSON_BOUNDS) !== undefined) throw malformed('ambiguous or too deep JSON');
	return value;
}

/**
 * The bytes of one part of a token; throws PC_TOKEN_MALFORMED. Node reads base64url generously; only the one canonical
 * spelling is taken, so a token has one form (RFC 7515 §2).
 */
export function decode(part: string): Buffer {
	const bytes = Buffer.from(part, 'base64url');
	if (part === '' || bytes.toString('base64url') !== part) throw malformed('not canonical base64url');
	return bytes;
}
