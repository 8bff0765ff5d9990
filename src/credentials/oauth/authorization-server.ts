import type { AuthorizationServer as Metadata } from 'oauth4webapi';
import { z } from 'zod';
import { PortcullisError } from '../../errors/portcullis-error.ts';

/** An authorization server as it describes itself, checked; only what is used of it. */
export type AuthorizationServer = Metadata & { readonly token_endpoint: string };

const texts = z.array(z.string().max(1_000)).max(1_000).optional();
const endpoint = z.string().max(2_048);

const SCHEMA = z.object({
	issuer: z.string().max(2_048),
	token_endpoint: endpoint,
	authorization_endpoint: endpoint.optional(),
	registration_endpoint: endpoint.optional(),
	revocation_endpoint: endpoint.optional(),
	scopes_supported: texts,
	response_types_supported: texts,
	grant_types_supported: texts,
	token_endpoint_auth_methods_supported: texts,
	code_challenge_methods_supported: texts,
	authorization_response_iss_parameter_supported: z.boolean().optional(),
	client_id_metadata_document_supported: z.boolean().optional(),
});

const ENDPOINTS = ['token_endpoint', 'authorization_endpoint', 'registration_endpoint', 'revocation_endpoint'] as const;

/**
 * Checks a metadata document that was asked for under this issuer. Throws PC_OAUTH_METADATA unless it names exactly that
 * issuer (RFC 8414 §3.3: the defence against one server that speaks for another) and addresses one may go to.
 */
export function parseAuthorizationServer(document: unknown, issuer: string): AuthorizationServer {
	const parsed = SCHEMA.safeParse(document);
	if (!parsed.success) throw unsafe('the metadata lacks what it must hold');
	const { data } = parsed;
	if (data.issuer !== issuer) throw unsafe('the metadata names another issuer');
	for (const name of ENDPOINTS) {
		const address = data[name];
		if (address !== undefined && !isEndpoint(address, issuer)) throw unsafe(`${name} is no address to go to`);
	}
	return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as AuthorizationServer;
}

/** What is needed to send a browser there: an address, the code flow, and PKCE with S256. */
export function checkCodeFlow(server: AuthorizationServer): AuthorizationServer & { authorization_endpoint: string } {
	const { authorization_endpoint, response_types_supported, code_challenge_methods_supported } = server;
	if (authorization_endpoint === undefined) throw unsafe('there is no authorization endpoint');
	if (response_types_supported?.includes('code') === false) throw unsafe('the code flow is not offered');
	// Absent is not enough: a server that does not know PKCE would ignore it (mcp 2026-07-28: basic/authorization).
	if (code_challenge_methods_supported?.includes('S256') !== true) throw new PortcullisError('PC_OAUTH_PKCE');
	return { ...server, authorization_endpoint };
}

// Browsers are sent there and secrets posted to it. Plain http only where the issuer itself was reached by it, which the
// guard of outgoing requests has to have allowed.
function isEndpoint(address: string, issuer: string): boolean {
	if (!URL.canParse(address)) return false;
	const { protocol, origin, hash, username, password } = new URL(address);
	if (hash !== '' || username !== '' || password !== '') return false;
	return protocol === 'https:' || (protocol === 'http:' && origin === new URL(issuer).origin);
}

function unsafe(detail: string): PortcullisError {
	return new PortcullisError('PC_OAUTH_METADATA', { detail });
}
