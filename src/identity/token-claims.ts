import { canonicalDigest } from '../config/canonical-digest.ts';
import type { Directory, SnapshotSource } from '../config/snapshot.ts';
import type { VerifiedClaims } from './check-claims.ts';
import type { DirectoryKeys } from './directory-keys.ts';
import type { Attempts } from './failed-attempts.ts';
import { type ClaimsOf, createVerifiedTokens } from './verified-tokens.ts';
import { createTokenVerifier } from './verify-token.ts';

/** What tokens are verified with. */
export interface TokenClaimsOptions {
	readonly snapshots: SnapshotSource;
	readonly keys: DirectoryKeys;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
}

/** Verifications made under one set of directories; another set never meets them. */
interface Generation {
	readonly directories: readonly Directory[];
	readonly claimsOf: ClaimsOf;
}

/** A token that is being verified. */
interface Asked {
	readonly token: string;
	readonly claimsOf: ClaimsOf;
	readonly attempts: Attempts | undefined;
}

/** Claims of access tokens under the directories of the current snapshot; throws or rejects as verification does. */
export function createTokenClaims({ snapshots, keys, now, steadyNow }: TokenClaimsOptions): ClaimsOf {
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

	/** A directory may go or change while its key is fetched: then the token is judged again, whatever came out. */
	async function settle(
		claims: Promise<VerifiedClaims>,
		{ token, claimsOf, attempts }: Asked,
	): Promise<VerifiedClaims> {
		await claims.catch(() => undefined);
		return claimsOf === currentClaimsOf() ? claims : claimsOfToken(token, attempts);
	}

	function claimsOfToken(token: string, attempts?: Attempts): VerifiedClaims | Promise<VerifiedClaims> {
		const claimsOf = currentClaimsOf();
		const claims = claimsOf(token, attempts);
		return claims instanceof Promise ? settle(claims, { token, claimsOf, attempts }) : claims;
	}

	return claimsOfToken;
}
