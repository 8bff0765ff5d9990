import { canonicalDigest } from '../config/canonical-digest.ts';
import type { Directory, SnapshotSource } from '../config/snapshot.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createDirectoryKeys } from './directory-keys.ts';
import { type FetchKeys, fetchKeys } from './fetch-keys.ts';
import type { ClientForm } from './graph/app-token.ts';
import { createMemberGroups } from './graph/member-groups.ts';
import type { JwksTimes, KeysFetched } from './jwks-cache.ts';
import type { Presented } from './presented.ts';
import type { Principal } from './principal.ts';
import { createPrincipals } from './principals.ts';
import { readBearer } from './read-bearer.ts';
import { type ClaimsOf, createVerifiedTokens } from './verified-tokens.ts';
import { createTokenVerifier } from './verify-token.ts';

/** Where the identity stage gets configuration, keys and time from. */
export interface AuthenticateOptions {
	readonly snapshots: SnapshotSource;
	/** Wall clock, milliseconds since 1970. */
	readonly now?: () => number;
	/** Milliseconds on a clock that never runs backwards; `now` when only that is given. */
	readonly steadyNow?: () => number;
	readonly jwksFetch?: FetchKeys;
	readonly jwksTimes?: Partial<JwksTimes>;
	/** How an application of a directory proves itself to Microsoft Graph; without it no groups are looked up. */
	readonly clientForm?: ClientForm;
	/** Told of each fetch of a key set; for the log. */
	readonly onKeysFetched?: (outcome: KeysFetched) => void;
}

/**
 * The identity stage. Refusals (PC_TOKEN_*, PC_HEADER_INVALID, PC_DIRECTORY_UNAVAILABLE, PC_GROUPS_UNAVAILABLE) are thrown or rejected with:
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
	/** Aborts what directories are asked at the moment. */
	close(): void;
}

/** Verifications made under one set of directories; another set never meets them. */
interface Generation {
	readonly directories: readonly Directory[];
	readonly claimsOf: ClaimsOf;
}

/** Assembles the identity stage over the current snapshot. */
export function createAuthenticate(options: AuthenticateOptions): Authenticator {
	const { snapshots, now = () => Date.now() } = options;
	const steadyNow = options.steadyNow ?? options.now ?? (() => performance.now());
	const keys = createDirectoryKeys({
		fetchKeys: options.jwksFetch ?? fetchKeys,
		now: steadyNow,
		...(options.jwksTimes && { times: options.jwksTimes }),
		...(options.onKeysFetched && { onFetched: options.onKeysFetched }),
	});
	const { clientForm } = options;
	const memberGroups = clientForm && createMemberGroups({ snapshots, clientForm, steadyNow });
	const principals = createPrincipals({ snapshots, memberGroups, now, steadyNow });
	let generation = begin(snapshots.current().directories);

	function begin(directories: readonly Directory[]): Generation {
		keys.retain(directories);
		const verify = createTokenVerifier({ directories, keyFor: keys.keyFor, now });
		return { directories, claimsOf: createVerifiedTokens({ verify, now, steadyNow }) };
	}

	function currentClaimsOf(): ClaimsOf {
		const { directories } = snapshots.current();
		if (directories === generation.directories) return generation.claimsOf;
		// A reload that leaves the directories alone must not make everyone's token new.
		const same = canonicalDigest(directories) === canonicalDigest(generation.directories);
		generation = same ? { ...generation, directories } : begin(directories);
		return generation.claimsOf;
	}

	function authenticateToken(token: string): Principal | Promise<Principal> {
		const claimsOf = currentClaimsOf();
		const claims = claimsOf(token);
		return claims instanceof Promise ? settle(token, claimsOf, claims) : principals.of(claims);
	}

	/** A directory may go or change while its key is fetched: then the token is judged again, whatever came out. */
	async function settle(token: string, claimsOf: ClaimsOf, claims: Promise<VerifiedClaims>): Promise<Principal> {
		await claims.catch(() => undefined);
		return claimsOf === currentClaimsOf() ? principals.of(await claims) : authenticateToken(token);
	}

	return {
		renew: principals.renew,
		authenticate: ({ rawHeaders }) => authenticateToken(readBearer(rawHeaders)),
		authenticateToken,
		close() {
			keys.close();
			memberGroups?.close();
		},
	};
}
