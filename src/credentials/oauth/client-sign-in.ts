import type { NetworkTransport } from '../../config/snapshot.ts';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { putRegistration } from '../../store/queries/oauth-registration.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { firstUsable, issuersOf } from './begin-connecting.ts';
import { CALLBACK_PATH } from './client-document.ts';
import type { ConnectionsParts } from './create-connections.ts';
import type { ResourceFacts } from './discovery.ts';
import { keepTokens } from './keep-credential.ts';
import { type Connectable, oauthOf } from './reach-server.ts';
import { type AuthMethod, type PrivateKeyText, type Registration, secretMethodOf } from './registration.ts';

/** A client that an administrator registered at a service, as it was given to them. */
export interface GivenClient {
	readonly clientId: string;
	readonly clientSecret?: string | undefined;
	readonly privateKey?: PrivateKeyText | undefined;
	/** What the service offers first of what fits, unless told. */
	readonly authMethod?: AuthMethod | undefined;
}

/** Whose client it is, and who gives it. */
export interface ClientPlace {
	readonly connectable: Connectable;
	/** One text for whoever gives it. */
	readonly createdBy: string;
}

/** What became of a given client. */
export interface StoredClient {
	readonly issuer: string;
	readonly clientId: string;
	readonly authMethod: AuthMethod;
	/** Whether the gateway has signed in with it: for servers whose grant is `client-credentials`. */
	readonly connected: boolean;
}

const STEP_MS = 30_000;

/**
 * Keeps a client for a server, and where the gateway signs in by itself does so at once: a client that does not work is
 * refused and leaves what was there.
 */
export async function storeClient(
	parts: ConnectionsParts,
	{ connectable, createdBy }: ClientPlace,
	given: GivenClient,
): Promise<StoredClient> {
	const signal = AbortSignal.timeout(STEP_MS);
	const { server, workspace } = connectable;
	const oauth = oauthOf(server);
	if (oauth === undefined) {
		throw new PortcullisError('PC_CONFLICT', { detail: 'the server has no oauth' });
	}
	const transport = server.transport as NetworkTransport;
	const facts = await parts.discovery.resourceOf(new URL(transport.url), signal);
	const at = await firstUsable(parts.discovery, issuersOf(transport, facts), signal);
	const registration = registrationOf(parts, at, given);
	const isByClient = oauth.grant === 'client-credentials';
	const signedIn = isByClient ? await signIn(parts, { transport, facts, at, registration, signal }) : undefined;
	await keepRegistration(parts, { workspaceId: workspace.id, server: server.slug }, registration);
	if (signedIn !== undefined) await keepTokens(parts, connectable, { ...signedIn, createdBy, signal });
	const { issuer, clientId, authMethod } = registration;
	return { issuer, clientId, authMethod, connected: isByClient };
}

interface SigningIn {
	readonly transport: NetworkTransport;
	readonly facts: ResourceFacts;
	readonly at: AuthorizationServer;
	readonly registration: Registration;
	readonly signal: AbortSignal;
}

async function signIn(parts: ConnectionsParts, { transport, facts, at, registration, signal }: SigningIn) {
	const asked = transport.oauth?.scopes ?? facts.scopes;
	const { resource } = facts;
	const set = await parts.requests.byClient({ server: at, registration, resource, signal }, asked);
	return { set, from: { grant: 'client-credentials', issuer: at.issuer, registration, resource, asked } as const };
}

function registrationOf(parts: ConnectionsParts, at: AuthorizationServer, given: GivenClient): Registration {
	const { clientId, clientSecret, privateKey } = given;
	const { url } = parts.snapshots.current().names;
	return {
		...{ issuer: at.issuer, how: 'pre-registered', clientId, authMethod: given.authMethod ?? methodOf(at, given) },
		...(clientSecret !== undefined && { clientSecret }),
		...(privateKey !== undefined && { privateKey }),
		...(url !== undefined && { redirectUri: url + CALLBACK_PATH }),
	};
}

function methodOf(at: AuthorizationServer, { clientSecret, privateKey }: GivenClient): AuthMethod {
	if (privateKey !== undefined) return 'private_key_jwt';
	return clientSecret === undefined ? 'none' : secretMethodOf(at);
}

async function keepRegistration(
	parts: ConnectionsParts,
	{ workspaceId, server }: { readonly workspaceId: string; readonly server: string },
	registration: Registration,
): Promise<void> {
	const signal = AbortSignal.timeout(STEP_MS);
	const { bytes, keyId } = await parts.rows.sealRegistration({ workspaceId, server }, registration, signal);
	const { issuer, clientId, how, redirectUri = '' } = registration;
	const values = { clientId, method: how, sealed: bytes, keyId, redirectUri, expiresAt: null };
	await parts.store.withWorkspace(workspaceId, 'store-oauth-client', (tx) =>
		putRegistration(tx, { server, issuer, replaces: undefined }, values),
	);
}
