import { type Identity, principalKey } from '../lib/principal-key.ts';
import type { WorkspaceEntry } from './file-schema.ts';
import type { Directory, Membership, Snapshot } from './snapshot.ts';

/** A membership and whose it is. */
export interface HeldMembership extends Membership {
	readonly holder: Identity;
}

/** What the members of a faultless entry hold; who names no directory is of the only one. */
export function membershipsOf(
	workspace: string,
	members: WorkspaceEntry['members'],
	directories: readonly Directory[],
): readonly HeldMembership[] {
	return members.flatMap(({ oid, access, directory, name = '' }) => {
		const theirs = directory === undefined ? directories[0] : directories.find(({ id }) => id === directory);
		if (theirs === undefined) return [];
		return [{ holder: { issuer: theirs.issuer, tid: theirs.tenantId, oid }, workspace, level: access, name }];
	});
}

/** All memberships by whose they are, each person's in slug order. */
export function byHolder(held: Iterable<HeldMembership>): Snapshot['memberships'] {
	const memberships = new Map<string, Membership[]>();
	for (const { holder, workspace, level, name } of held) {
		const key = principalKey(holder);
		const theirs = memberships.get(key) ?? [];
		memberships.set(key, theirs);
		theirs.push({ workspace, level, name });
	}
	for (const theirs of memberships.values()) theirs.sort((a, b) => (a.workspace < b.workspace ? -1 : 1));
	return memberships;
}
