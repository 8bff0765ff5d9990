import type { AccessLevel } from '../config/snapshot.ts';
import type { Grant, Principal } from '../identity/principal.ts';
import type { Identity } from '../lib/principal-key.ts';

/**
 * Who asks the management API: somebody with a token, or the operator, whose command line runs on the gateway's own
 * store. Nothing that comes over the network is ever the operator.
 */
export type Caller =
	| { readonly kind: 'principal'; readonly principal: Principal }
	| { readonly kind: 'operator'; readonly principal?: undefined };

/** The identity of the operator in records; no token can have it, for issuers are URLs. */
export const OPERATOR_IDENTITY: Identity = Object.freeze({ issuer: 'operator', tid: 'local', oid: 'operator' });

/** Who the caller is, for records. */
export function identityOf({ principal }: Caller): Identity {
	if (principal === undefined) return OPERATOR_IDENTITY;
	const { issuer, tid, oid } = principal;
	return { issuer, tid, oid };
}

/** One text for the caller, as the store takes it for an actor: a principal key, or `operator`. */
export function actorOf({ principal }: Caller): string {
	return principal?.key ?? 'operator';
}

/** What somebody holds in a workspace, and the rules that gave it. */
export interface Standing {
	readonly level: AccessLevel;
	readonly rules: readonly string[];
}

/** Strongest level that the caller holds everywhere: `admin` is the platform administrator. */
export function platformLevelOf({ principal }: Caller): AccessLevel | undefined {
	return principal === undefined ? 'admin' : principal.platformLevel;
}

/** What the caller holds in a workspace; platform administrators hold `admin` in each, also in one that is new. */
export function standingIn(workspace: string, caller: Caller): Standing | undefined {
	const granted = caller.principal?.grants.get(workspace);
	if (platformLevelOf(caller) === 'admin') return { level: 'admin', rules: granted?.rules ?? [] };
	return granted && withinServers(granted);
}

/** Whether the caller administrates a workspace, whichever. */
export function isAdministrator(caller: Caller): boolean {
	if (platformLevelOf(caller) === 'admin') return true;
	return [...(caller.principal?.grants.values() ?? [])].some((grant) => withinServers(grant).level === 'admin');
}

// What is for some servers of a workspace administers none of it.
function withinServers({ level, rules, servers }: Grant): Standing {
	return { level: servers !== undefined && level === 'admin' ? 'write' : level, rules };
}
