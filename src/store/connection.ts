import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Where a database is and as whom: a URL as operators write it, or the parts the embedded one is reached by. */
export type PgConnection =
	| { readonly connectionString: string }
	| {
			/** A host name, or the folder of a Unix socket. */
			readonly host: string;
			readonly port: number;
			readonly user: string;
			readonly password: string;
			readonly database: string;
	  };

/** What a pool is made with. */
export interface PoolParts {
	readonly connection: PgConnection;
	/** Most connections at a time. */
	readonly size: number;
	/** Told of a connection that was lost while nobody used it; the next transaction opens another. */
	readonly onLost?: (error: Error) => void;
}

/** How long a connection may take to open before the database counts as gone, milliseconds. */
const CONNECT_MS = 3_000;
const IDLE_MS = 30_000;
/** How long a connection may take to close: a database that is out of reach does not answer. */
const GOODBYE_MS = 1_000;

/** A pool of connections. `bigint` columns come as text, `timestamptz` as `Date`. */
export function createPool({ connection, size, onLost }: PoolParts): pg.Pool {
	const pool = new pg.Pool({
		...connection,
		max: size,
		connectionTimeoutMillis: CONNECT_MS,
		idleTimeoutMillis: IDLE_MS,
		application_name: 'portcullis',
	});
	// Without a listener a database that shuts down would end our process.
	pool.on('error', (error) => onLost?.(error));
	pool.on('connect', (client) => client.on('error', () => undefined));
	return pool;
}

/** Ends the pool and waits for its connections, which a pool does not: a database that is stopped next would cut them. */
export async function endPool(pool: pg.Pool): Promise<void> {
	let open = pool.totalCount;
	const closed = new Promise<void>((resolve) => {
		pool.on('remove', () => {
			open -= 1;
			if (open === 0) resolve();
		});
	});
	const isOpen = open > 0;
	await pool.end();
	if (isOpen) await Promise.race([closed, sleep(GOODBYE_MS, undefined, { ref: false })]);
}

/** One connection outside any pool: for LISTEN and for migrations. */
export function createClient(connection: PgConnection): pg.Client {
	const client = new pg.Client({
		...connection,
		connectionTimeoutMillis: CONNECT_MS,
		application_name: 'portcullis',
		keepAlive: true,
	});
	client.on('error', () => undefined);
	return client;
}
