import pg from 'pg';
import { describe } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import type { Query } from '../../src/store/tx.ts';
import { machinePostgres, type PostgresKind, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';

const KINDS: readonly PostgresKind[] = ['embedded', 'machine'];

/** Describes something of both kinds of PostgreSQL; says so where this machine has none of its own. */
export function describeOnBoth(name: string, suite: (kind: PostgresKind) => void): void {
	for (const kind of KINDS) {
		const missing = kind === 'machine' && machinePostgres() === undefined;
		if (missing) process.stdout.write(`SKIPPED: ${name}, on the PostgreSQL of this machine: it has none\n`);
		describe.skipIf(missing)(`${name} (${kind} PostgreSQL)`, () => suite(kind));
	}
}

/** A fresh database with the schema of this version. */
export async function createMigrated(postgres: TestPostgres): Promise<TestDatabase> {
	const database = await postgres.createDatabase();
	await migrate(database.owner);
	return database;
}

/** Copies of one database, each under a name of its own. Nobody may be connected to the original. */
export function createCloning(postgres: TestPostgres, original: TestDatabase): () => Promise<TestDatabase> {
	let made = 0;
	return async () => {
		made += 1;
		const from = original.superuser.database;
		const database = `${from}_copy_${made}`;
		await run(postgres.superuser, [
			`create database ${database} template ${from} owner portcullis_owner strategy file_copy`,
			`grant connect on database ${database} to portcullis_app, portcullis_platform`,
		]);
		const there = Object.entries(original).map(([name, connection]) => [name, { ...connection, database }]);
		return Object.fromEntries(there) as TestDatabase;
	};
}

/** Runs statements one after the other on a connection of their own. */
export async function run(connection: pg.ClientConfig, statements: readonly string[]): Promise<void> {
	await withClient(connection, async (client) => {
		for (const statement of statements) await client.query(statement);
	});
}

/** Gives `fn` a connection and closes it. */
export async function withClient<T>(connection: pg.ClientConfig, fn: (client: pg.Client) => Promise<T>): Promise<T> {
	const client = new pg.Client(connection);
	await client.connect();
	try {
		return await fn(client);
	} finally {
		await client.end();
	}
}

/** Statements of this client as the store's own code runs them. */
export function queryOf(client: pg.Client): Query {
	return async <Row>(text: string, values: readonly unknown[] = []) =>
		(await client.query(text, [...values])).rows as readonly Row[];
}
