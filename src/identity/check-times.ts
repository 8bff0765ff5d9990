import type { RawClaims } from './parse-token.ts';
import { refuseToken } from './refuse-token.ts';

/** How far the clocks of a directory and of this host may differ, seconds. */
export const LEEWAY_S = 60;

/**
 * Checks when a token holds; returns `exp`, seconds since 1970. The leeway ends where it is reached, so a token is refused
 * from exp + 60 s on (RFC 7519 §4.1.4 "on or after"). Throws PC_TOKEN_MALFORMED, PC_TOKEN_EXPIRED, PC_TOKEN_NOT_YET_VALID.
 */
export function checkTimes(claims: RawClaims, nowMs: number): number {
	const exp = secondsOf(claims, 'exp');
	const nbf = secondsOf(claims, 'nbf');
	const iat = secondsOf(claims, 'iat');
	if (exp === undefined) throw refuseToken('PC_TOKEN_MALFORMED', 'exp is absent');
	if (nowMs >= (exp + LEEWAY_S) * 1000) throw refuseToken('PC_TOKEN_EXPIRED', 'exp has passed');
	if (nbf !== undefined && nowMs < (nbf - LEEWAY_S) * 1000)
		throw refuseToken('PC_TOKEN_NOT_YET_VALID', 'nbf is to come');
	if (iat !== undefined && nowMs < (iat - LEEWAY_S) * 1000)
		throw refuseToken('PC_TOKEN_NOT_YET_VALID', 'iat is to come');
	return exp;
}

function secondsOf(claims: RawClaims, name: 'exp' | 'nbf' | 'iat'): number | undefined {
	const value = claims[name];
	if (value === undefined) return undefined;
	// Whole seconds within 2^53: 1e99 and Infinity (spelled 1e999) would make a token that lives for ever.
	if (!Number.isSafeInteger(value)) throw refuseToken('PC_TOKEN_MALFORMED', `${name} is not whole seconds`);
	return value as number;
}
