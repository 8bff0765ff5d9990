import type { Snapshot, SnapshotSource } from '../config/snapshot.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Principal } from '../identity/principal.ts';

/** Whether anything that the principal can reach, or that holds for everybody, is another now than it was then. */
export type IsTouched = (principal: Principal, since: Snapshot) => boolean;

/** What the question is answered with. */
export interface TouchParts extends Pick<Authenticator, 'renew'> {
	readonly snapshots: SnapshotSource;
}

const FOR_EVERYBODY = ['directories', 'limits', 'names'] as const;

/** Builds it. What has not changed is the same object in both snapshots, so nothing is looked into. */
export function createIsTouched({ snapshots, renew }: TouchParts): IsTouched {
	return (principal, since) => {
		const now = snapshots.current();
		if (now === since) return false;
		if (FOR_EVERYBODY.some((part) => now[part] !== since[part])) return true;
		const renewed = renew(principal);
		if (renewed === undefined || !holdTheSame(principal, renewed)) return true;
		return [...principal.grants.keys()].some((slug) => now.workspaces.get(slug) !== since.workspaces.get(slug));
	};
}

/** Whether two principals hold the same levels in the same workspaces, for the same servers, by whichever rules. */
export function holdTheSame(a: Principal, b: Principal): boolean {
	if (a.grants.size !== b.grants.size) return false;
	return [...a.grants].every(([slug, grant]) => {
		const other = b.grants.get(slug);
		if (other?.level !== grant.level || other.listsOnly !== grant.listsOnly) return false;
		return areSame(grant.servers, other.servers);
	});
}

function areSame(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean {
	if (a === undefined || b === undefined) return a === b;
	return a.size === b.size && [...a].every((slug) => b.has(slug));
}
