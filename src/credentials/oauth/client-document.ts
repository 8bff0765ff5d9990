/** Where the gateway's own addresses for OAuth are. */
export const CLIENT_DOCUMENT_PATH = '/oauth/client.json';
/** Where browsers come back to. */
export const CALLBACK_PATH = '/oauth/callback';

/** The gateway as a client, as it says of itself to authorization servers. */
export interface ClientDocument {
	readonly client_name: string;
	readonly client_uri: string;
	readonly redirect_uris: readonly [string];
	readonly grant_types: readonly string[];
	readonly response_types: readonly string[];
	readonly application_type: 'web';
}

/** What the gateway at this origin says of itself when it registers (RFC 7591 §2). */
export function clientMetadata(origin: string): ClientDocument {
	return {
		client_name: 'Portcullis',
		client_uri: origin,
		redirect_uris: [origin + CALLBACK_PATH],
		grant_types: ['authorization_code', 'refresh_token'],
		response_types: ['code'],
		application_type: 'web',
	};
}

/**
 * The document at `/oauth/client.json`, whose address is the client's id at every authorization server that reads such
 * documents (client id metadata documents). It is public and the same for all workspaces, so it proves nothing by itself.
 */
export function clientDocument(origin: string) {
	return {
		client_id: origin + CLIENT_DOCUMENT_PATH,
		...clientMetadata(origin),
		token_endpoint_auth_method: 'none',
	} as const;
}
