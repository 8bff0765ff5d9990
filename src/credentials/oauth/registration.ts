import { importPKCS8 } from 'jose';
import { type Client, type ClientAuth, ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt } from 'oauth4webapi';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { AuthorizationServer } from './authorization-server.ts';

/** How a client proves at the token endpoint who it is. */
export type AuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** The gateway as one authorization server knows it, for one server of one workspace. Holds secrets; kept sealed. */
export interface Registration {
	/** Exact issuer it belongs to; it is shown to no other. */
	readonly issuer: string;
	readonly how: 'pre-registered' | 'metadata-document' | 'dynamic';
	readonly clientId: string;
	readonly authMethod: AuthMethod;
	readonly clientSecret?: string;
	/** When the secret ends, milliseconds since 1970. */
	readonly secretExpiresAt?: number;
	/** Signs assertions (RFC 7523). */
	readonly privateKey?: PrivateKeyText;
	/** The address of the way back that it was made for. */
	readonly redirectUri?: string;
}

/** A private key as an administrator gives it. */
export interface PrivateKeyText {
	/** PKCS #8 as PEM. */
	readonly pem: string;
	readonly alg: 'RS256' | 'PS256' | 'ES256';
	readonly kid?: string;
}

/** The client in the words of the library. */
export function clientOf({ clientId }: Registration): Client {
	return { client_id: clientId };
}

/** Its proof. Throws PC_OAUTH_CLIENT_NEEDED where what it needs is not there. */
export async function clientAuthOf(registration: Registration): Promise<ClientAuth> {
	const { authMethod, clientSecret, privateKey } = registration;
	if (authMethod === 'none') return None();
	if (authMethod === 'private_key_jwt') return privateKeyAuth(privateKey);
	if (clientSecret === undefined) throw needed('the client has no secret');
	return authMethod === 'client_secret_post' ? ClientSecretPost(clientSecret) : ClientSecretBasic(clientSecret);
}

async function privateKeyAuth(privateKey: PrivateKeyText | undefined): Promise<ClientAuth> {
	if (privateKey === undefined) throw needed('the client has no private key');
	const { pem, alg, kid } = privateKey;
	const key = await importPKCS8(pem, alg).catch(() => {
		// The library's error may quote the text.
		throw needed('the private key cannot be read');
	});
	return PrivateKeyJwt(kid === undefined ? key : { key, kid });
}

/** The method that a client with a secret uses here: what the server offers first of what we can (RFC 8414 §2). */
export function secretMethodOf(server: AuthorizationServer): AuthMethod {
	const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
	return offered.includes('client_secret_basic') || !offered.includes('client_secret_post')
		? 'client_secret_basic'
		: 'client_secret_post';
}

function needed(detail: string): PortcullisError {
	return new PortcullisError('PC_OAUTH_CLIENT_NEEDED', { detail });
}
