import type { Server, SnapshotSource } from '../../config/snapshot.ts';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { Principal } from '../../identity/principal.ts';
import { principalKey } from '../../lib/principal-key.ts';
import { type CredentialRow, credentialAt, deleteCredential, listCredentials } from '../../store/queries/credential.ts';
import { checkCallback } from './authorization.ts';
import { type BeginParts, beginConnecting, workspaceOfState } from './begin-connecting.ts';
import type { Connection, Connections } from './connections.ts';
import { type KeepingParts, keepCredential, keepTokens, RENEWABLE } from './keep-credential.ts';
import { type Connectable, connectables, isForPeople, reachServer, wayOf } from './reach-server.ts';
import type { SealedRows } from './sealed-rows.ts';
import type { StoredTokens } from './stored-tokens.ts';
import type { TokenRequests } from './token-requests.ts';

/** What connections are made with. */
export interface ConnectionsParts extends BeginParts, KeepingParts {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	readonly rows: SealedRows;
	readonly requests: TokenRequests;
	/** Names of the secrets that a server's definition refers to. */
	readonly asksOf: (server: Server) => readonly string[];
}

const REASON = 'connect-account';
/** Limit of all that is asked of a service for one step, milliseconds. */
const STEP_MS = 30_000;

/** Connections as the pages use them. */
export function createConnections(parts: ConnectionsParts): Connections {
	const { snapshots, store } = parts;
	const reach = (person: Parameters<Connections['begin']>[0], name: Parameters<Connections['begin']>[1]) =>
		reachServer(snapshots.current(), person, name);
	const rowAt = ({ workspace, server, owner }: Connectable) =>
		store.withWorkspace(workspace.id, REASON, (tx) => credentialAt(tx, { server: server.slug, owner }));
	const shown = async (connectable: Connectable): Promise<Connection> =>
		connectionOf(parts, connectable, await rowAt(connectable));

	return {
		async list(person) {
			const all = connectables(snapshots.current(), person).filter(isForPeople);
			const workspaces = [...new Set(all.map(({ workspace }) => workspace))];
			const found = new Map<string, CredentialRow>();
			for (const { id, slug } of workspaces) {
				const known = await store.withWorkspace(id, REASON, (tx) => listCredentials(tx));
				for (const row of known) found.set(placeKey(slug, row.server, row), row);
			}
			return all.map((each) => {
				const { workspace, server, owner } = each;
				return connectionOf(parts, each, found.get(placeKey(workspace.slug, server.slug, owner ?? NOBODY)));
			});
		},
		async begin(person, name, browserSession) {
			const connectable = reach(person, name);
			if (wayOf(connectable.server) !== 'oauth' || !isForPeople(connectable)) {
				throw new PortcullisError('PC_ADDRESS_UNKNOWN');
			}
			const signal = AbortSignal.timeout(STEP_MS);
			const before = await tokensOf(parts, connectable, await rowAt(connectable), signal);
			const origin = originOf(parts);
			return { url: await beginConnecting(parts, { connectable, person, browserSession, origin, before, signal }) };
		},
		finish: async (query, browserSession, person) =>
			shown(await finishConnecting(parts, { query, browserSession, person })),
		disconnect: async (person, name) => disconnect(parts, reach(person, name)),
		async setValues(person, name, values) {
			const connectable = reach(person, name);
			const asks = parts.asksOf(connectable.server);
			const isWhole = asks.length > 0 && asks.every((each) => (values[each] ?? '') !== '');
			if (!isWhole) throw new PortcullisError('PC_PARAMS_INVALID');
			const text = JSON.stringify(Object.fromEntries(asks.map((each) => [each, values[each]])));
			await keepCredential(parts, connectable, {
				text,
				values: { kind: 'values', names: asks, createdBy: principalKey(person) },
				signal: AbortSignal.timeout(STEP_MS),
			});
		},
	};
}

interface Back {
	readonly query: URLSearchParams;
	readonly browserSession: string;
	readonly person: Principal;
}

