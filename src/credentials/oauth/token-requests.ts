import {
	authorizationCodeGrantRequest,
	clientCredentialsGrantRequest,
	clockTolerance,
	customFetch,
	getValidatedIdTokenClaims,
	processAuthorizationCodeResponse,
	processClientCredentialsResponse,
	processRefreshTokenResponse,
	refreshTokenGrantRequest,
	revocationRequest,
	type TokenEndpointResponse,
} from 'oauth4webapi';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { splitScopes } from './challenge.ts';
import type { OAuthFetch } from './egress-fetch.ts';
import { clientAuthOf, clientOf, type Registration } from './registration.ts';
import { insecureAllowed, tokenFailure } from './token-failure.ts';

/** Tokens as they came from a token endpoint. */
export interface TokenSet {
	readonly accessToken: string;
	readonly refreshToken: string | undefined;
	/** Milliseconds since 1970; `undefined` where the server does not say. */
	readonly expiresAt: number | undefined;
	/** Scopes that were granted; `undefined` where the server means those that were asked for. */
	readonly scopes: readonly string[] | undefined;
	/** The account, where an ID token names it. */
	readonly account: string | undefined;
}

/** Where a token request goes, and as whom. */
export interface TokenPlace {
	readonly server: AuthorizationServer;
	readonly registration: Registration;
	/** Goes into every request (RFC 8707 §2). */
	readonly resource: string;
	readonly signal: AbortSignal;
}

/** Requests to token endpoints. All reject with what `tokenFailure` makes of a failure. */
export interface TokenRequests {
	/** `callback` has been judged by `validateAuthResponse`. */
	redeem(place: TokenPlace, code: CodeProof): Promise<TokenSet>;
	renew(place: TokenPlace, refreshToken: string): Promise<TokenSet>;
	byClient(place: TokenPlace, scopes: readonly string[] | undefined): Promise<TokenSet>;
	/** Best effort: resolves whatever the server says, and where it cannot be asked. */
	revoke(place: TokenPlace, token: string, kind: 'refresh_token' | 'access_token'): Promise<void>;
}

/** What a code is redeemed with. */
export interface CodeProof {
	readonly callback: URLSearchParams;
	readonly verifier: string;
	readonly redirectUri: string;
}

/** Builds them over the guarded way out; `now` is wall clock, milliseconds since 1970. */
export function createTokenRequests(fetch: OAuthFetch, now: () => number): TokenRequests {
	const optionsFor = ({ signal, resource }: TokenPlace) => ({
		[customFetch]: fetch,
		...insecureAllowed(),
		signal,
		additionalParameters: { resource },
	});
	const read = (answer: TokenEndpointResponse): TokenSet => tokenSet(answer, now());
	return {
		redeem: guarded(async (place: TokenPlace, { callback, verifier, redirectUri }: CodeProof) => {
			const { server, client, auth } = await asClient(place);
			const options = optionsFor(place);
			const answer = await authorizationCodeGrantRequest(
				server,
				client,
				auth,
				callback,
				redirectUri,
				verifier,
				options,
			);
			return read(await processAuthorizationCodeResponse(server, client, answer));
		}),
		renew: guarded(async (place: TokenPlace, refreshToken: string) => {
			const { server, client, auth } = await asClient(place);
			const answer = await refreshTokenGrantRequest(server, client, auth, refreshToken, optionsFor(place));
			return read(await processRefreshTokenResponse(server, client, answer));
		}),
		byClient: guarded(async (place: TokenPlace, scopes: readonly string[] | undefined) => {
			const { server, client, auth } = await asClient(place);
			const asked = { resource: place.resource, ...(scopes && { scope: scopes.join(' ') }) };
			const answer = await clientCredentialsGrantRequest(server, client, auth, asked, optionsFor(place));
			return read(await processClientCredentialsResponse(server, client, answer));
		}),
		async revoke(place, token, kind) {
			if (place.server.revocation_endpoint === undefined) return;
			const { server, client, auth } = await asClient(place);
			const options = { ...optionsFor(place), additionalParameters: { token_type_hint: kind } };
			await revocationRequest(server, client, auth, token, options);
		},
	};
}

async function asClient({ server, registration }: TokenPlace) {
	// What was registered at one issuer is shown to no other, whatever led here.
	if (registration.issuer !== server.issuer) throw new PortcullisError('PC_OAUTH_ISSUER', { detail: 'another client' });
	const client = { ...clientOf(registration), [clockTolerance]: CLOCK_TOLERANCE_S };
	return { server, client, auth: await clientAuthOf(registration) };
}

const CLOCK_TOLERANCE_S = 60;

function guarded<Args extends readonly unknown[], Result>(
	ask: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
	return (...args) =>
		ask(...args).catch((error: unknown) => {
			throw tokenFailure(error);
		});
}

/** A day more than any access token should live, milliseconds: what says more says nothing. */
const LONGEST_MS = 366 * 86_400_000;

function tokenSet(answer: TokenEndpointResponse, now: number): TokenSet {
	const { access_token, refresh_token, expires_in, scope } = answer;
	// What cannot stand in a header is no bearer token (RFC 6750 §2.1).
	if (!/^[\x21-\x7e]+$/.test(access_token) || answer.token_type !== 'bearer') {
		throw new PortcullisError('PC_OAUTH_INVALID', { detail: 'the access token is no bearer token' });
	}
	return {
		accessToken: access_token,
		refreshToken: refresh_token,
		expiresAt: expires_in === undefined ? undefined : now + Math.min(expires_in * 1_000, LONGEST_MS),
		scopes: splitScopes(scope),
		account: accountOf(answer),
	};
}

function accountOf(answer: TokenEndpointResponse): string | undefined {
	const claims = getValidatedIdTokenClaims(answer);
	const names = [claims?.['email'], claims?.['preferred_username'], claims?.['name']];
	const name = names.find((each): each is string => typeof each === 'string' && each !== '');
	// A stranger's text, for a page: short, and nothing that turns or hides other text.
	return name?.replace(/[\p{C}\p{Z}]+/gu, ' ').slice(0, 100);
}
