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
