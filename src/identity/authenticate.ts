import type { ListenerSettings } from '../config/listeners.ts';
import type { SnapshotSource } from '../config/snapshot.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { KEY_START } from '../lib/api-key-text.ts';
import { createApiKeys, type NoteKeyUse } from './api-keys.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createDirectoryKeys, type DirectoryKeys } from './directory-keys.ts';
import { createEdgeWay } from './edge/edge-way.ts';
import { type Attempts, createFailedAttempts, type FailuresOptions } from './failed-attempts.ts';
import { type FetchKeys, fetchKeys } from './fetch-keys.ts';
import type { ClientForm } from './graph/app-token.ts';
import { createMemberGroups } from './graph/member-groups.ts';
import type { JwksTimes, KeysFetched } from './jwks-cache.ts';
import { parseToken } from './parse-token.ts';
import { createPeople, type People } from './people.ts';
import type { Presented } from './presented.ts';
import type { Principal } from './principal.ts';
import { createPrincipals } from './principals.ts';
import { readBearer } from './read-bearer.ts';
import { type CodeForm, createSignIn, type SignIn, type SignInOptions } from './sign-in/sign-in.ts';
import { createTokenClaims } from './token-claims.ts';
import { checkSignature } from './verify-token.ts';

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
	/** How an application of a directory proves itself to Microsoft Graph; without it no groups are looked up. */
	readonly clientForm?: ClientForm;
	/** How a web client of a directory proves itself where it redeems a code; without it nobody signs in with a browser. */
	readonly codeForm?: CodeForm;
	/** How many failures of one network address are let pass. */
	readonly failures?: FailuresOptions;
	/** Told of each fetch of a key set; for the log. */
	readonly onKeysFetched?: (outcome: KeysFetched) => void;
	/** Told of each API key that was accepted. */
	readonly noteKeyUse?: NoteKeyUse;
}

/**
 * The identity stage. Refusals (PC_TOKEN_*, PC_KEY_INVALID, PC_EDGE_*, PC_OPEN_WEBUI_TOKEN, PC_PERSON_UNKNOWN,
 * PC_HEADER_INVALID, PC_TOO_MANY_FAILURES, PC_DIRECTORY_UNAVAILABLE, PC_GROUPS_UNAVAILABLE) are thrown or rejected with:
 * `await` inside `try` sees both. A token seen within the last minute is answered without a promise.
 */
export interface Authenticator {
	/** Principal of a request: whom an edge vouches for, else whoever its API key or access token says. */
	authenticate(presented: Presented): Principal | Promise<Principal>;
	/** Principal of a bare token, for explanations on the command line. */
	authenticateToken(token: string): Principal | Promise<Principal>;
	/**
	 * The same caller under the current snapshot, by the claims or the key they were known by; neither is looked at again.
	 * `undefined`: nothing is known of those, or they are refused by now.
	 */
	renew(principal: Principal): Principal | undefined;
	/** What somebody holds in a workspace by what is known without a token of theirs. Rejects with PC_GROUPS_UNAVAILABLE. */
	readonly standingOf: People['standingOf'];
	/** How people sign in with a browser. */
	readonly signIn: SignIn;
	/** The principal of verified claims under the current snapshot; throws or rejects as `authenticate` does. */
	principalOf(claims: VerifiedClaims): Principal | Promise<Principal>;
	/** Aborts what directories are asked at the moment. */
	close(): void;
}

/** Assembles the identity stage over the current snapshot. */
export function createAuthenticate(options: AuthenticateOptions): Authenticator {
	const { snapshots, listeners = [], clientForm, now = () => Date.now() } = options;
	const steadyNow = options.steadyNow ?? options.now ?? (() => performance.now());
	const fetching = { fetchKeys: options.jwksFetch ?? fetchKeys, now: steadyNow, times: options.jwksTimes };
	const keys = createDirectoryKeys({
		fetchKeys: fetching.fetchKeys,
		now: steadyNow,
		...(options.jwksTimes && { times: options.jwksTimes }),
		...(options.onKeysFetched && { onFetched: options.onKeysFetched }),
	});
	const memberGroups = clientForm && createMemberGroups({ snapshots, clientForm, steadyNow });
	const principals = createPrincipals({ snapshots, memberGroups, now, steadyNow });
	const attemptsOf = createFailedAttempts(options.failures ?? {}, steadyNow);
	const people = createPeople({ snapshots, principals, asksDirectories: memberGroups !== undefined });
	const apiKeys = createApiKeys({ snapshots, people, now, noteUse: options.noteKeyUse ?? (() => undefined) });
	const claimsOfToken = createTokenClaims({ snapshots, keys, now, steadyNow });
	const checkSigned = createCheckSigned(keys);
	const signIn = createSignIn({ snapshots, codeForm: options.codeForm ?? noCodeForm, attemptsOf, checkSigned, now });
	const edges = createEdgeWay({ listeners, snapshots, claimsOfToken, keys: fetching, now });

	function authenticateToken(token: string, attempts?: Attempts): Principal | Promise<Principal> {
		const claims = claimsOfToken(token, attempts);
		return claims instanceof Promise ? claims.then(principals.of) : principals.of(claims);
	}

	function byBearer(presented: Presented): Principal | Promise<Principal> {
		const token = readBearer(presented.rawHeaders);
		const attempts = attemptsOf(presented.remoteAddress);
		if (!token.startsWith(KEY_START)) return authenticateToken(token, attempts);
		return countedKey(attempts, () => apiKeys.authenticate(token, presented));
	}

	async function byEdge(vouched: Promise<VerifiedClaims | undefined>, presented: Presented): Promise<Principal> {
		const claims = await vouched.catch((error: unknown) => {
			throw counted(error, attemptsOf(presented.remoteAddress));
		});
		return claims === undefined ? byBearer(presented) : principals.of(claims);
	}

	return {
		renew: (principal) => principals.renew(principal) ?? apiKeys.renew(principal),
		authenticate(presented) {
			const vouched = edges.claimsOf(presented);
			return vouched === undefined ? byBearer(presented) : byEdge(vouched, presented);
		},
		authenticateToken: (token) => authenticateToken(token),
		standingOf: people.standingOf,
		signIn,
		principalOf: principals.of,
		close() {
			keys.close();
			memberGroups?.close();
			edges.close();
		},
	};
}

function createCheckSigned({ keyFor }: DirectoryKeys): SignInOptions['checkSigned'] {
	return async (token, directory) => checkSignature(token, await keyFor(directory, parseToken(token).kid));
}

function noCodeForm(): never {
	throw new PortcullisError('PC_CONNECT_NOT_SET_UP');
}

function countedKey(
	attempts: Attempts,
	authenticate: () => Principal | Promise<Principal>,
): Principal | Promise<Principal> {
	const refuse = (error: unknown): never => {
		throw counted(error, attempts);
	};
	try {
		const found = authenticate();
		return found instanceof Promise ? found.catch(refuse) : found;
	} catch (error) {
		return refuse(error);
	}
}

// Counted once they have failed: a good key or proof passes, whatever others at its address got wrong.
function counted(error: unknown, attempts: Attempts): unknown {
	const code = errorCode(error);
	if (code !== 'PC_KEY_INVALID' && code !== 'PC_EDGE_REFUSED') return error;
	try {
		attempts.begin();
	} catch (tooMany) {
		return tooMany;
	}
	attempts.end('failed');
	return error;
}
