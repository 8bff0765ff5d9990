import type { Directory, SnapshotSource } from '../config/snapshot.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import { KEY_START } from '../lib/api-key-text.ts';
import { createApiKeys, type NoteKeyUse } from './api-keys.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createDirectoryKeys } from './directory-keys.ts';
import { type Attempts, createFailedAttempts, type FailuresOptions } from './failed-attempts.ts';
import { type FetchKeys, fetchKeys } from './fetch-keys.ts';
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
	/** How many failures of one network address are let pass. */
	readonly failures?: FailuresOptions;
	/** Told of each fetch of a key set; for the log. */
	readonly onKeysFetched?: (outcome: KeysFetched) => void;
	/** Told of each API key that was accepted. */
	readonly noteKeyUse?: NoteKeyUse;
}

/**
 * The identity stage. Refusals (PC_TOKEN_*, PC_KEY_INVALID, PC_HEADER_INVALID, PC_TOO_MANY_FAILURES,
 * PC_DIRECTORY_UNAVAILABLE) are thrown or rejected with:
 * `await` inside `try` sees both. A token seen within the last minute is answered without a promise.
 */
export interface Authenticator {
	/** Principal of a request. */
	authenticate(presented: Presented): Principal | Promise<Principal>;
	/** Principal of a bare token, for explanations on the command line. */
	authenticateToken(token: string): Principal | Promise<Principal>;
	/**
	 * The same caller under the current snapshot, by the claims or the key they were known by; neither is looked at again.
	 * `undefined`: nothing is known of those, or they are refused by now.
	 */
	renew(principal: Principal): Principal | undefined;
	/** Aborts key fetches in flight. */
	close(): void;
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

/** Assembles the identity stage over the current snapshot. */
export function createAuthenticate(options: AuthenticateOptions): Authenticator {
	const { snapshots, now = Date.now } = options;
	const steadyNow = options.steadyNow ?? options.now ?? (() => performance.now());
	const keys = createDirectoryKeys({
		fetchKeys: options.jwksFetch ?? fetchKeys,
		now: steadyNow,
		...(options.jwksTimes && { times: options.jwksTimes }),
		...(options.onKeysFetched && { onFetched: options.onKeysFetched }),
	});
	const principals = createPrincipals(snapshots);
	const attemptsOf = createFailedAttempts(options.failures ?? {}, steadyNow);
	const apiKeys = createApiKeys({ snapshots, now, noteUse: options.noteKeyUse ?? (() => undefined) });
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
		const same = JSON.stringify(directories) === JSON.stringify(generation.directories);
		generation = same ? { ...generation, directories } : begin(directories);
		return generation.claimsOf;
	}

	function authenticateToken(token: string, attempts?: Attempts): Principal | Promise<Principal> {
		const claimsOf = currentClaimsOf();
		const claims = claimsOf(token, attempts);
		return claims instanceof Promise ? settle(claims, { token, claimsOf, attempts }) : principals.of(claims);
	}

	/** A directory may go or change while its key is fetched: then the token is judged again, whatever came out. */
	async function settle(claims: Promise<VerifiedClaims>, asked: Asked): Promise<Principal> {
		await claims.catch(() => undefined);
		const { token, claimsOf, attempts } = asked;
		return claimsOf === currentClaimsOf() ? principals.of(await claims) : authenticateToken(token, attempts);
	}

	return {
		renew: (principal) => principals.renew(principal) ?? apiKeys.renew(principal),
		authenticate(presented) {
			const token = readBearer(presented.rawHeaders);
			const attempts = attemptsOf(presented.remoteAddress);
			return token.startsWith(KEY_START)
				? countedKey(attempts, () => apiKeys.authenticate(token, presented))
				: authenticateToken(token, attempts);
		},
		authenticateToken: (token) => authenticateToken(token),
		close: keys.close,
	};
}

// To look a key up costs nothing, so a good one passes whatever others at its address got wrong.
function countedKey(attempts: Attempts, authenticate: () => Principal): Principal {
	try {
		return authenticate();
	} catch (error) {
		if (errorCode(error) !== 'PC_KEY_INVALID') throw error;
		attempts.begin();
		attempts.end('failed');
		throw error;
	}
}
