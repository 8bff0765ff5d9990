import { type CryptoKey, compactVerify } from 'jose';
import type { AssertionEdge, EdgeAlgorithm } from '../../config/listeners.ts';
import type { PortcullisError } from '../../errors/portcullis-error.ts';
import { LEEWAY_S } from '../check-times.ts';
import { isKid } from '../parse-key-set.ts';
import { type CompactJws, parseCompact, type RawClaims } from '../parse-token.ts';
import { MAX_TOKEN_BYTES } from '../read-bearer.ts';
import { ASSERTION_HEADER } from './edge-headers.ts';
import type { EdgeKeys, KeyWanted } from './edge-keys.ts';
import { refusedProof } from './edge-refusal.ts';
import type { PresentedVia } from './header-edge.ts';
import { headerIn } from './person-headers.ts';
import type { Replays } from './replays.ts';
import type { Described } from './vouched-person.ts';

/** Longest life of an assertion, `exp` - `iat`, seconds. */
export const MAX_LIFE_S = 300;

/** What an assertion is verified with. */
export interface AssertionParts {
	readonly edge: AssertionEdge;
	readonly keys: EdgeKeys;
	readonly replays: Replays;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
}

/** Whom an assertion describes, and until when. */
export interface Asserted {
	readonly described: Described;
	/** `exp`, seconds since 1970. */
	readonly expiresAt: number;
}

/**
 * Verifies the assertion of a request; `undefined` when there is none. Form, signature and claims come before its id is
 * remembered, so that nobody without the key of the edge can fill the memory or use an id up. Rejects with
 * PC_EDGE_REFUSED, PC_EDGE_BUSY or PC_DIRECTORY_UNAVAILABLE.
 */
export async function readAssertion(parts: AssertionParts, presented: PresentedVia): Promise<Asserted | undefined> {
	const { edge, keys, replays, now } = parts;
	const text = headerIn(presented.rawHeaders, ASSERTION_HEADER) ?? '';
	if (text === '') return undefined;
	const { header, claims } = parse(text);
	const wanted = keyWanted(header, edge.algorithms);
	await checkSignature(text, wanted, await keys.candidates(wanted));
	if (claims['iss'] !== edge.issuer) throw refusedProof('iss is another edge');
	if (claims['aud'] !== edge.audience) throw refusedProof('aud is another application');
	const expiresAt = checkTimes(claims, now());
	checkRequest(claims, presented);
	const { jti, sub: oid, tid = NOT_SAID, name, preferred_username: username, groups, roles } = claims;
	if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_CHARS) throw refusedProof('jti is no short text');
	replays.take(JSON.stringify([edge.issuer, jti]), (expiresAt + LEEWAY_S) * 1_000);
	return { described: { oid, tid, names: [name, username], groups, roles }, expiresAt };
}

const MAX_JTI_CHARS = 128;

/** An assertion names its directory, even where there is but one. */
const NOT_SAID = null;

function parse(text: string): CompactJws {
	if (text.length > MAX_TOKEN_BYTES) throw refusedProof('the assertion is longer than 16 KiB');
	try {
		return parseCompact(text);
	} catch (error) {
		throw refusedProof(`the assertion is malformed: ${(error as PortcullisError).facts?.detail}`);
	}
}

function keyWanted({ alg, typ, kid, crit, b64 }: RawClaims, algorithms: readonly EdgeAlgorithm[]): KeyWanted {
	const found = algorithms.find((each) => each === alg);
	if (found === undefined) throw refusedProof('alg is none of the listed algorithms');
	if (typ !== undefined && !(typeof typ === 'string' && /^jwt$/i.test(typ))) throw refusedProof('typ is not JWT');
	if (crit !== undefined || b64 !== undefined) throw refusedProof('crit and b64 are not supported');
	if (kid !== undefined && !isKid(kid)) throw refusedProof('kid is no short text');
	return { alg: found, kid };
}

async function checkSignature(text: string, { alg }: KeyWanted, keys: readonly CryptoKey[]): Promise<void> {
	for (const key of keys) {
		const isSigned = await compactVerify(text, key, { algorithms: [alg] }).then(
			() => true,
			() => false,
		);
		if (isSigned) return;
	}
	throw refusedProof(keys.length === 0 ? 'kid is no key of the edge' : 'the signature does not fit the key');
}

function checkTimes(claims: RawClaims, nowMs: number): number {
	const iat = secondsOf(claims, 'iat');
	const exp = secondsOf(claims, 'exp');
	const nbf = claims['nbf'] === undefined ? iat : secondsOf(claims, 'nbf');
	if (exp <= iat || exp - iat > MAX_LIFE_S) throw refusedProof(`exp is not within ${MAX_LIFE_S} seconds after iat`);
	if (nowMs >= (exp + LEEWAY_S) * 1_000) throw refusedProof('exp has passed');
	if (nowMs < (Math.max(iat, nbf) - LEEWAY_S) * 1_000) throw refusedProof('iat or nbf is to come');
	return exp;
}

function secondsOf(claims: RawClaims, name: 'exp' | 'iat' | 'nbf'): number {
	const value = claims[name];
	if (!Number.isSafeInteger(value)) throw refusedProof(`${name} is not whole seconds`);
	return value as number;
}

// As in RFC 9449 §4.2, and as optional as the edge wants. The host may be a name of its own before the edge, so of the
// address only the path is compared; that it is for us is said by `aud`.
function checkRequest({ htm, htu }: RawClaims, { via }: PresentedVia): void {
	if (htm !== undefined && htm !== via.method) throw refusedProof('htm is another method');
	if (htu === undefined) return;
	const path = typeof htu === 'string' ? /^https?:\/\/[^/?#]+(\/[^?#]*)$/i.exec(htu)?.[1] : undefined;
	if (path !== via.target.split('?', 1)[0]) throw refusedProof('htu is another address');
}
