import type pg from 'pg';
import { createClient, type PgConnection } from './connection.ts';
import { connectError, storeError } from './store-error.ts';
import type { Query } from './tx.ts';

/** Settings that hold for one transaction alone, by name. */
export type LocalSettings = Readonly<Record<string, string>>;

/** A statement that takes longer is given up, milliseconds: no request waits longer for its answer. */
const STATEMENT_MS = 15_000;
/** A transaction whose process has stopped must not keep its locks, milliseconds. */
const IDLE_MS = 20_000;

/**
 * One transaction on one connection: committed when `fn` returns, rolled back when it throws. The settings are local to
 * the transaction and set by its first statement, so neither the next user of the connection nor, behind a transaction
 * pooler, the next client ever meets them. Throws PC_STORE_UNAVAILABLE when there is no database, PC_CONFLICT where a
 * row is already there or still needed.
 */
export async function transact<T>(
	pool: pg.Pool,
	settings: LocalSettings,
	fn: (query: Query) => Promise<T>,
): Promise<T> {
	const client = await pool.connect().catch((error: unknown) => {
		throw connectError(error);
	});
	const statements = openStatements(client);
	let broken: Error | undefined;
	try {
		await client.query('begin');
		await setLocally(client, settings);
		const result = await fn(statements.query);
		statements.end();
		await commit(client);
		return result;
	} catch (error) {
		statements.end();
		// A connection that cannot even roll back is not given to anybody again.
		broken = await client.query('rollback').then(
			() => undefined,
			(failure: Error) => failure,
		);
		throw storeError(error);
	} finally {
		client.release(broken);
	}
}

/** What a transaction of the whole database is for: to see all of it at one moment, or to write it. */
export type WholePurpose = 'see' | 'write';

const BEGIN = { see: 'begin isolation level repeatable read', write: 'begin' } as const;

const WHOLE: LocalSettings = {
	statement_timeout: '0',
	idle_in_transaction_session_timeout: '0',
	lock_timeout: `${STATEMENT_MS}`,
	// Rather an error than the rows that a policy leaves.
	row_security: 'off',
	bytea_output: 'hex',
	timezone: 'UTC',
};

/**
 * One transaction on a connection of its own, as long as it takes: for what is about a whole database, and done by a
 * superuser. Errors of the database come as they are.
 */
export async function transactWhole<T>(
	connection: PgConnection,
	purpose: WholePurpose,
	fn: (query: Query) => Promise<T>,
): Promise<T> {
	const client = createClient(connection);
	await client.connect();
	const statements = openStatements(client);
	try {
		await client.query(BEGIN[purpose]);
		await setLocally(client, WHOLE);
		const result = await fn(statements.query);
		statements.end();
		await commit(client);
		return result;
	} finally {
		statements.end();
		// Whatever was not committed goes with the connection.
		await client.end().catch(() => undefined);
	}
}

// After a statement has failed, "commit" rolls back and calls that a success: whoever caught the failure would believe
// that something was kept.
async function commit(client: pg.ClientBase): Promise<void> {
	const { command } = await client.query('commit');
	if (command !== 'COMMIT') throw new Error('a statement had failed, so nothing was kept');
}

async function setLocally(client: pg.ClientBase, settings: LocalSettings): Promise<void> {
	const all = {
		statement_timeout: `${STATEMENT_MS}`,
		idle_in_transaction_session_timeout: `${IDLE_MS}`,
		...settings,
	};
	const names = Object.keys(all);
	const calls = names.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
	await client.query(`select ${calls.join(', ')}`, Object.entries(all).flat());
}

interface Statements {
	readonly query: Query;
	end(): void;
}

/**
 * Statements of one transaction. What still runs when it ends (of several things at once, one failed) must not go on in
 * the transaction that has the connection next, which is another workspace's.
 */
function openStatements(client: pg.ClientBase): Statements {
	let ended = false;
	return {
		async query<Row>(text: string, values: readonly unknown[] = []) {
			if (ended) throw new Error('the transaction has ended');
			// The extended protocol takes one statement: a second one cannot be smuggled in behind it.
			const statement = { text, values: [...values], queryMode: 'extended' };
			const { rows } = await client.query(statement);
			return rows as readonly Row[];
		},
		end() {
			ended = true;
		},
	};
}
