import type { Secret } from '../lib/secret.ts';

/** What an application proves itself with at a token endpoint. */
export interface ClientCredentials {
	readonly clientId: string;
	readonly clientSecret: Secret;
	readonly scope: string;
}

/** Body of a client credentials request (RFC 6749 §2.3.1, §4.4.2), for a token endpoint and nobody else. */
export function clientForm({ clientId, clientSecret, scope }: ClientCredentials): string {
	const fields = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret.reveal(), scope };
	return new URLSearchParams(fields).toString();
}
