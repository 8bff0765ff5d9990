import { canonicalDigest } from './canonical-digest.ts';
import { deepFreeze } from './deep-freeze.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * The next snapshot with every part that says the same as before replaced by the object it was; the snapshot before when
 * that is all of them.
 */
export function keepUnchanged(before: Snapshot, next: Snapshot): Snapshot {
	const { directories, grantRules, memberships, apiKeys, credentials, openWebUi } = next;
	const { openWebUiLinks, limits, names } = next;
	const parts = {
		directories,
		grantRules,
		memberships,
		apiKeys,
		credentials,
		openWebUi,
		openWebUiLinks,
		limits,
		names,
	};
	const entries = Object.entries(parts).map(([name, part]) => [name, kept(before[name as keyof typeof parts], part)]);
	const joined: Snapshot = { ...next, ...Object.fromEntries(entries), workspaces: keptWorkspaces(before, next) };
	const isSame = Object.entries(joined).every(([name, part]) => {
		return name === 'version' || part === before[name as keyof Snapshot];
	});
	return isSame ? before : deepFreeze(joined);
}

function keptWorkspaces(before: Snapshot, next: Snapshot): Snapshot['workspaces'] {
	const joined = new Map([...next.workspaces].map(([slug, each]) => [slug, kept(before.workspaces.get(slug), each)]));
	const isSame = joined.size === before.workspaces.size;
	const areSame = isSame && [...joined].every(([slug, each]) => before.workspaces.get(slug) === each);
	return areSame ? before.workspaces : joined;
}

function kept<T>(before: T | undefined, next: T): T {
	if (before === undefined || before === next) return next;
	return canonicalDigest(before) === canonicalDigest(next) ? before : next;
}
