import type { Directory } from '../config/snapshot.ts';
import { checkDirectoryRules } from './check-directory-rules.ts';
import { checkKind } from './check-kind.ts';
import { checkTimes } from './check-times.ts';
import { groupsOf } from './groups-claim.ts';
import type { RawClaims } from './parse-token.ts';
import { refuseToken } from './refuse-token.ts';
import { displayName, isId, scopesOf, textsOf } from './text-claims.ts';

/** What a verified access token says about its principal. */
export interface VerifiedClaims {
	/** Id of the directory whose key signed it. */
	readonly directory: string;
	/** Of the directory; the same for every form of its tokens. */
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
	/** For display only. */
	readonly name: string;
	/** `unknown`: the token says that the list was too long to include, which is not the same as an empty one. */
	readonly groups: readonly string[] | 'unknown';
	readonly roles: readonly string[];
	/** Empty for an app-only token. */
	readonly scopes: readonly string[];
	/** `exp`, seconds since 1970; the token is accepted until `LEEWAY_S` later. */
	readonly expiresAt: number;
	/** What vouched for it where that was no token of the caller: becomes `Principal.vouchedBy`. */
	readonly vouchedBy?: string;
}

/**
 * Checks the claims of a token whose signature and addressee are right. Throws one of PC_TOKEN_MALFORMED, PC_TOKEN_EXPIRED,
 * PC_TOKEN_NOT_YET_VALID, PC_TOKEN_IDENTITY, PC_TOKEN_KIND, PC_TOKEN_CLIENT, PC_TOKEN_SCOPE, PC_TOKEN_GUEST.
 */
export function checkClaims(claims: RawClaims, directory: Directory, nowMs: number): VerifiedClaims {
	const expiresAt = checkTimes(claims, nowMs);
	const { oid } = claims;
	if (!isId(oid)) throw refuseToken('PC_TOKEN_IDENTITY', 'oid is absent or not a short text');
	const scopes = scopesOf(claims);
	const roles = textsOf(claims, 'roles');
	checkKind(claims, { scopes, roles });
	checkDirectoryRules(claims, scopes, directory);
	return {
		directory: directory.id,
		issuer: directory.issuer,
		tid: directory.tenantId,
		oid,
		name: displayName([claims['name'], claims['preferred_username']], oid),
		groups: groupsOf(claims),
		roles,
		scopes,
		expiresAt,
	};
}
