import type { CodeGrant } from '../identity/sign-in/sign-in.ts';

/** Body of the request that redeems an authorization code (RFC 6749 §4.1.3), for a token endpoint and nobody else. */
export function codeForm({ clientId, clientSecret, code, redirectUri, verifier }: CodeGrant): string {
	const client = { client_id: clientId, client_secret: clientSecret.reveal() };
	const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
	return new URLSearchParams({ ...grant, ...client }).toString();
}
