import type { Log } from '../observe/log.ts';
import { checkDatabase } from './check-database.ts';
import type { PgConnection } from './connection.ts';
import { type EmbeddedPostgres, startEmbedded } from './embedded/start-embedded.ts';
import { migrate } from './migrate.ts';
import { prepareAudit } from './prepare-audit.ts';
import { StartError } from './start-error.ts';
import { createStore, type Store, type StoreConnections } from './store.ts';

/** Addresses of a database, as the settings give them; empty ones count as absent. */
export interface DatabaseUrls {
	/** Login of `portcullis_app`. Absent: the gateway starts a PostgreSQL of its own. */
	readonly app: string | undefined;
	/** Login of `portcullis_platform`. */
	readonly platform: string | undefined;
	/** Login of the owner; absent where migrations are run beforehand. */
	readonly migrator: string | undefined;
	/** Direct connection for LISTEN, where the others go through a transaction pooler. */
	readonly listen: string | undefined;
}

/** Where the store is, and who hears of it. */
export interface OpenStoreOptions {
	readonly urls: DatabaseUrls;
	/** Folder of the gateway's own database; the caller has locked it. */
	readonly dataFolder: string;
	readonly log: Log;
}

/** A store that is ready. */
export interface OpenedStore {
	readonly store: Store;
	/** Where changes are told. */
	readonly listenAt: PgConnection;
	/** The database of the gateway's own, where that is used. */
	readonly embedded: EmbeddedPostgres | undefined;
	close(): Promise<void>;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Opens the store: starts the gateway's own database where no other is given, brings the schema up to date where the
 * owner's login is known, and refuses a database that would not keep workspaces apart. Throws `StartError`.
 */
export async function openStore({ urls, dataFolder, log }: OpenStoreOptions): Promise<OpenedStore> {
	const embedded = urls.app === undefined ? await startEmbedded({ folder: dataFolder, log }) : undefined;
	const connections = embedded?.connections ?? given(urls);
	const store = createStore({
		connections,
		onLost: (error) => log.warn({ code: (error as { code?: unknown }).code }, 'a connection to the database was lost'),
	});
	// A gateway may run for longer than the months it made at its start.
	const daily = setInterval(() => void prepareAudit(store).catch(() => undefined), DAY_MS).unref();
	const close = async (): Promise<void> => {
		clearInterval(daily);
		await store.close();
		await embedded?.close();
	};
	try {
		await bringUpToDate(connections, log);
		await checkDatabase(connections);
		await prepareAudit(store);
	} catch (error) {
		await close().catch(() => undefined);
		throw error;
	}
	const listenAt = urls.listen === undefined ? connections.app : { connectionString: urls.listen };
	return { store, listenAt, embedded, close };
}

type Connections = StoreConnections & { readonly owner: PgConnection | undefined };

function given({ app = '', platform, migrator }: DatabaseUrls): Connections {
	if (platform === undefined) {
		const sentence = 'DATABASE_URL is not enough: set DATABASE_PLATFORM_URL too, a login of portcullis_platform.';
		throw new StartError('PC_DATABASE_ROLE', sentence);
	}
	return {
		app: { connectionString: app },
		platform: { connectionString: platform },
		owner: migrator === undefined ? undefined : { connectionString: migrator },
	};
}

async function bringUpToDate({ owner }: Connections, log: Log): Promise<void> {
	const applied = owner === undefined ? [] : await migrate(owner);
	for (const name of applied) log.info({ migration: name }, 'migration applied');
}
