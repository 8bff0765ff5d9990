import {
	customFetch,
	dynamicClientRegistrationRequest,
	processDynamicClientRegistrationResponse,
	ResponseBodyError,
} from 'oauth4webapi';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { CALLBACK_PATH, clientDocument, clientMetadata } from './client-document.ts';
import type { OAuthFetch } from './egress-fetch.ts';
import { type AuthMethod, type Registration, secretMethodOf } from './registration.ts';
import { insecureAllowed, tokenFailure } from './token-failure.ts';

/** What is needed to become a client. */
export interface ChoosingParts {
	readonly fetch: OAuthFetch;
	/** Origin of the gateway, as browsers reach it. */
	readonly origin: string;
	/** What is stored for this issuer, workspace and server. */
	readonly known: Registration | undefined;
	readonly now: number;
	readonly signal: AbortSignal;
}

/**
 * The client to be at this authorization server, in the order of the specification: one that an administrator stored,
 * our document, one that was registered before or is now. Throws PC_OAUTH_CLIENT_NEEDED where none of it can be done.
 */
export async function chooseClient(server: AuthorizationServer, parts: ChoosingParts): Promise<Registration> {
	const { known, origin } = parts;
	if (known?.how === 'pre-registered') return known;
	if (server.client_id_metadata_document_supported === true && origin.startsWith('https://')) {
		const { client_id: clientId, redirect_uris } = clientDocument(origin);
		const [redirectUri] = redirect_uris;
		return { issuer: server.issuer, how: 'metadata-document', clientId, authMethod: 'none', redirectUri };
	}
	if (known !== undefined && isGood(known, parts)) return known;
	if (server.registration_endpoint === undefined) throw new PortcullisError('PC_OAUTH_CLIENT_NEEDED');
	return register(server, parts);
}

function isGood({ redirectUri, secretExpiresAt }: Registration, { origin, now }: ChoosingParts): boolean {
	return redirectUri === origin + CALLBACK_PATH && (secretExpiresAt === undefined || secretExpiresAt > now);
}

async function register(server: AuthorizationServer, parts: ChoosingParts): Promise<Registration> {
	const { fetch, origin, signal } = parts;
	const asked = { ...clientMetadata(origin), token_endpoint_auth_method: methodToAsk(server) };
	const options = { [customFetch]: fetch, ...insecureAllowed(), signal };
	const made = await dynamicClientRegistrationRequest(server, asked as never, options)
		.then(processDynamicClientRegistrationResponse)
		.catch((error: unknown) => {
			throw registrationFailure(error);
		});
	const secret = typeof made.client_secret === 'string' ? made.client_secret : undefined;
	const ends = Number(made.client_secret_expires_at ?? 0) * 1_000;
	return {
		issuer: server.issuer,
		how: 'dynamic',
		clientId: made.client_id,
		authMethod: methodGiven(made['token_endpoint_auth_method'], secret),
		...(secret !== undefined && { clientSecret: secret }),
		...(secret !== undefined && ends > 0 && { secretExpiresAt: ends }),
		redirectUri: asked.redirect_uris[0],
	};
}

// A secret of our own binds the refresh tokens to us; a public client has only its address.
function methodToAsk(server: AuthorizationServer): AuthMethod {
	const offered = server.token_endpoint_auth_methods_supported;
	const canHoldSecret = offered?.some((method) => method.startsWith('client_secret_')) ?? true;
	return canHoldSecret ? secretMethodOf(server) : 'none';
}

const METHODS: readonly AuthMethod[] = ['none', 'client_secret_basic', 'client_secret_post'];

// What the server says counts (RFC 7591 §3.2.1); some say nothing.
function methodGiven(said: unknown, secret: string | undefined): AuthMethod {
	const method = METHODS.find((known) => known === said);
	if (said !== undefined && method === undefined) {
		throw new PortcullisError('PC_OAUTH_INVALID', {
			detail: 'registration: an authentication method nobody asked for',
		});
	}
	return secret === undefined ? 'none' : (method ?? 'client_secret_basic');
}

function registrationFailure(error: unknown): PortcullisError {
	const isRefusal = error instanceof ResponseBodyError && error.status < 500 && error.status !== 429;
	const detail = 'registration was refused';
	return isRefusal ? new PortcullisError('PC_OAUTH_CLIENT_NEEDED', { detail }, { cause: error }) : tokenFailure(error);
}
