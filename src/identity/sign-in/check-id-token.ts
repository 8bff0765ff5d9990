import { timingSafeEqual } from 'node:crypto';
import type { VerifiedClaims } from '../check-claims.ts';
import { refuseGuest } from '../check-directory-rules.ts';
import { checkTimes } from '../check-times.ts';
import { groupsOf } from '../groups-claim.ts';
import { parseToken, type RawClaims } from '../parse-token.ts';
import { refuseToken } from '../refuse-token.ts';
import { displayName, isId, textsOf } from '../text-claims.ts';
import type { SignInDirectory } from './sign-in-directory.ts';

/** What an ID token must answer. */
export interface Expected {
	readonly directory: SignInDirectory;
	/** What the sign-in was begun with. */
	readonly nonce: string;
	readonly nowMs: number;
}

/**
 * Who an ID token speaks of, as the same identity that access tokens of the directory have. Its signature has been checked.
 * Throws one of PC_TOKEN_ISSUER, PC_TOKEN_AUDIENCE, PC_TOKEN_KIND, PC_TOKEN_IDENTITY, PC_TOKEN_MALFORMED, PC_TOKEN_EXPIRED,
 * PC_TOKEN_NOT_YET_VALID, PC_TOKEN_GUEST, PC_SIGN_IN_FAILED (OpenID Connect Core §3.1.3.7).
 */
export function checkIdToken(token: string, { directory, nonce, nowMs }: Expected): VerifiedClaims {
	const { claims } = parseToken(token);
	checkParties(claims, directory);
	const expiresAt = checkTimes(claims, nowMs);
	checkNonce(claims, nonce);
	const { oid } = claims;
	if (!isId(oid)) throw refuseToken('PC_TOKEN_IDENTITY', 'oid is absent or not a short text');
	refuseGuest(claims, directory);
	return {
		directory: directory.id,
		issuer: directory.issuer,
		tid: directory.tenantId,
		oid,
		name: displayName([claims['name'], claims['preferred_username']], oid),
		groups: groupsOf(claims),
		roles: textsOf(claims, 'roles'),
		// Groups are for people, and a scope is what tells a person from an application.
		scopes: ['person'],
		expiresAt,
		vouchedBy: 'sign-in',
	};
}

function checkParties(claims: RawClaims, { issuer, tenantId, signIn }: SignInDirectory): void {
	const { iss, tid, aud, azp, scp, idtyp, ver } = claims;
	const expected = signIn.idTokenIssuer ?? issuer;
	if (iss !== expected) throw refuseToken('PC_TOKEN_ISSUER', 'iss is not the issuer of ID tokens');
	// All Entra tenants share their keys: a valid signature does not say which tenant spoke.
	if (tid !== tenantId) throw refuseToken('PC_TOKEN_ISSUER', 'tid is not the tenant of the directory');
	if (expected.endsWith('/v2.0') && ver !== '2.0') throw refuseToken('PC_TOKEN_ISSUER', 'ver is not 2.0');
	const sole = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
	if (sole !== signIn.clientId) throw refuseToken('PC_TOKEN_AUDIENCE', 'aud is not the web client');
	if (azp !== undefined && azp !== signIn.clientId) throw refuseToken('PC_TOKEN_CLIENT', 'azp is not the web client');
	// Where client and gateway share one registration, an access token has this audience too.
	if (scp !== undefined || idtyp !== undefined) throw refuseToken('PC_TOKEN_KIND', 'not an ID token: scp or idtyp');
}

function checkNonce({ nonce }: RawClaims, expected: string): void {
	const [given, wanted] = [Buffer.from(typeof nonce === 'string' ? nonce : ''), Buffer.from(expected)];
	const isSame = given.length === wanted.length && timingSafeEqual(given, wanted);
	if (!isSame) throw refuseToken('PC_SIGN_IN_FAILED', 'nonce is of another sign-in');
}
