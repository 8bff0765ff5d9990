import { LRUCache } from 'lru-cache';
import type { Directory, SnapshotSource } from '../config/snapshot.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import type { VerifiedClaims } from './check-claims.ts';
import type { Grant, Principal } from './principal.ts';
import type { Principals } from './principals.ts';

/** What somebody holds in one workspace, and the rules that gave it. */
export interface Standing extends Pick<Grant, 'level' | 'rules'> {
	/** Until when that is known, milliseconds since 1970. */
	readonly until: number;
}

/**
 * What people hold of whom no token says anything: by membership and, where their directory can be asked, by the groups
 * that grants name by their ids. App roles are in tokens alone.
 */
export interface People {
	/**
	 * `undefined`: nothing, or their directory is none of ours any more. At once where it is known; rejects with
	 * PC_GROUPS_UNAVAILABLE.
	 */
	standingOf(person: Identity, workspace: string): Standing | undefined | Promise<Standing | undefined>;
	/** The same by what is known already; nobody is asked. */
	knownStandingOf(person: Identity, workspace: string): Standing | undefined;
}

/** What people are known by. */
export interface PeopleOptions {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	readonly principals: Principals;
	/** Whether directories can be asked for groups at all. */
	readonly asksDirectories: boolean;
}

interface Known {
	readonly claims: VerifiedClaims;
	/** The same where groups cannot be known. */
	readonly withoutGroups: VerifiedClaims;
	principal: Principal | undefined;
}

const MOST_PEOPLE = 20_000;

/** Builds it over the same principals that tokens make, so that rules mean the same for everybody. */
export function createPeople({ snapshots, principals, asksDirectories }: PeopleOptions): People {
	const people = new LRUCache<string, Known>({ max: MOST_PEOPLE });

	function knownOf(person: Identity): Known | undefined {
		const { directories } = snapshots.current();
		const directory = directories.find(({ issuer, tenantId }) => issuer === person.issuer && tenantId === person.tid);
		if (directory === undefined) return undefined;
		const isAsked = asksDirectories && directory.graph !== undefined;
		const key = JSON.stringify([directory.id, isAsked, principalKey(person)]);
		const known = people.get(key) ?? begin(claimsOf(person, directory, isAsked));
		people.set(key, known);
		return known;
	}

	function keep(known: Known, principal: Principal): Principal {
		known.principal = principal;
		return principal;
	}

	// Groups that cannot be known take nothing from who is named as a member.
	function withoutGroups(known: Known, error: unknown): Principal | Promise<Principal> {
		if (errorCode(error) !== 'PC_TOKEN_GROUPS_UNKNOWN') throw error;
		const principal = principals.of(known.withoutGroups);
		return principal instanceof Promise ? principal : keep(known, principal);
	}

	function principalOf(known: Known): Principal | Promise<Principal> {
		try {
			const principal = principals.of(known.claims);
			if (!(principal instanceof Promise)) return keep(known, principal);
			return principal.catch((error: unknown) => withoutGroups(known, error)).then((found) => keep(known, found));
		} catch (error) {
			return withoutGroups(known, error);
		}
	}

	return {
		standingOf(person, workspace) {
			const known = knownOf(person);
			const principal = known && principalOf(known);
			if (principal instanceof Promise) return principal.then((found) => standingIn(found, workspace));
			return principal && standingIn(principal, workspace);
		},
		knownStandingOf(person, workspace) {
			const principal = knownOf(person)?.principal;
			const renewed = principal && principals.renew(principal);
			return renewed && standingIn(renewed, workspace);
		},
	};
}

function begin(claims: VerifiedClaims): Known {
	return { claims, withoutGroups: { ...claims, groups: [] }, principal: undefined };
}

function standingIn({ grants, expiresAt }: Principal, workspace: string): Standing | undefined {
	const grant = grants.get(workspace);
	return grant && { level: grant.level, rules: grant.rules, until: expiresAt };
}

// A scope, because groups are for people and this is one.
function claimsOf({ issuer, tid, oid }: Identity, directory: Directory, isAsked: boolean): VerifiedClaims {
	const known = { directory: directory.id, issuer, tid, oid, name: oid };
	const groups = isAsked ? 'unknown' : [];
	return { ...known, groups, roles: [], scopes: ['person'], expiresAt: Number.POSITIVE_INFINITY };
}
