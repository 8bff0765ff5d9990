import { randomBytes } from 'node:crypto';
import type { NetworkTransport } from '../../config/snapshot.ts';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { authorizationUrl, beginAuthorization, unionOfScopes, withOfflineAccess } from './authorization.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import { chooseClient } from './choose-client.ts';
import { CALLBACK_PATH } from './client-document.ts';
import type { Discovery, ResourceFacts } from './discovery.ts';
import type { OAuthFetch } from './egress-fetch.ts';
import type { Connectable } from './reach-server.ts';
import type { Registration } from './registration.ts';
import type { Expected, SealedRows } from './sealed-rows.ts';
import type { StoredTokens } from './stored-tokens.ts';

/** What beginning a sign-in takes. */
export interface BeginParts {
	readonly rows: SealedRows;
	readonly discovery: Discovery;
	readonly fetch: OAuthFetch;
	readonly now: () => number;
}

/** One sign-in to begin. */
export interface Beginning extends Pick<Expected, 'browserSession' | 'person'> {
	readonly connectable: Connectable;
	/** Origin of the gateway, as browsers reach it. */
	readonly origin: string;
	/** The connection there is, whose scopes are asked for again. */
	readonly before: StoredTokens | undefined;
	readonly signal: AbortSignal;
}

/** How long somebody may take to sign in at a service, milliseconds. */
const LASTS_MS = 600_000;

/** Finds out who issues tokens for the server, becomes their client, expects the person back; gives where to send them. */
export async function beginConnecting(parts: BeginParts, beginning: Beginning): Promise<string> {
	const { connectable, origin, before, signal } = beginning;
	const { server, workspace, owner } = connectable;
	const transport = server.transport as NetworkTransport;
	const facts = await parts.discovery.resourceOf(new URL(transport.url), signal);
	const authorizationServer = await firstUsable(parts.discovery, issuersOf(transport, facts), signal);
	const place = { workspaceId: workspace.id, server: server.slug };
	const registration = await clientAt(parts, { place, authorizationServer, origin, signal });
	const needed = unionOfScopes(before?.asked, before?.wanted, transport.oauth?.scopes ?? facts.scopes);
	const authorization = beginAuthorization({
		server: authorizationServer,
		registration,
		redirectUri: origin + CALLBACK_PATH,
		resource: facts.resource,
		scopes: withOfflineAccess(needed, authorizationServer),
	});
	const state = newState(workspace.id);
	const { browserSession, person } = beginning;
	const whose = owner === undefined ? 'workspace' : 'principal';
	const pending = { state, browserSession, person, authorization, owner: whose, lastsMs: LASTS_MS } as const;
	await parts.rows.expect(place, pending, signal);
	return authorizationUrl(authorization, state);
}

/**
 * The client to be at this authorization server, registered now where that is how it is done. Two people who come at the
 * same time are one client.
 */
export async function clientAt(
	{ rows, fetch, now }: BeginParts,
	at: {
		readonly place: { readonly workspaceId: string; readonly server: string };
		readonly authorizationServer: AuthorizationServer;
		readonly origin: string;
		readonly signal: AbortSignal;
	},
): Promise<Registration> {
	const { place, authorizationServer, origin, signal } = at;
	const known = await rows.registration(place, authorizationServer.issuer, signal);
	const chosen = await chooseClient(authorizationServer, { fetch, origin, known, now: now(), signal });
	if (chosen === known || chosen.how !== 'dynamic') return chosen;
	return rows.keepRegistration(place, { registration: chosen, replaces: known }, signal);
}

/** The issuers to try, first the one that an administrator named. A server that names others must name that one too. */
export function issuersOf({ oauth }: NetworkTransport, facts: ResourceFacts): readonly string[] {
	return oauth?.issuer === undefined ? facts.issuers : [oauth.issuer];
}

/** The first that says of itself what it must; the failure of the last where none does. */
export async function firstUsable(
	discovery: Discovery,
	issuers: readonly string[],
	signal: AbortSignal,
): Promise<AuthorizationServer> {
	let failure: unknown = new PortcullisError('PC_OAUTH_UNDISCOVERED', { detail: 'no issuer is named' });
	for (const issuer of issuers) {
		try {
			return await discovery.authorizationServer(issuer, signal);
		} catch (error) {
			failure = error;
		}
	}
	throw failure;
}

/** A state that nobody guesses. It says in which workspace its row is, for nothing else does when it comes back. */
export function newState(workspaceId: string): string {
	return `${Buffer.from(workspaceId.replaceAll('-', ''), 'hex').toString('base64url')}.${randomBytes(32).toString('base64url')}`;
}

/** The workspace a state names; `undefined` where it is none of ours. */
export function workspaceOfState(state: string): string | undefined {
	const [, id] = /^([\w-]{22})\.[\w-]{43}$/.exec(state) ?? [];
	if (id === undefined) return undefined;
	const hex = Buffer.from(id, 'base64url').toString('hex');
	return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
