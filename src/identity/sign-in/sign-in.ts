import { createHash, randomBytes } from 'node:crypto';
import type { Directory, SnapshotSource } from '../../config/snapshot.ts';
import { PortcullisError, toPortcullisError } from '../../errors/portcullis-error.ts';
import type { Secret } from '../../lib/secret.ts';
import type { VerifiedClaims } from '../check-claims.ts';
import type { Attempts } from '../failed-attempts.ts';
import { type AskJson, askJson, type JsonAnswer } from '../graph/ask-json.ts';
import { checkIdToken } from './check-id-token.ts';
import { isForSignIn, type SignInDirectory } from './sign-in-directory.ts';

/** What proves at a token endpoint who redeems a code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface CodeGrant {
	readonly clientId: string;
	readonly clientSecret: Secret;
	readonly code: string;
	readonly redirectUri: string;
	readonly verifier: string;
}

/** The body of the request that redeems a code; given by `credentials`, which alone may reveal the secret. */
export type CodeForm = (grant: CodeGrant) => string;

/** What a sign-in under way is known by again. It belongs to one browser and to nobody else. */
export interface PendingSignIn {
	/** Id of the directory. */
	readonly directory: string;
	readonly state: string;
	readonly nonce: string;
	/** Of PKCE (RFC 7636). */
	readonly verifier: string;
	readonly redirectUri: string;
}

/** A browser that came back. */
export interface Returned {
	readonly pending: PendingSignIn;
	/** Its IP address, whose failures are counted. */
	readonly remoteAddress: string;
}

/** Signs people in at their directory with a browser: authorization code, PKCE, nonce (OpenID Connect Core §3.1). */
export interface SignIn {
	/** Begins: where to send the browser, and what it must come back with. Throws PC_CONNECT_NOT_SET_UP. */
	begin(directory: string, redirectUri: string): { readonly url: string; readonly pending: PendingSignIn };
	/**
	 * Who came back, by what the directory says to the gateway itself. Rejects with PC_SIGN_IN_REFUSED,
	 * PC_SIGN_IN_FAILED, PC_TOKEN_GUEST, PC_TOO_MANY_FAILURES or PC_DIRECTORY_UNAVAILABLE.
	 */
	finish(query: URLSearchParams, returned: Returned): Promise<VerifiedClaims>;
}

/** What people are signed in with. */
export interface SignInOptions {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	readonly codeForm: CodeForm;
	/** Checks the signature of a token; rejects with PC_TOKEN_SIGNATURE or PC_DIRECTORY_UNAVAILABLE. */
	readonly checkSigned: (token: string, directory: Directory) => Promise<void>;
	/** Failures of a network address. */
	readonly attemptsOf: (remoteAddress: string) => Attempts;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	readonly ask?: AskJson;
}

const REQUEST_MS = 10_000;

/** Builds it over the directories of the current snapshot. */
export function createSignIn(options: SignInOptions): SignIn {
	const directoryOf = (id: string): SignInDirectory => {
		const found = options.snapshots.current().directories.find((each) => each.id === id);
		if (found === undefined || !isForSignIn(found)) throw new PortcullisError('PC_CONNECT_NOT_SET_UP');
		return found;
	};
	return {
		begin(id, redirectUri) {
			const [state, nonce, verifier] = [secretText(), secretText(), secretText()];
			const pending: PendingSignIn = { directory: id, state, nonce, verifier, redirectUri };
			return { url: authorizeUrl(directoryOf(id), pending), pending };
		},
		async finish(query, { pending, remoteAddress }) {
			const directory = directoryOf(pending.directory);
			const code = codeIn(query, directory);
			return counting(options.attemptsOf(remoteAddress), async () => {
				const token = await redeem(options, directory, { code, pending });
				await options.checkSigned(token, directory);
				return checkIdToken(token, { directory, nonce: pending.nonce, nowMs: options.now() });
			});
		},
	};
}

