import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { createKeyRing } from '../../../src/credentials/keys/key-ring.ts';
import type { ConnectionTarget } from '../../../src/credentials/oauth/access-tokens.ts';
import { createOAuth, type OAuth } from '../../../src/credentials/oauth/create-oauth.ts';
import { createSealing } from '../../../src/credentials/sealing/create-sealing.ts';
import type { Principal } from '../../../src/identity/principal.ts';
import { createEgress } from '../../../src/lib/egress/create-egress.ts';
import { principalKey } from '../../../src/lib/principal-key.ts';
import { scopeKey } from '../../../src/lib/scope.ts';
import { createStore, type Store } from '../../../src/store/store.ts';
import { type ManagedGateway, startManagedGateway } from '../managed-gateway.ts';
import type { TestDatabase } from '../postgres.ts';
import { createBrowser } from './browser.ts';
import type { OAuthService } from './third-party.ts';

/** Where the gateway of the tests says it is; nobody goes there. */
export const ORIGIN = 'https://gateway.example';

/** The one wrapping key of the tests: random, and no secret. */
export const RING_KEY = createHash('sha512').update('a key of the tests').digest().subarray(0, 32);

/** Where services of the tests are. */
const LOOPBACK: readonly string[] = ['127.0.0.0/8'];

/** A gateway over a real database with servers of services, and what people connect them with. */
export interface ConnectingWorld {
	readonly gateway: ManagedGateway;
	readonly database: TestDatabase;
	/** The OAuth client of a process; each is one by itself, with connections of its own to the database. */
	process(parts?: { readonly now?: () => number }): OAuth & { readonly store: Store };
	/** Somebody who holds this level in these workspaces. */
	/** The same person's token for the gateway; it is in the groups of these workspaces. */
	tokenOf(name: string, workspaces: readonly string[]): string;
	person(name: string, workspaces: readonly string[], level?: 'read' | 'write' | 'admin'): Principal;
	/** Begins at one place, signs in as `login` at the service and finishes; whatever fails is thrown. */
	connect(oauth: OAuth, who: Connecting): Promise<URL>;
	idOf(workspace: string): string;
	/** What calls with this person's connection (`undefined`: the workspace's) are made with. */
	targetOf(
		person: Principal | undefined,
		at: { readonly workspace: string; readonly server: string },
	): Promise<ConnectionTarget>;
	/** Asks the database, as nobody else may. */
	query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
	close(): Promise<void>;
}

/** Who connects what. */
export interface Connecting {
	readonly person: Principal;
	readonly workspace: string;
	readonly server: string;
	readonly login: string;
	readonly session?: string;
}

/** Servers by workspace and slug. */
export type WorldServers = Readonly<Record<string, Readonly<Record<string, OAuthService>>>>;

/** A definition of a server that people connect themselves. */
export const personalServer = ({ mcp }: OAuthService, oauth: object = {}): object => ({
	...{ transport: 'http', url: mcp.url, credential: 'principal', oauth },
	headers: { authorization: 'Bearer ${secret:token}' },
});

/** Starts it; `define` says what a server of a service is. */
export async function startConnectingWorld(servers: WorldServers, define = personalServer): Promise<ConnectingWorld> {
	const workspaces = Object.fromEntries(
		Object.entries(servers).map(([workspace, services]) => [
			workspace,
			{ servers: Object.fromEntries(Object.entries(services).map(([slug, service]) => [slug, define(service)])) },
		]),
	);
	const grants = Object.keys(servers).map((workspace) => ({ group: workspace, workspace, access: 'write' }));
	const admins = Object.keys(servers).map((workspace) => ({
		group: `${workspace}-admins`,
		workspace,
		access: 'admin',
	}));
	const keys = createKeyRing([{ id: 'test', key: RING_KEY }]);
	const gateway = await startManagedGateway(
		{ publicUrl: ORIGIN, workspaces, grants: [...grants, ...admins] },
		{ keys, egressAllow: [...LOOPBACK] },
	);
	const { database, configuration } = gateway;
	const stores: Store[] = [];
	const opened: OAuth[] = [];
	const idOf = (workspace: string): string => configuration.snapshots.current().workspaces.get(workspace)?.id ?? '';
	const query: ConnectingWorld['query'] = async <Row extends pg.QueryResultRow>(
		text: string,
		values: unknown[] = [],
	) => {
		const client = new pg.Client(database.superuser);
		await client.connect();
		try {
			return (await client.query<Row>(text, values)).rows;
		} finally {
			await client.end();
		}
	};
	return {
		gateway,
		database,
		idOf,
		query,
		async targetOf(person, { workspace, server }) {
			const workspaceId = idOf(workspace);
			const [row] = await query<{ id: string; version: number }>(
				`select c.id, c.version from portcullis.credential c join portcullis.server s on s.id = c.server_id
				 where c.workspace_id = $1 and s.slug = $2 and c.oid is not distinct from $3`,
				[workspaceId, server, person?.oid ?? null],
			);
			const { id: credentialId = '', version = 0 } = row ?? {};
			const credential = `${credentialId}:${version}`;
			const key = scopeKey({ workspace, server, revision: 'r', credential, principal: person?.key ?? null });
			return { key, workspaceId, credentialId, version };
		},
		process({ now = Date.now } = {}) {
			const store = createStore({ connections: { app: database.app, platform: database.platform } });
			stores.push(store);
			const made = createOAuth({
				...{ snapshots: configuration.snapshots, store, now },
				sealing: createSealing(gateway.keys),
				egress: createEgress({ allowed: LOOPBACK }),
				refresh: () => configuration.snapshots.refresh(),
				onTrouble: () => undefined,
			});
			opened.push(made);
			return Object.assign(made, { store });
		},
		tokenOf: (name, held) => gateway.tokenFor(held, { oid: name }),
		person(name, held, level = 'write') {
			const { issuer, tenantId: tid } = gateway.directory.directory;
			const identity = { issuer, tid, oid: name };
			const grants = held.map((workspace) => {
				return [workspace, { workspace, workspaceId: idOf(workspace), level, rules: [] }] as const;
			});
			return {
				...{ ...identity, key: principalKey(identity), name, vouchedBy: 'token', platformLevel: undefined },
				...{ expiresAt: Number.POSITIVE_INFINITY, grants: new Map(grants) },
			};
		},
		async connect(oauth, { person, workspace, server, login, session = randomUUID() }) {
			const { url } = await oauth.connections.begin(person, { workspace, server }, session);
			const back = await createBrowser().signIn(url, login);
			await oauth.connections.finish(back.searchParams, session, person);
			return back;
		},
		async close() {
			await Promise.all(opened.map((each) => each.close()));
			await Promise.all(stores.map((each) => each.close()));
			await gateway.close();
		},
	};
}
