import type { SnapshotSource } from '../config/snapshot.ts';
import type { VerifiedClaims } from './check-claims.ts';
import type { Principal } from './principal.ts';
import { createPrincipalOf } from './principal-of.ts';

/** Principals under the current snapshot. */
export interface Principals {
	/** Made once for each snapshot; throws PC_TOKEN_GROUPS_UNKNOWN. */
	of(claims: VerifiedClaims): Principal;
	/** The same person now, by the claims they were made of; `undefined` when those are unknown or refused by now. */
	renew(principal: Principal): Principal | undefined;
}

interface Built {
	readonly version: number;
	readonly principal: Principal;
}

/** Builds them; nothing is remembered longer than the claims themselves are. */
export function createPrincipals(snapshots: SnapshotSource): Principals {
	const principalOf = createPrincipalOf();
	const built = new WeakMap<VerifiedClaims, Built>();
	const claimsBehind = new WeakMap<Principal, VerifiedClaims>();

	function of(claims: VerifiedClaims): Principal {
		const snapshot = snapshots.current();
		const known = built.get(claims);
		if (known?.version === snapshot.version) return known.principal;
		const principal = principalOf(claims, snapshot);
		built.set(claims, { version: snapshot.version, principal });
		claimsBehind.set(principal, claims);
		return principal;
	}

	return {
		of,
		renew(principal) {
			const claims = claimsBehind.get(principal);
			try {
				return claims && of(claims);
			} catch {
				return undefined;
			}
		},
	};
}
