import type { Snapshot } from '../config/snapshot.ts';
import { principalKey } from '../lib/principal-key.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createGrantIndexes } from './grant-index.ts';
import { grantsOf } from './grants-of.ts';
import type { Principal } from './principal.ts';

/** The frozen principal that verified claims make under a snapshot; throws PC_TOKEN_GROUPS_UNKNOWN. */
export type PrincipalOf = (
	claims: VerifiedClaims,
	snapshot: Pick<Snapshot, 'grantRules' | 'memberships' | 'workspaces'>,
) => Principal;

/** Builds it, with a memory of the rules it has seen. */
export function createPrincipalOf(): PrincipalOf {
	const indexOf = createGrantIndexes();
	return (claims, { grantRules, memberships, workspaces }) => {
		const { issuer, tid, oid, name, expiresAt, vouchedBy = 'token' } = claims;
		const known = { vouchedBy, expiresAt: expiresAt * 1_000 };
		const held = grantsOf(claims, { index: indexOf(grantRules), memberships, workspaces });
		return Object.freeze({ issuer, tid, oid, key: principalKey(claims), name, ...known, ...held });
	};
}
