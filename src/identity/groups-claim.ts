import type { RawClaims } from './parse-token.ts';
import { textsOf } from './text-claims.ts';

/**
 * The groups of a token; `unknown` where it says that the list was too long to include. The address in `_claim_sources` is
 * never called: it would let a token choose where we connect. Throws PC_TOKEN_MALFORMED.
 */
export function groupsOf(claims: RawClaims): readonly string[] | 'unknown' {
	const { groups, hasgroups, _claim_names: names } = claims;
	if (groups !== undefined) return textsOf(claims, 'groups');
	if (hasgroups !== undefined && hasgroups !== false) return 'unknown';
	if (names === undefined) return [];
	const readable = typeof names === 'object' && names !== null && !Array.isArray(names);
	return readable && !Object.hasOwn(names, 'groups') ? [] : 'unknown';
}