// A failure costs the directory a request, so one network address has only so many of them.
async function counting(attempts: Attempts, verify: () => Promise<VerifiedClaims>): Promise<VerifiedClaims> {
	attempts.begin();
	let end: Parameters<Attempts['end']>[0] = 'passed';
	try {
		return await verify();
	} catch (caught) {
		const error = forPeople(toPortcullisError(caught));
		if (error.code !== 'PC_DIRECTORY_UNAVAILABLE') end = 'failed';
		throw error;
	} finally {
		attempts.end(end);
	}
}

// Sentences about tokens are for programs; that somebody may not come is for people.
function forPeople(error: PortcullisError): PortcullisError {
	const { code, facts } = error;
	if (!code.startsWith('PC_TOKEN_') || code === 'PC_TOKEN_GUEST') return error;
	return new PortcullisError('PC_SIGN_IN_FAILED', { detail: `${code} ${facts.detail ?? ''}` }, { cause: error });
}

const secretText = (): string => randomBytes(32).toString('base64url');

function authorizeUrl({ signIn }: SignInDirectory, { state, nonce, verifier, redirectUri }: PendingSignIn): string {
	const url = new URL(signIn.authorizeUrl);
	const asked = {
		...{ response_type: 'code', response_mode: 'query', client_id: signIn.clientId, redirect_uri: redirectUri },
		...{ scope: 'openid profile', state, nonce, code_challenge_method: 'S256' },
		code_challenge: createHash('sha256').update(verifier).digest('base64url'),
	};
	for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
	return url.href;
}

// Only what is one text counts. What the directory writes about a failure is for nobody's eyes here: who made the address?
function codeIn(query: URLSearchParams, { issuer, signIn }: SignInDirectory): string {
	const [code, error, iss] = ['code', 'error', 'iss'].map((name) => query.getAll(name));
	if (error?.length !== 0) throw new PortcullisError('PC_SIGN_IN_REFUSED', { detail: 'the directory says error' });
	// RFC 9207: an answer that names another issuer is an answer of another directory.
	const isOther = iss?.some((each) => each !== (signIn.idTokenIssuer ?? issuer));
	if (isOther) throw new PortcullisError('PC_SIGN_IN_FAILED', { detail: 'iss is another directory' });
	const [sole, ...rest] = code ?? [];
	if (sole === undefined || sole === '' || rest.length > 0)
		throw new PortcullisError('PC_SIGN_IN_FAILED', { detail: 'not one code' });
	return sole;
}

interface Redeeming {
	readonly code: string;
	readonly pending: PendingSignIn;
}

async function redeem(
	{ codeForm, ask = askJson }: SignInOptions,
	{ signIn: { clientId, clientSecret, tokenUrl } }: SignInDirectory,
	{ code, pending: { redirectUri, verifier } }: Redeeming,
): Promise<string> {
	const body = codeForm({ clientId, clientSecret, code, redirectUri, verifier });
	const headers = { 'content-type': 'application/x-www-form-urlencoded' };
	const signal = AbortSignal.timeout(REQUEST_MS);
	const answer = await ask({ url: tokenUrl, headers, body }, signal).catch((cause: unknown) => {
		throw new PortcullisError('PC_DIRECTORY_UNAVAILABLE', { detail: 'the token endpoint gives no answer' }, { cause });
	});
	return idTokenOf(answer);
}

// The body of a failure may quote what was sent; its status and its code of the standard say enough.
function idTokenOf({ status, json }: JsonAnswer): string {
	const token = json?.['id_token'];
	if (status === 200 && typeof token === 'string') return token;
	const error = json?.['error'];
	const code = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` ${error}` : '';
	const detail = `the token endpoint says ${status}${code}`;
	if (status >= 500 || status === 429) throw new PortcullisError('PC_DIRECTORY_UNAVAILABLE', { detail });
	throw new PortcullisError('PC_SIGN_IN_FAILED', { detail });
}
