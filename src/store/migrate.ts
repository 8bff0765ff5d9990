import type pg from 'pg';
import { createClient, type PgConnection } from './connection.ts';
import { type AppliedMigration, type Migration, pendingMigrations, readMigrations } from './migrations.ts';
import { StartError } from './start-error.ts';

/** Any number that nobody else locks in this database. */
const LOCK = 7_426_301;

const ROLES = ['portcullis_app', 'portcullis_platform'];

/**
 * Brings the database up to this version's schema, as its owner. Processes that do so at once take turns. Returns the
 * names of what was applied; throws `StartError`. A migration stands or falls as a whole.
 */
export async function migrate(
	owner: PgConnection,
	migrations: readonly Migration[] = readMigrations(),
): Promise<readonly string[]> {
	const client = createClient(owner);
	try {
		await client.connect();
		await prepare(client);
		const done: string[] = [];
		for (let next = await step(client, migrations); next !== undefined; next = await step(client, migrations)) {
			done.push(next);
		}
		return done;
	} catch (error) {
		if (error instanceof StartError) throw error;
		// The database's text may quote rows, but here it can only speak of our own statements, and is needed.
		const why = error instanceof Error ? error.message : String(error);
		throw new StartError('PC_MIGRATION_FAILED', `The database could not be migrated: ${why}`, { cause: error });
	} finally {
		await client.end().catch(() => undefined);
	}
}

async function prepare(client: pg.Client): Promise<void> {
	await inLockedTransaction(client, async () => {
		await ensureRoles(client);
		await client.query('create schema if not exists portcullis');
		await client.query(`create table if not exists portcullis.migration (
			number integer primary key,
			name text not null,
			checksum text not null,
			applied_at timestamptz not null default now()
		)`);
	});
}

// The lock ends with its transaction, so a migrator that dies holds up nobody.
async function inLockedTransaction<T>(client: pg.Client, fn: () => Promise<T>): Promise<T> {
	await client.query('begin');
	try {
		await client.query('select pg_advisory_xact_lock($1)', [LOCK]);
		const result = await fn();
		await client.query('commit');
		return result;
	} catch (error) {
		await client.query('rollback').catch(() => undefined);
		throw error;
	}
}

function step(client: pg.Client, migrations: readonly Migration[]): Promise<string | undefined> {
	return inLockedTransaction(client, async () => {
		const { rows } = await client.query<AppliedMigration>(
			'select number, name, checksum from portcullis.migration order by number',
		);
		const [next] = pendingMigrations(rows, migrations);
		if (next === undefined) return undefined;
		await client.query(next.sql);
		await client.query('insert into portcullis.migration (number, name, checksum) values ($1, $2, $3)', [
			next.number,
			next.name,
			next.checksum,
		]);
		return next.name;
	});
}

async function ensureRoles(client: pg.Client): Promise<void> {
	const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles where rolname = any($1)', [
		ROLES,
	]);
	const missing = ROLES.filter((role) => rows.every(({ rolname }) => rolname !== role));
	if (missing.length === 0) return;
	const statements = missing.map((role) => `create role ${role} nosuperuser nobypassrls noinherit`);
	for (const statement of statements) {
		await client.query(statement).catch((cause: unknown) => {
			const sentence = `The database lacks roles and the migrator may not make them; run as an administrator: ${statements.join('; ')};`;
			throw new StartError('PC_MIGRATION_FAILED', sentence, { cause });
		});
	}
}
