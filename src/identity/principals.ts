import type { Snapshot, SnapshotSource } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createAskedGroups } from './graph/asked-groups.ts';
import type { HeldGroups, MemberGroups } from './graph/member-groups.ts';
import type { Principal } from './principal.ts';
import { createPrincipalOf } from './principal-of.ts';

/** Principals under the current snapshot. */
export interface Principals {
	/**
	 * Made once for each snapshot; a promise only where groups have to be looked up. Throws or rejects with
	 * PC_TOKEN_GROUPS_UNKNOWN or PC_GROUPS_UNAVAILABLE.
	 */
	of(claims: VerifiedClaims): Principal | Promise<Principal>;
	/**
	 * The same person now, by the claims they were made of and the groups that are known; `undefined` when those are
	 * unknown or refused by now.
	 */
	renew(principal: Principal): Principal | undefined;
}

/** What principals are made with. */
export interface PrincipalsOptions {
	readonly snapshots: SnapshotSource;
	/** Where groups are looked up that a token does not list; without it they stay unknown. */
	readonly memberGroups: MemberGroups | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
}

interface Built {
	readonly version: number;
	readonly held: HeldGroups | undefined;
	readonly principal: Principal;
}

/** Builds them; nothing is remembered longer than the claims themselves are. */
export function createPrincipals({ snapshots, memberGroups, now, steadyNow }: PrincipalsOptions): Principals {
	const principalOf = createPrincipalOf();
	const askedGroupsOf = createAskedGroups();
	const built = new WeakMap<VerifiedClaims, Built>();
	const claimsBehind = new WeakMap<Principal, VerifiedClaims>();

	function of(claims: VerifiedClaims): Principal | Promise<Principal> {
		const snapshot = snapshots.current();
		if (memberGroups === undefined || !isLookedUp(claims, snapshot)) return build(claims, snapshot, undefined);
		const held = memberGroups.look(claims);
		// Whatever changed while Graph was asked, the person is judged by what holds now.
		return held instanceof Promise ? held.then(() => of(claims)) : build(claims, snapshot, held);
	}

	const untilOf = ({ until }: HeldGroups): number => (now() + until - steadyNow()) / 1_000;

	function build(claims: VerifiedClaims, snapshot: Snapshot, held: HeldGroups | undefined): Principal {
		const known = built.get(claims);
		if (known?.version === snapshot.version && known.held === held) return known.principal;
		const principal = principalOf(held === undefined ? claims : withGroups(claims, held, untilOf(held)), snapshot);
		if (held !== undefined) requireSomething(principal, claims, snapshot);
		built.set(claims, { version: snapshot.version, held, principal });
		claimsBehind.set(principal, claims);
		return principal;
	}

	/** A rule that names a group by its name gives nothing here; whoever is left with nothing is told why. */
	function requireSomething({ grants, platformLevel }: Principal, { directory }: VerifiedClaims, at: Snapshot): void {
		if (grants.size > 0 || platformLevel !== undefined) return;
		const detail = 'the groups that grants name by their names cannot be looked up';
		if (askedGroupsOf(at.grantRules, directory).hasNames)
			throw new PortcullisError('PC_TOKEN_GROUPS_UNKNOWN', { detail });
	}

	function renewed(claims: VerifiedClaims): Principal | undefined {
		const snapshot = snapshots.current();
		if (memberGroups === undefined || !isLookedUp(claims, snapshot)) return build(claims, snapshot, undefined);
		const held = memberGroups.known(claims);
		return held && build(claims, snapshot, held);
	}

	return {
		of,
		renew(principal) {
			const claims = claimsBehind.get(principal);
			try {
				return claims && renewed(claims);
			} catch {
				return undefined;
			}
		},
	};
}

// An application has no groups, and a directory that nothing can be asked of keeps them unknown.
function isLookedUp({ groups, scopes, directory: id }: VerifiedClaims, { directories }: Snapshot): boolean {
	if (groups !== 'unknown' || scopes.length === 0) return false;
	return directories.find((directory) => directory.id === id)?.graph !== undefined;
}

// Who belongs to a group is known for a while, and so is what the person holds by it.
function withGroups(claims: VerifiedClaims, { ids }: HeldGroups, until: number): VerifiedClaims {
	return { ...claims, groups: [...ids], expiresAt: Math.min(claims.expiresAt, until) };
}
