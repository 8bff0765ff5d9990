import type { Log } from '../../observe/log.ts';
import { installPrograms } from './install-programs.ts';
import type { Durability } from './settings.ts';
import { type Cluster, type PgConnection, startCluster } from './start-cluster.ts';

/** The database of the gateway's own, while it runs. */
export interface EmbeddedPostgres {
	readonly connections: {
		readonly owner: PgConnection;
		readonly app: PgConnection;
		readonly platform: PgConnection;
	};
	/** For back-ups and the database itself, never for the work of the gateway. */
	readonly superuser: PgConnection;
	/** Such as `18.4`. */
	readonly version: string;
	/** Process id of the server; another one after a restart. */
	readonly pid: number;
	/** Resolves when the server has ended for good: one that dies is started again until this is closed. */
	readonly exited: Cluster['exited'];
	/** Ends the server in order; resolves when it is gone. */
	close(): Promise<void>;
}

/** Where the database lives, and who hears of it. */
export interface EmbeddedOptions {
	/** The data folder of the gateway; the database lives in its `postgres/`. The caller has locked it. */
	readonly folder: string;
	readonly log?: Log | undefined;
	/** Gives the start up; what was started is stopped. */
	readonly signal?: AbortSignal | undefined;
	/** `safe` unless told. */
	readonly durability?: Durability | undefined;
}

/**
 * Starts the PostgreSQL that is installed with the gateway: on a Unix socket only, with passwords that exist in this
 * process only, and tied to the life of the main thread, which has to be the caller. Throws `PC_STORE_START_FAILED`.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
	const cluster = await startCluster({ ...options, programs: installPrograms });
	const { superuser, ...connections } = cluster.connections;
	return {
		connections,
		superuser,
		version: cluster.version,
		get pid() {
			return cluster.pid;
		},
		exited: cluster.exited,
		close: cluster.close,
	};
}
