import type pg from 'pg';
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

// After a statement has failed, "commit" rolls back and calls that a success: whoever caught the failure would believe
// that something was kept.
async function commit(client: pg.PoolClient): Promise<void> {
	const { command } = await client.query('commit');
	if (command !== 'COMMIT') throw new Error('a statement had failed, so nothing was kept');
}

async function setLocally(client: pg.PoolClient, settings: LocalSettings): Promise<void> {
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
function openStatements(client: pg.PoolClient): Statements {
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
