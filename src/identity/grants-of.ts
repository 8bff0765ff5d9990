import type { AccessLevel, GrantRule, Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { VerifiedClaims } from './check-claims.ts';
import type { Grant } from './principal.ts';

const LEVELS: readonly AccessLevel[] = ['read', 'write', 'admin'];

/**
 * What the grant rules give to verified claims, by workspace slug in slug order. E-mail, name and every other claim
 * take no part. Throws PC_TOKEN_GROUPS_UNKNOWN when the groups decide something and the token does not list them.
 */
export function grantsOf(
	claims: VerifiedClaims,
	{ grantRules, workspaces }: Pick<Snapshot, 'grantRules' | 'workspaces'>,
): ReadonlyMap<string, Grant> {
	const rules = matchingRules(claims, grantRules);
	const grants = new Map<string, Grant>();
	for (const slug of workspaces.keys()) {
		const giving = rules.filter((rule) => rule.workspace === slug || rule.workspace === '*');
		if (giving.length > 0) grants.set(slug, grantFrom(slug, giving));
	}
	return grants;
}

function matchingRules(claims: VerifiedClaims, all: readonly GrantRule[]): readonly GrantRule[] {
	const rules = all.filter((rule) => rule.directory === undefined || rule.directory === claims.directory);
	const groups = groupsThatCount(claims);
	if (groups === 'unknown' && rules.some((rule) => rule.match.claim === 'group')) {
		throw new PortcullisError('PC_TOKEN_GROUPS_UNKNOWN');
	}
	const held = { group: new Set(groups === 'unknown' ? [] : groups), role: new Set(claims.roles) };
	return rules.filter(({ match }) => held[match.claim].has(match.value));
}

// Groups are for people: a token without a scope speaks for an application, whose rights are app roles alone.
function groupsThatCount({ scopes, groups }: VerifiedClaims): readonly string[] | 'unknown' {
	return scopes.length === 0 ? [] : groups;
}

function grantFrom(workspace: string, rules: readonly GrantRule[]): Grant {
	const strongest = Math.max(...rules.map((rule) => LEVELS.indexOf(rule.level)));
	return Object.freeze({
		workspace,
		level: LEVELS[strongest] ?? 'read',
		rules: Object.freeze(rules.map((rule) => rule.name)),
	});
}
