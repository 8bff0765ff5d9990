import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { type Migration, readMigrations } from '../../src/store/migrations.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { describeOnBoth, run, withClient } from './migrated-database.ts';

const KNOWN = readMigrations();

/** A migration that follows those of this version. */
const following = (sql: string, after = 0): Migration => {
	const number = KNOWN.length + 1 + after;
	return { number, name: `${String(number).padStart(4, '0')}_planted.sql`, sql, checksum: `of ${sql}` };
};

const stateOf = ({ superuser }: TestDatabase) =>
	withClient(superuser, async (client) => {
		const { rows } = await client.query<{ things: string; applied: string[] }>(
			`select (select string_agg(relname::text, ' ' order by relname) from pg_class
				where relnamespace = to_regnamespace('portcullis')) as things,
				(select array_agg(name || ' ' || checksum order by number) from portcullis.migration) as applied`,
		);
		return rows[0]!;
	});

describeOnBoth('migrations', (kind) => {
	let postgres: TestPostgres;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
	});
	afterAll(() => postgres.close());

	it('are applied once, in order, by however many processes begin at once', async () => {
		const { owner } = await postgres.createDatabase();
		const slow = following('select pg_sleep(0.2)');
		const done = await Promise.all([1, 2, 3].map(() => migrate(owner, [...KNOWN, slow])));
		expect(done.flat().sort()).toEqual([...KNOWN, slow].map(({ name }) => name));
		expect(await migrate(owner, [...KNOWN, slow])).toEqual([]);
	});

	it('leave nothing of one that failed, and keep those before it', async () => {
		const database = await postgres.createDatabase();
		await migrate(database.owner);
		const before = await stateOf(database);
		const good = following('create table portcullis.good (id integer)');
		const bad = following('create table portcullis.bad (id integer); insert into portcullis.bad select 1 / 0', 1);
		await expect(migrate(database.owner, [...KNOWN, good, bad])).rejects.toMatchObject({
			code: 'PC_MIGRATION_FAILED',
			message: 'The database could not be migrated: division by zero',
		});
		const after = await stateOf(database);
		expect(after.applied).toEqual([...before.applied, `${good.name} ${good.checksum}`]);
		expect(after.things).toContain('good');
		expect(after.things).not.toContain('bad');
		const mended = { ...bad, sql: 'create table portcullis.bad (id integer)' };
		expect(await migrate(database.owner, [...KNOWN, good, mended])).toEqual([bad.name]);
	});

	it('leave nothing of one that was cut off, and hold up nobody after it', async () => {
		const database = await postgres.createDatabase();
		await migrate(database.owner);
		const before = await stateOf(database);
		const half = following('create table portcullis.half (id integer); select pg_sleep(60)');
		const cut = migrate(database.owner, [...KNOWN, half]).catch((error: unknown) => error);
		await withClient(database.superuser, async (client) => {
			let killed = 0;
			while (killed === 0) {
				const { rowCount } = await client.query(
					"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'",
				);
				killed = rowCount ?? 0;
			}
		});
		expect(await cut).toMatchObject({ code: 'PC_MIGRATION_FAILED' });
		expect(await stateOf(database)).toEqual(before);
		expect(await migrate(database.owner, [...KNOWN, { ...half, sql: 'select 1' }])).toEqual([half.name]);
	});

	it('stop at a database that is newer, was made by another text, or has a gap', async () => {
		const database = await postgres.createDatabase();
		const more = following('select 1');
		const most = following('select 2', 1);
		await migrate(database.owner, [...KNOWN, more, most]);
		const refusal = (known: readonly Migration[]) => migrate(database.owner, known).catch((error: unknown) => error);
		expect(await refusal(KNOWN)).toMatchObject({
			code: 'PC_SCHEMA_NEWER',
			message: `The database has migration ${most.name}, which this version does not know; start a newer version.`,
		});
		expect(await refusal([...KNOWN, { ...more, checksum: 'x' }, most])).toMatchObject({ code: 'PC_SCHEMA_CHANGED' });
		await run(database.superuser, [`delete from portcullis.migration where number = ${more.number}`]);
		expect(await refusal([...KNOWN, more, most])).toMatchObject({
			code: 'PC_SCHEMA_CHANGED',
			message: `The database has migration ${most.name} but not migration ${more.number}; restore the database from a backup.`,
		});
	});

	it('name the roles that are missing, to a migrator that may not make them', async () => {
		const database = await postgres.createDatabase();
		await run(database.superuser, ['alter role portcullis_app rename to portcullis_gone']);
		await expect(migrate(database.owner)).rejects.toMatchObject({
			code: 'PC_MIGRATION_FAILED',
			message: expect.stringContaining('create role portcullis_app nosuperuser nobypassrls noinherit;'),
		});
		await run(database.superuser, ['alter role portcullis_gone rename to portcullis_app']);
	});
});

it('files of migrations are numbered without a gap', () => {
	const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
	for (const name of ['0001_one.sql', '0003_three.sql', 'notes.md']) writeFileSync(join(folder, name), 'select 1');
	expect(() => readMigrations(folder)).toThrow('0003_three.sql is not migration 2.');
	rmSync(folder, { recursive: true });
	expect(KNOWN.map(({ number }) => number)).toEqual(KNOWN.map((_, index) => index + 1));
});
