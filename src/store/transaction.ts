import type pg from 'pg';
import { storeError } from './store-error.ts';
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
		throw storeError(error);
	});
	let broken: Error | undefined;
	try {
		await client.query('begin');
		await setLocally(client, settings);
		const result = await fn(queryOn(client));
		await client.query('commit');
		return result;
	} catch (error) {
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

function queryOn(client: pg.PoolClient): Query {
	return async <Row>(text: string, values: readonly unknown[] = []) => {
		const { rows } = await client.query(text, [...values]);
		return rows as readonly Row[];
	};
}
