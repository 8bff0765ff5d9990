import type { AccessLevel, Snapshot } from '../config/snapshot.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import type { Grant } from './principal.ts';

/** What somebody holds in one workspace, and the rules that gave it. */
export type Standing = Pick<Grant, 'level' | 'rules'>;

const LEVELS: readonly AccessLevel[] = ['read', 'write', 'admin'];

/**
 * What somebody holds in a workspace as far as is known while they show no token: their membership there. Groups and roles
 * are in tokens alone. `undefined`: nothing, or their directory is none of ours any more.
 */
export function heldNow(
	person: Identity,
	workspace: string,
	{ directories, memberships }: Pick<Snapshot, 'directories' | 'memberships'>,
): Standing | undefined {
	const isKnown = directories.some(({ issuer, tenantId }) => issuer === person.issuer && tenantId === person.tid);
	if (!isKnown) return undefined;
	const membership = memberships.get(principalKey(person))?.find((each) => each.workspace === workspace);
	return membership && { level: membership.level, rules: ['member'] };
}

/** The weaker of two levels. */
export function weaker(a: AccessLevel, b: AccessLevel): AccessLevel {
	return LEVELS[Math.min(LEVELS.indexOf(a), LEVELS.indexOf(b))] ?? 'read';
}
