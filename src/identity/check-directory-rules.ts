import type { Directory } from '../config/snapshot.ts';
import type { RawClaims } from './parse-token.ts';
import { refuseToken, whatToAskFor } from './refuse-token.ts';

/**
 * What the operator narrowed a directory to: client applications, scopes, guests. Throws PC_TOKEN_CLIENT, PC_TOKEN_SCOPE
 * or PC_TOKEN_GUEST.
 */
export function checkDirectoryRules(claims: RawClaims, scopes: readonly string[], directory: Directory): void {
	checkClient(claims, directory);
	checkScopes(scopes, directory);
	refuseGuest(claims, directory);
}

/** Refuses people whose home is another directory, where the operator wants none. Throws PC_TOKEN_GUEST. */
export function refuseGuest(claims: RawClaims, directory: Directory): void {
	const isRefusedGuest = directory.guests === 'deny' && isGuest(claims, directory);
	if (isRefusedGuest) throw refuseToken('PC_TOKEN_GUEST', 'a guest, by acct or idp');
}

// Version 1 tokens say appid, version 2 ones azp; one that says both says the same.
function checkClient({ azp, appid }: RawClaims, { clientApps }: Directory): void {
	if (clientApps === undefined) return;
	const named = [azp, appid].filter((client) => client !== undefined);
	const isAccepted = named.length > 0 && named.every((client) => clientApps.includes(client as string));
	if (!isAccepted) throw refuseToken('PC_TOKEN_CLIENT', 'azp or appid is no accepted application');
}

// App-only tokens have no scopes, and are judged by their roles alone.
function checkScopes(scopes: readonly string[], directory: Directory): void {
	if (directory.scopes === undefined || scopes.length === 0) return;
	if (directory.scopes.map(writtenInToken).some((scope) => scopes.includes(scope))) return;
	throw refuseToken('PC_TOKEN_SCOPE', 'scp has none of the scopes', whatToAskFor([directory]));
}

// Clients ask for `api://gateway/mcp.access`, and Entra writes `mcp.access`.
function writtenInToken(scope: string): string {
	return scope.slice(scope.lastIndexOf('/') + 1);
}

/**
 * Whether the home of a person is another directory: `acct` says so, or `idp` names who vouched for them. Entra names its
 * own tenants there by their version 1 issuer, whatever version the token has.
 */
function isGuest({ acct, idp }: RawClaims, { issuer, v1Issuer, tenantId }: Directory): boolean {
	if (acct === 1 || acct === '1') return true;
	if (idp === undefined || idp === issuer || idp === v1Issuer) return false;
	return typeof idp !== 'string' || !idp.startsWith('https://sts.') || idp.split('/')[3] !== tenantId;
}
