import type { Directory } from '../config/snapshot.ts';
import type { IssuerForm } from './issuer-forms.ts';
import type { RawClaims } from './parse-token.ts';
import { refuseToken, whatToAskFor } from './refuse-token.ts';
import { isId } from './text-claims.ts';

/** Audiences of Microsoft Graph and of the Graph before it, in all clouds, without a slash at the end. */
const GRAPHS: ReadonlySet<unknown> = new Set([
	...['00000003-0000-0000-c000-000000000000', '00000002-0000-0000-c000-000000000000'],
	...['https://graph.microsoft.com', 'https://graph.microsoft.us', 'https://dod-graph.microsoft.us'],
	...['https://microsoftgraph.chinacloudapi.cn', 'https://graph.windows.net'],
]);

/**
 * Refuses a token for Microsoft Graph, whichever issuer it has: nobody but Graph can check it, and it is what clients hold
 * that asked for no scope of ours. Throws PC_TOKEN_GRAPH.
 */
export function checkNotForGraph({ aud, tid }: RawClaims, directories: readonly Directory[]): void {
	const sole = soleIn(aud);
	if (typeof sole !== 'string' || !GRAPHS.has(sole.replace(/\/$/, ''))) return;
	const own = directories.filter(({ tenantId }) => tenantId === tid);
	throw refuseToken('PC_TOKEN_GRAPH', 'aud is Microsoft Graph', whatToAskFor(own.length > 0 ? own : directories));
}

/**
 * Whether a token is meant for us, before its key is looked for: a token for another application is named as what it is,
 * and costs no key fetch. Throws PC_TOKEN_IDENTITY, PC_TOKEN_ISSUER, PC_TOKEN_AUDIENCE or PC_TOKEN_KIND; `iss` has
 * already chosen the directory and the form.
 */
export function checkAddressee(claims: RawClaims, { directory, version }: IssuerForm): void {
	const { tid, ver } = claims;
	if (!isId(tid)) throw refuseToken('PC_TOKEN_IDENTITY', 'tid is absent or not a short text');
	// All Entra tenants share their keys: a valid signature does not say which tenant spoke.
	if (tid !== directory.tenantId) throw refuseToken('PC_TOKEN_ISSUER', 'tid is not the tenant of iss');
	if (version !== undefined && ver !== version) throw refuseToken('PC_TOKEN_ISSUER', 'ver is not the version of iss');
	if (directory.audiences.includes(soleAudience(claims, directory))) return;
	if (isIdToken(claims)) throw refuseToken('PC_TOKEN_KIND', 'an ID token of a client', whatToAskFor([directory]));
	throw refuseToken('PC_TOKEN_AUDIENCE', 'aud is another application', whatToAskFor([directory]));
}

// An array with a second audience is a token that another application may replay here.
function soleAudience({ aud }: RawClaims, directory: Directory): string {
	const sole = soleIn(aud);
	if (typeof sole === 'string') return sole;
	throw refuseToken('PC_TOKEN_AUDIENCE', 'aud is not one text', whatToAskFor([directory]));
}

function soleIn(aud: unknown): unknown {
	return Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
}

// OpenID Connect Core §2, §3.3.2.11: claims that bind an ID token to a sign-in, which access tokens do not have.
function isIdToken({ scp, nonce, at_hash: tokenHash, c_hash: codeHash }: RawClaims): boolean {
	return scp === undefined && [nonce, tokenHash, codeHash].some((claim) => claim !== undefined);
}
