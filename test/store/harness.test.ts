import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasPgBouncer, startPgBouncer } from '../fakes/pgbouncer.ts';
import { machinePostgres, type PostgresKind, startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';

const KINDS: readonly PostgresKind[] = machinePostgres() === undefined ? ['embedded'] : ['embedded', 'machine'];

async function ask(connection: pg.ClientConfig, text: string): Promise<unknown[]> {
	const client = new pg.Client(connection);
	await client.connect();
	try {
		return (await client.query(text)).rows;
	} finally {
		await client.end();
	}
}

describe.each(KINDS)('the %s PostgreSQL of the tests', (kind) => {
	let postgres: TestPostgres;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
	});
	afterAll(() => postgres.close());

	it('gives each test a database of its own, which its owner may build in and the others may enter', async () => {
		const one = await postgres.createDatabase();
		const other = await postgres.createDatabase();
		await ask(one.owner, 'create schema portcullis create table portcullis.note (text text)');
		expect(await ask(one.superuser, "select to_regclass('portcullis.note') is not null as there")).toEqual([
			{ there: true },
		]);
		expect(await ask(other.superuser, "select to_regclass('portcullis.note') is not null as there")).toEqual([
			{ there: false },
		]);
		expect(await ask(one.app, 'select current_user as who')).toEqual([{ who: 'portcullis_app' }]);
		expect(await ask(one.platform, 'select current_user as who')).toEqual([{ who: 'portcullis_platform' }]);
		await expect(ask(one.app, 'create table public.mine (id int)')).rejects.toMatchObject({ code: '42501' });
	});

	it.runIf(hasPgBouncer())(
		'is reached through PgBouncer, where connections of clients share few of the server',
		async () => {
			const database = await postgres.createDatabase();
			const bouncer = (await startPgBouncer(database, { poolSize: 1 }))!;
			const clients = await Promise.all(
				[1, 2, 3].map(async () => {
					const client = new pg.Client(bouncer.connections.app);
					await client.connect();
					return client;
				}),
			);
			const pids = await Promise.all(clients.map((each) => each.query('select pg_backend_pid() as pid')));
			expect(new Set(pids.map(({ rows }) => rows[0].pid)).size).toBe(1);
			await Promise.all(clients.map((each) => each.end()));
			await bouncer.close();
		},
	);
});
