import { createPool, type PgConnection } from './connection.ts';
import { type Migration, pendingMigrations, readMigrations } from './migrations.ts';
import { readApplied } from './queries/migration.ts';
import { transact } from './transaction.ts';

/** Names of the migrations that a database still lacks; changes nothing. Throws `StartError` as `migrate` does. */
export async function listPending(
	owner: PgConnection,
	migrations: readonly Migration[] = readMigrations(),
): Promise<readonly string[]> {
	const pool = createPool({ connection: owner, size: 1 });
	try {
		const applied = await transact(pool, {}, readApplied);
		return pendingMigrations(applied, migrations).map(({ name }) => name);
	} finally {
		await pool.end();
	}
}
