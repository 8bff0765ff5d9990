import type { RawClaims } from './parse-token.ts';
import { refuseToken } from './refuse-token.ts';

/** What a token is for. */
export interface Rights {
	/** Empty for an app-only token. */
	readonly scopes: readonly string[];
	readonly roles: readonly string[];
}

/**
 * A delegated token names scopes; an app-only one names app roles. An ID token can carry roles and, where client and
 * gateway share one app registration, even our audience: without a scope, whatever marks a person makes it an ID token.
 * Throws PC_TOKEN_KIND.
 */
export function checkKind(claims: RawClaims, { scopes, roles }: Rights): void {
	const { idtyp, nonce, sub, oid } = claims;
	if (scopes.length > 0) {
		if (idtyp === 'app') throw refuseToken('PC_TOKEN_KIND', 'idtyp is app, with scp');
		return;
	}
	if (roles.length === 0) throw refuseToken('PC_TOKEN_KIND', 'neither scp nor roles');
	if (nonce !== undefined) throw refuseToken('PC_TOKEN_KIND', 'an ID token: nonce without scp');
	if (idtyp === 'app') return;
	if (idtyp !== undefined) throw refuseToken('PC_TOKEN_KIND', 'idtyp is not app, without scp');
	// Entra gives a service principal the same sub and oid; a person's sub differs for each application.
	if (sub !== undefined && sub !== oid) throw refuseToken('PC_TOKEN_KIND', 'sub of a person, without scp');
}
