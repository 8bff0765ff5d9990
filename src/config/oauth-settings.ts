/** How a credential for a server is got by signing in at its service (OAuth 2.1). */
export interface OAuthSettings {
	/** `authorization-code`: people sign in. `client-credentials`: the gateway itself does. */
	readonly grant: 'authorization-code' | 'client-credentials';
	/** The only authorization server to use; `undefined`: those that the server names. */
	readonly issuer: string | undefined;
	/** Scopes to ask for; `undefined`: those that the server names. */
	readonly scopes: readonly string[] | undefined;
}
