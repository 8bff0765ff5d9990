import type { Snapshot } from '../config/snapshot.ts';
import { principalKey } from '../lib/principal-key.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { grantsOf } from './grants-of.ts';
import type { Principal } from './principal.ts';

/** The frozen principal that verified claims make under a snapshot; throws PC_TOKEN_GROUPS_UNKNOWN. */
export function principalOf(claims: VerifiedClaims, snapshot: Pick<Snapshot, 'grantRules' | 'workspaces'>): Principal {
	const { issuer, tid, oid, name } = claims;
	return Object.freeze({ issuer, tid, oid, key: principalKey(claims), name, grants: grantsOf(claims, snapshot) });
}
