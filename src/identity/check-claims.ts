import type { Directory } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ErrorCode } from '../errors/table.ts';
import type { RawClaims } from './parse-token.ts';

/** What a verified access token says about its principal. */
export interface VerifiedClaims {
	/** Id of the directory whose key signed it. */
	readonly directory: string;
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

/** How far the clocks of a directory and of this host may differ, seconds. */
export const LEEWAY_S = 60;

const MAX_ENTRIES = 10_000;
const MAX_ID_CHARS = 128;
const MAX_NAME_CHARS = 256;

const refusal = (code: ErrorCode, detail: string): PortcullisError => new PortcullisError(code, { detail });

/**
 * Whether a token is meant for us, before its key is looked for: a token for another application (Microsoft Graph's
 * cannot be verified by anyone else) is named as what it is, and costs no key fetch. Throws PC_TOKEN_IDENTITY,
 * PC_TOKEN_ISSUER or PC_TOKEN_AUDIENCE; `iss` has already chosen the directory.
 */
export function checkAddressee(claims: RawClaims, directory: Directory): void {
	const { tid } = claims;
	if (!isId(tid)) throw refusal('PC_TOKEN_IDENTITY', 'tid is absent or not a short text');
	// All Entra tenants share their keys: a valid signature does not say which tenant spoke.
	if (tid !== directory.tenantId) throw refusal('PC_TOKEN_ISSUER', 'tid is not the tenant of iss');
	if (!directory.audiences.includes(soleAudience(claims)))
		throw refusal('PC_TOKEN_AUDIENCE', 'aud is another application');
}

/**
 * Checks the claims of a token whose signature and addressee are right, one rule and one refusal each. Throws one of
 * PC_TOKEN_MALFORMED, PC_TOKEN_EXPIRED, PC_TOKEN_NOT_YET_VALID, PC_TOKEN_IDENTITY, PC_TOKEN_KIND.
 */
export function checkClaims(claims: RawClaims, directory: Directory, nowMs: number): VerifiedClaims {
	const expiresAt = checkTimes(claims, nowMs);
	const { oid } = claims;
	if (!isId(oid)) throw refusal('PC_TOKEN_IDENTITY', 'oid is absent or not a short text');
	const scopes = scopesOf(claims);
	const roles = textsOf(claims, 'roles');
	checkKind(claims, scopes, roles);
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

function isId(value: unknown): value is string {
	return typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARS;
}

// An array with a second audience is a token that another application may replay here.
function soleAudience({ aud }: RawClaims): string {
	const sole: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
	if (typeof sole !== 'string') throw refusal('PC_TOKEN_AUDIENCE', 'aud is not one text');
	return sole;
}

// The leeway ends where it is reached, so a token is refused from exp + 60 s on (RFC 7519 §4.1.4 "on or after").
function checkTimes(claims: RawClaims, nowMs: number): number {
	const exp = secondsOf(claims, 'exp');
	const nbf = secondsOf(claims, 'nbf');
	const iat = secondsOf(claims, 'iat');
	if (exp === undefined) throw refusal('PC_TOKEN_MALFORMED', 'exp is absent');
	if (nowMs >= (exp + LEEWAY_S) * 1000) throw refusal('PC_TOKEN_EXPIRED', 'exp has passed');
	if (nbf !== undefined && nowMs < (nbf - LEEWAY_S) * 1000) throw refusal('PC_TOKEN_NOT_YET_VALID', 'nbf is to come');
	if (iat !== undefined && nowMs < (iat - LEEWAY_S) * 1000) throw refusal('PC_TOKEN_NOT_YET_VALID', 'iat is to come');
	return exp;
}

function secondsOf(claims: RawClaims, name: 'exp' | 'nbf' | 'iat'): number | undefined {
	const value = claims[name];
	if (value === undefined) return undefined;
	// Whole seconds within 2^53: 1e99 and Infinity (spelled 1e999) would make a token that lives for ever.
	if (!Number.isSafeInteger(value)) throw refusal('PC_TOKEN_MALFORMED', `${name} is not whole seconds`);
	return value as number;
}

function scopesOf({ scp }: RawClaims): readonly string[] {
	if (scp === undefined) return [];
	if (typeof scp !== 'string') throw refusal('PC_TOKEN_MALFORMED', 'scp is not a text');
	return scp.split(' ').filter((scope) => scope !== '');
}

/**
 * A delegated token names scopes; an app-only one names app roles. An ID token can carry roles and, where client and
 * gateway share one app registration, even our audience: without a scope, whatever marks a person makes it an ID token.
 */
function checkKind(claims: RawClaims, scopes: readonly string[], roles: readonly string[]): void {
	if (scopes.length > 0) return;
	if (roles.length === 0) throw refusal('PC_TOKEN_KIND', 'neither scp nor roles');
	if (claims['nonce'] !== undefined) throw refusal('PC_TOKEN_KIND', 'an ID token: nonce without scp');
	if (claims['idtyp'] === 'app') return;
	if (claims['idtyp'] !== undefined) throw refusal('PC_TOKEN_KIND', 'idtyp is not app, without scp');
	// Entra gives a service principal the same sub and oid; a person's sub differs for each application.
	if (claims['sub'] !== undefined && claims['sub'] !== claims['oid']) {
		throw refusal('PC_TOKEN_KIND', 'sub of a person, without scp');
	}
}

// The address in `_claim_sources` is never called: it would let a token choose where we connect.
function groupsOf(claims: RawClaims): readonly string[] | 'unknown' {
	const { groups, hasgroups, _claim_names: names } = claims;
	if (groups !== undefined) return textsOf(claims, 'groups');
	if (hasgroups !== undefined && hasgroups !== false) return 'unknown';
	if (names === undefined) return [];
	const readable = typeof names === 'object' && names !== null && !Array.isArray(names);
	return readable && !Object.hasOwn(names, 'groups') ? [] : 'unknown';
}

function textsOf(claims: RawClaims, name: 'groups' | 'roles'): readonly string[] {
	const value = claims[name] === undefined ? [] : claims[name];
	if (!Array.isArray(value) || value.length > MAX_ENTRIES || !value.every((entry) => typeof entry === 'string')) {
		throw refusal('PC_TOKEN_MALFORMED', `${name} is not a list of texts`);
	}
	return value;
}

/**
 * A name for display: the first of the candidates that is a text, else the `oid`. Directories let people write what they
 * like here; control characters would forge log and terminal lines.
 */
export function displayName(candidates: readonly unknown[], oid: string): string {
	const chosen = candidates.find((text) => typeof text === 'string' && text.trim() !== '') as string | undefined;
	const characters = (chosen ?? oid).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ').trim();
	return [...characters].slice(0, MAX_NAME_CHARS).join('');
}
