import { calculatePKCECodeChallenge, generateRandomCodeVerifier, validateAuthResponse } from 'oauth4webapi';
import { errorCode, PortcullisError } from '../../errors/portcullis-error.ts';
import { type AuthorizationServer, checkCodeFlow } from './authorization-server.ts';
import { clientOf, type Registration } from './registration.ts';
import { tokenFailure } from './token-failure.ts';

/** A sign-in that has begun: all that is needed to finish it, and to tell its answer from any other. Kept sealed. */
export interface Authorization {
	/** As it described itself when the sign-in began: the answer is judged by that and nothing newer. */
	readonly server: AuthorizationServer;
	readonly registration: Registration;
	readonly redirectUri: string;
	readonly resource: string;
	readonly scopes: readonly string[] | undefined;
	/** Secret of PKCE (RFC 7636). */
	readonly verifier: string;
}

/** A sign-in to come. */
export type NewAuthorization = Omit<Authorization, 'verifier'>;

/** Begins one; throws PC_OAUTH_PKCE or PC_OAUTH_METADATA where the server does not offer what that takes. */
export function beginAuthorization(wanted: NewAuthorization): Authorization {
	return { ...wanted, server: checkCodeFlow(wanted.server), verifier: generateRandomCodeVerifier() };
}

/** Where to send the browser. */
export async function authorizationUrl(authorization: Authorization, state: string): Promise<string> {
	const { server, registration, redirectUri, resource, scopes, verifier } = authorization;
	const url = new URL(checkCodeFlow(server).authorization_endpoint);
	const parameters = {
		response_type: 'code',
		client_id: registration.clientId,
		redirect_uri: redirectUri,
		...(scopes && { scope: scopes.join(' ') }),
		state,
		code_challenge: await calculatePKCECodeChallenge(verifier),
		code_challenge_method: 'S256',
		resource,
		// Without it offline access is not given (OpenID Connect Core §11).
		...(scopes?.includes('offline_access') && { prompt: 'consent' }),
	};
	for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
	return url.href;
}

/**
 * Judges the answer the browser came back with: PC_OAUTH_ISSUER unless its `iss` is that of the server that was asked,
 * or absent where none was promised (RFC 9207 §2.4), PC_OAUTH_DENIED where it is an error, else what can be redeemed.
 */
export function checkCallback({ server, registration }: Authorization, query: URLSearchParams, state: string) {
	// Before anything else is believed, so that no error of a stranger is shown either.
	const named = query.getAll('iss');
	const isPromised = server.authorization_response_iss_parameter_supported === true;
	if (named.length > 1 || (named.length === 0 ? isPromised : named[0] !== server.issuer)) {
		throw new PortcullisError('PC_OAUTH_ISSUER');
	}
	try {
		return validateAuthResponse(server, clientOf(registration), query, state);
	} catch (error) {
		const failure = tokenFailure(error);
		throw errorCode(failure) === 'PC_OAUTH_DENIED' ? failure : new PortcullisError('PC_OAUTH_INVALID');
	}
}

/** Scopes to ask for: all that were asked for or given before and all that are needed now (step-up is a union). */
export function unionOfScopes(...parts: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
	const all = [...new Set(parts.flatMap((part) => part ?? []))];
	return all.length === 0 ? undefined : all;
}

/** With what lets a connection be renewed, where the server knows that scope (OpenID Connect Core §11). */
export function withOfflineAccess(
	scopes: readonly string[] | undefined,
	{ scopes_supported }: AuthorizationServer,
): readonly string[] | undefined {
	// Where no scope is asked for the server gives its usual ones, and asking for this one alone would give nothing else.
	if (scopes === undefined || scopes_supported?.includes('offline_access') !== true) return scopes;
	return unionOfScopes(scopes, ['offline_access']);
}