async function finishConnecting(
	parts: ConnectionsParts,
	{ query, browserSession, person }: Back,
): Promise<Connectable> {
	const signal = AbortSignal.timeout(STEP_MS);
	const [state = '', ...more] = query.getAll('state');
	const workspaceId = more.length > 0 ? undefined : workspaceOfState(state);
	const isTheirs = [...person.grants.values()].some((grant) => grant.workspaceId === workspaceId);
	if (workspaceId === undefined || !isTheirs) throw new PortcullisError('PC_OAUTH_STATE');
	const back = await parts.rows.take(workspaceId, { state, browserSession, person }, signal);
	if (back === undefined) throw new PortcullisError('PC_OAUTH_STATE');
	const { authorization } = back;
	const callback = checkCallback(authorization, query, state);
	const connectable = connectables(parts.snapshots.current(), person).find(
		({ workspace, server }) => workspace.id === workspaceId && server.slug === back.server,
	);
	// What has changed meanwhile (whose the credential is, or whether they may) is not decided by what was meant then.
	const isSame = (connectable?.owner === undefined ? 'workspace' : 'principal') === back.owner;
	if (connectable === undefined || !isSame) throw new PortcullisError('PC_OAUTH_STATE');
	const { verifier, redirectUri, server, registration, resource, scopes } = authorization;
	const place = { server, registration, resource, signal };
	const set = await parts.requests.redeem(place, { callback, verifier, redirectUri });
	const from = { grant: 'authorization-code', issuer: server.issuer, registration, resource, asked: scopes } as const;
	await keepTokens(parts, connectable, { set, from, createdBy: principalKey(person), signal });
	return connectable;
}

async function disconnect(parts: ConnectionsParts, connectable: Connectable): Promise<void> {
	const { workspace, server, owner } = connectable;
	const place = { server: server.slug, owner };
	const row = await parts.store.withWorkspace(workspace.id, REASON, (tx) => credentialAt(tx, place));
	if (row === undefined) return;
	const signal = AbortSignal.timeout(STEP_MS);
	const tokens = await tokensOf(parts, connectable, row, signal).catch(() => undefined);
	await parts.store.withWorkspace(workspace.id, REASON, (tx) => deleteCredential(tx, { id: row.id }));
	await parts.refresh();
	// Here it is gone whatever the service says of it.
	if (tokens !== undefined) await revoke(parts, connectable, tokens, signal).catch(() => undefined);
}

const NOBODY = { issuer: null, tid: null, oid: null };

function placeKey(
	workspace: string,
	server: string,
	{ issuer, tid, oid }: { readonly issuer: string | null; readonly tid: string | null; readonly oid: string | null },
): string {
	return JSON.stringify([workspace, server, issuer, tid, oid]);
}

function originOf({ snapshots }: ConnectionsParts): string {
	const { url } = snapshots.current().names;
	if (url === undefined) throw new PortcullisError('PC_OAUTH_CLIENT_NEEDED', { detail: 'publicUrl is not set' });
	return url;
}

async function tokensOf(
	{ rows }: ConnectionsParts,
	{ workspace }: Connectable,
	row: CredentialRow | undefined,
	signal: AbortSignal,
): Promise<StoredTokens | undefined> {
	if (row?.kind !== 'oauth') return undefined;
	const sealed = await rows.credential(workspace.id, row.id);
	return sealed && rows.openTokens(workspace.id, sealed, signal);
}

async function revoke(
	parts: ConnectionsParts,
	{ workspace, server }: Connectable,
	tokens: StoredTokens,
	signal: AbortSignal,
): Promise<void> {
	const { issuer, how, clientId, resource, refreshToken, accessToken } = tokens;
	const known = await parts.rows.registration({ workspaceId: workspace.id, server: server.slug }, issuer, signal);
	const registration = how === 'document' ? { issuer, how, clientId, authMethod: 'none' as const } : known;
	if (registration?.clientId !== clientId) return;
	const place = { server: await parts.discovery.authorizationServer(issuer, signal), registration, resource, signal };
	if (refreshToken !== undefined) await parts.requests.revoke(place, refreshToken, 'refresh_token');
	await parts.requests.revoke(place, accessToken, 'access_token');
}

function connectionOf(
	{ asksOf }: ConnectionsParts,
	{ workspace, server, owner }: Connectable,
	row: CredentialRow | undefined,
): Connection {
	const asks = asksOf(server);
	const way = wayOf(server);
	return {
		workspace: workspace.slug,
		server: server.slug,
		title: server.title,
		workspaceTitle: workspace.title,
		whose: owner === undefined ? 'workspace' : 'principal',
		way,
		asks: way === 'values' ? asks : [],
		state: row?.state ?? 'none',
		connectedAs: row?.connectedAs || undefined,
		since: row?.createdAt.getTime(),
		expiresAt: isRenewed(row) ? undefined : row?.expiresAt?.getTime(),
		needsAttention: row?.reason ?? undefined,
	};
}

// What is renewed by itself does not end by itself.
function isRenewed(row: CredentialRow | undefined): boolean {
	return row?.kind !== 'oauth' || row.names.includes(RENEWABLE);
}
