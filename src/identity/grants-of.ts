import type { AccessLevel, Membership, Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { principalKey } from '../lib/principal-key.ts';
import type { VerifiedClaims } from './check-claims.ts';
import type { Gift, GrantIndex } from './grant-index.ts';
import type { Grant, Principal } from './principal.ts';

const LEVELS: readonly AccessLevel[] = ['read', 'write', 'admin'];

/** What claims are compared with. */
export interface GrantSources extends Pick<Snapshot, 'workspaces' | 'memberships'> {
	/** Of the snapshot's grant rules. */
	readonly index: GrantIndex;
}

/** What somebody holds. */
export type Held = Pick<Principal, 'grants' | 'platformLevel'>;

/**
 * What grant rules and memberships give to verified claims, by workspace slug in slug order. E-mail, name and every other
 * claim take no part. Throws PC_TOKEN_GROUPS_UNKNOWN when the groups decide something and the token does not list them.
 */
export function grantsOf(claims: VerifiedClaims, { index, workspaces, memberships }: GrantSources): Held {
	const gifts = matchingGifts(claims, index);
	const everywhere = gifts.filter(({ workspace }) => workspace === '*');
	const members = (memberships.get(principalKey(claims)) ?? []).map(giftOfMember);
	const here = byWorkspace([...gifts.filter(({ workspace }) => workspace !== '*'), ...members]);
	const named = [...here.keys()].filter((slug) => workspaces.has(slug)).sort();
	const grants = new Map<string, Grant>();
	for (const slug of everywhere.length > 0 ? workspaces.keys() : named) {
		const id = workspaces.get(slug)?.id ?? slug;
		grants.set(slug, grantFrom({ slug, id }, inOrder([...(here.get(slug) ?? []), ...everywhere])));
	}
	return { grants, platformLevel: strongest(everywhere) };
}

function matchingGifts(claims: VerifiedClaims, index: GrantIndex): readonly Gift[] {
	const { directory } = claims;
	const groups = groupsThatCount(claims);
	const { groupDirectories } = index;
	if (groups === 'unknown' && (groupDirectories.has(undefined) || groupDirectories.has(directory))) {
		throw new PortcullisError('PC_TOKEN_GROUPS_UNKNOWN');
	}
	const found = [
		...[...new Set(groups === 'unknown' ? [] : groups)].flatMap((group) => index.group.get(group) ?? []),
		...[...new Set(claims.roles)].flatMap((role) => index.role.get(role) ?? []),
	];
	return found.filter((gift) => gift.directory === undefined || gift.directory === directory);
}

// Groups are for people: a token without a scope speaks for an application, whose rights are app roles alone.
function groupsThatCount({ scopes, groups }: VerifiedClaims): readonly string[] | 'unknown' {
	return scopes.length === 0 ? [] : groups;
}

// Named behind all rules.
function giftOfMember({ workspace, level }: Membership): Gift {
	return { workspace, level, name: 'member', place: Number.MAX_SAFE_INTEGER };
}

function byWorkspace(gifts: readonly Gift[]): ReadonlyMap<string, readonly Gift[]> {
	const grouped = new Map<string, Gift[]>();
	for (const gift of gifts) {
		const same = grouped.get(gift.workspace) ?? [];
		grouped.set(gift.workspace, same);
		same.push(gift);
	}
	return grouped;
}

function inOrder(gifts: readonly Gift[]): readonly Gift[] {
	return gifts.toSorted((a, b) => a.place - b.place);
}

function grantFrom({ slug, id }: { readonly slug: string; readonly id: string }, gifts: readonly Gift[]): Grant {
	const level = strongest(gifts) ?? 'read';
	return Object.freeze({
		workspace: slug,
		workspaceId: id,
		level,
		rules: Object.freeze(gifts.map(({ name }) => name)),
	});
}

function strongest(gifts: readonly Gift[]): AccessLevel | undefined {
	return LEVELS[Math.max(...gifts.map(({ level }) => LEVELS.indexOf(level)))];
}
