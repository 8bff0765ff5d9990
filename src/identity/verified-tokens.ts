import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { errorCode } from '../errors/portcullis-error.ts';
import type { VerifiedClaims } from './check-claims.ts';
import type { Attempts } from './failed-attempts.ts';
import type { VerifyToken } from './verify-token.ts';

/** Bounds of the memory of verified tokens. */
const MAX_TOKENS = 20_000;
const MAX_TOKEN_CHARS = 64 * 1024 * 1024;
/** How long a verification is believed; also the time in which a removed key or a revocation takes effect. */
const BELIEVED_MS = 60_000;

/** Verification and the two clocks, milliseconds. */
export interface VerifiedTokensOptions {
	readonly verify: VerifyToken;
	/** Wall clock, since 1970. */
	readonly now: () => number;
	/** A clock that never runs backwards, so that setting the wall clock back prolongs nothing. */
	readonly steadyNow: () => number;
}

/**
 * Claims of a token: at once when it was verified less than a minute ago. Rejects as verification does; throws what
 * `attempts` throw where it would have to be verified anew.
 */
export type ClaimsOf = (token: string, attempts?: Attempts) => VerifiedClaims | Promise<VerifiedClaims>;

interface Entry {
	readonly claims: VerifiedClaims;
	readonly verifiedAt: number;
}

/**
 * Remembers verified tokens by their SHA-256, so that no bearer token lies in the heap between calls. An entry is
 * believed for a minute and never after `exp`; calls with the same token share one verification. Refusals are not
 * remembered.
 */
export function createVerifiedTokens({ verify, now, steadyNow }: VerifiedTokensOptions): ClaimsOf {
	const entries = new LRUCache<string, Entry>({ max: MAX_TOKENS, maxSize: MAX_TOKEN_CHARS });
	const inFlight = new Map<string, Promise<VerifiedClaims>>();

	const isBelieved = ({ claims, verifiedAt }: Entry): boolean =>
		steadyNow() - verifiedAt < BELIEVED_MS && now() < claims.expiresAt * 1000;

	async function verifyOnce(digest: string, token: string): Promise<VerifiedClaims> {
		try {
			const verifiedAt = steadyNow();
			const claims = await verify(token);
			entries.set(digest, { claims, verifiedAt }, { size: token.length });
			return claims;
		} finally {
			inFlight.delete(digest);
		}
	}

	return (token, attempts) => {
		const digest = hash('sha256', token, 'base64');
		const entry = entries.get(digest);
		if (entry !== undefined && isBelieved(entry)) return entry.claims;
		const shared = inFlight.get(digest);
		if (shared !== undefined) return shared;
		attempts?.begin();
		const verification = verifyOnce(digest, token);
		inFlight.set(digest, verification);
		if (attempts !== undefined) tellEnd(verification, attempts);
		return verification;
	};
}

// A directory whose keys cannot be read says nothing about the token.
function tellEnd(verification: Promise<VerifiedClaims>, attempts: Attempts): void {
	verification.then(
		() => attempts.end('passed'),
		(error: unknown) => attempts.end(errorCode(error)?.startsWith('PC_TOKEN_') ? 'failed' : 'passed'),
	);
}
