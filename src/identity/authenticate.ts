import type { ListenerSettings } from '../config/listeners.ts';
import type { SnapshotSource } from '../config/snapshot.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createDirectoryKeys } from './directory-keys.ts';
import { createEdgeWay } from './edge/edge-way.ts';
import { type FetchKeys, fetchKeys } from './fetch-keys.ts';
import type { JwksTimes, KeysFetched } from './jwks-cache.ts';
import type { Presented } from './presented.ts';
import type { Principal } from './principal.ts';
import { createPrincipals } from './principals.ts';
import { readBearer } from './read-bearer.ts';
import { createTokenClaims } from './token-claims.ts';

/** Where the identity stage gets configuration, keys and time from. */
export interface AuthenticateOptions {
	readonly snapshots: SnapshotSource;
	/** Public listeners besides the main one; an edge in front of one may vouch for its callers. */
	readonly listeners?: readonly ListenerSettings[];
	/** Wall clock, milliseconds since 1970. */
	readonly now?: () => number;
	/** Milliseconds on a clock that never runs backwards; `now` when only that is given. */
	readonly steadyNow?: () => number;
	readonly jwksFetch?: FetchKeys;
	readonly jwksTimes?: Partial<JwksTimes>;
	/** Told of each fetch of a key set; for the log. */
	readonly onKeysFetched?: (outcome: KeysFetched) => void;
}

/**
 * The identity stage. Refusals (PC_TOKEN_*, PC_EDGE_*, PC_HEADER_INVALID, PC_DIRECTORY_UNAVAILABLE) are thrown or rejected with:
 * `await` inside `try` sees both. A token seen within the last minute is answered without a promise.
 */
export interface Authenticator {
	/** Principal of a request. */
	authenticate(presented: Presented): Principal | Promise<Principal>;
	/** Principal of a bare token, for explanations on the command line. */
	authenticateToken(token: string): Principal | Promise<Principal>;
	/**
	 * The same person under the current snapshot, by the claims they were known by; no token is looked at again.
	 * `undefined`: nothing is known of the claims, or they are refused by now.
	 */
	renew(principal: Principal): Principal | undefined;
	/** Aborts key fetches in flight. */
	close(): void;
}

/** Assembles the identity stage over the current snapshot. */
export function createAuthenticate(options: AuthenticateOptions): Authenticator {
	const { snapshots, now = Date.now } = options;
	const steadyNow = options.steadyNow ?? options.now ?? (() => performance.now());
	const fetching = { fetchKeys: options.jwksFetch ?? fetchKeys, now: steadyNow, times: options.jwksTimes };
	const keys = createDirectoryKeys({
		fetchKeys: fetching.fetchKeys,
		now: steadyNow,
		...(options.jwksTimes && { times: options.jwksTimes }),
		...(options.onKeysFetched && { onFetched: options.onKeysFetched }),
	});
	const principals = createPrincipals(snapshots);
	const { listeners = [] } = options;
	const claimsOfToken = createTokenClaims({ snapshots, keys, now, steadyNow });
	const edges = createEdgeWay({ listeners, snapshots, claimsOfToken, keys: fetching, now });

	function authenticateToken(token: string): Principal | Promise<Principal> {
		const claims = claimsOfToken(token);
		return claims instanceof Promise ? claims.then(principals.of) : principals.of(claims);
	}

	const byBearer = ({ rawHeaders }: Presented) => authenticateToken(readBearer(rawHeaders));

	async function byEdge(vouched: Promise<VerifiedClaims | undefined>, presented: Presented): Promise<Principal> {
		const claims = await vouched;
		return claims === undefined ? byBearer(presented) : principals.of(claims);
	}

	return {
		renew: principals.renew,
		authenticate(presented) {
			const vouched = edges.claimsOf(presented);
			return vouched === undefined ? byBearer(presented) : byEdge(vouched, presented);
		},
		authenticateToken,
		close() {
			keys.close();
			edges.close();
		},
	};
}
