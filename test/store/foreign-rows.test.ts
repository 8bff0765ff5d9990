import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStore, type Store } from '../../src/store/store.ts';
import { startPgBouncer } from '../fakes/pgbouncer.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { A, B } from './access-rules.ts';
import { fillWorld, type World } from './access-world.ts';
import { createMigrated, describeOnBoth, run, withClient } from './migrated-database.ts';
import { insertOf, makeRow, ofWorkspaces } from './row-maker.ts';

/** What a client could learn from an error, with this id taken out of it. */
async function refusalOf(client: pg.Client, statement: string, id: string): Promise<object> {
	await client.query('savepoint attempt');
	const error = await client.query(statement).then(
		() => ({ message: 'accepted' }),
		(each: pg.DatabaseError) => each,
	);
	await client.query('rollback to savepoint attempt');
	const { code, constraint, table, detail, message } = error as pg.DatabaseError;
	return { code, constraint, table, message, detail: detail?.replaceAll(id, 'id') };
}

const enter = async (client: pg.Client, workspaceId: string): Promise<void> => {
	await client.query('begin');
	await client.query("select set_config('app.workspace_id', $1, true)", [workspaceId]);
};

describeOnBoth('rows of another workspace', (kind) => {
	let postgres: TestPostgres;
	let database: TestDatabase;
	let world: World;
	let store: Store;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		database = await createMigrated(postgres);
		world = await withClient(database.superuser, fillWorld);
		store = createStore({ connections: database, poolSize: 1 });
	});
	afterAll(async () => {
		await store.close();
		await postgres.close();
	});

	it('are not seen through the store, whatever the table', async () => {
		const mine = world.tables.filter((table) => ofWorkspaces(table) && !table.partition);
		for (const { name } of mine) {
			const rows = await store.withWorkspace(A, 'test', (tx) =>
				tx.query<{ id: string }>(`select workspace_id as id from portcullis.${name}`),
			);
			expect([name, rows]).toEqual([name, [{ id: A }]]);
		}
	});

	it('do not stand in the way of rows that are the same but for the workspace', async () => {
		const tables = world.tables.filter(
			(table) => ofWorkspaces(table) && !table.partition && table.name !== 'workspace',
		);
		await withClient(database.superuser, async (client) => {
			await client.query('begin');
			for (const { name } of tables.filter(({ key }) => key.join() !== 'workspace_id')) {
				const [inA, inB] = [A, B].map((workspaceId) => makeRow(world.tables, { table: name, workspaceId, seed: 2 }));
				expect({ ...inA, workspace_id: B }).toEqual(inB);
				await client.query(insertOf(name, inA!));
				await enter(client, B);
				await client.query('set local session authorization portcullis_app');
				await client.query(insertOf(name, inB!));
				await client.query('reset session authorization');
			}
			await client.query('rollback');
		});
	});

	it('cannot be pointed at, and a try is refused like one at a row that does not exist', async () => {
		const [foreign, invented] = ['f0e16700-0000-4000-8000-000000000007', 'f0e16700-0000-4000-8000-000000000008'];
		const children = world.tables.filter((table) => table.parents.some(({ table }) => table !== 'workspace'));
		await withClient(database.superuser, async (client) => {
			for (const table of ['server', 'toolset']) {
				const row = { ...makeRow(world.tables, { table, workspaceId: A, seed: 7 }), id: foreign };
				await client.query(insertOf(table, row));
			}
		});
		await withClient(database.app, async (client) => {
			await enter(client, B);
			for (const child of children) {
				for (const parent of child.parents.filter(({ table }) => table !== 'workspace')) {
					const pointer = parent.columns.find((column) => column !== 'workspace_id')!;
					const row = makeRow(world.tables, { table: child.name, workspaceId: B, seed: 8 });
					const point = (id: string) => refusalOf(client, insertOf(child.name, { ...row, [pointer]: id }), id);
					const refusal = await point(foreign);
					expect(refusal).toMatchObject({ code: '23503', table: child.name });
					expect(refusal).toEqual(await point(invented));
				}
			}
		});
		expect(children.map(({ name }) => name)).toEqual(
			expect.arrayContaining(['tool_rule', 'toolset_tool', 'credential']),
		);
	});

	it('are not quoted in errors of casts', async () => {
		await withClient(database.superuser, (client) =>
			client.query("update portcullis.server set title = 'canary of ' || workspace_id"),
		);
		const statements = [
			'select * from portcullis.server where title::int > 0',
			'select * from portcullis.server where (title || slug)::int > 0 and slug like $$%$$',
			'select count(*) from portcullis.server s join portcullis.tool_rule r on s.title::int = r.version',
			'update portcullis.server set version = title::int',
			'select max(title::int) from portcullis.server group by slug',
		];
		await withClient(database.app, async (client) => {
			for (const statement of statements) {
				await enter(client, A);
				const told = JSON.stringify(await refusalOf(client, statement, 'none'));
				expect(told).toContain(A);
				expect(told).not.toContain(B);
				await client.query('rollback');
			}
			for (const statement of statements.filter((each) => each.startsWith('select *'))) {
				expect((await client.query(statement)).rows).toEqual([]);
			}
		});
	});

	it('are not seen after somebody set the workspace for a whole session', async () => {
		const bouncer = await startPgBouncer(database, { poolSize: 1 });
		const ways = [database, ...(bouncer === undefined ? [] : [bouncer.connections])];
		for (const connections of ways) {
			const tried = createStore({ connections, poolSize: 1 });
			const seen = (workspaceId: string) =>
				tried.withWorkspace(workspaceId, 'test', (tx) =>
					tx.query('select distinct workspace_id as id, current_setting($1) as context from portcullis.server', [
						'app.workspace_id',
					]),
				);
			await tried.withWorkspace(A, 'test', (tx) => tx.query("select set_config('app.workspace_id', $1, false)", [B]));
			expect(await seen(A)).toEqual([{ id: A, context: A }]);
			expect(await seen(B)).toEqual([{ id: B, context: B }]);
			await tried.close();
		}
		await bouncer?.close();
	});
});

describeOnBoth('the rights of the owner', (kind) => {
	it('are not lent to what a caller of a function has made among temporary things', async () => {
		const postgres = await startTestPostgres(kind);
		const database = await createMigrated(postgres);
		await run(database.superuser, [
			`grant temporary on database ${database.superuser.database} to portcullis_platform`,
		]);
		const attack = () =>
			withClient(database.platform, async (client) => {
				await client.query(`create function pg_temp.steal(day pg_catalog.date) returns boolean language plpgsql
					as $$ begin raise exception 'ran as %', current_user; end $$`);
				await client.query('create domain pg_temp.date as pg_catalog.date check (pg_temp.steal(value))');
				await client.query("select portcullis.ensure_audit_month('2031-05-01'::pg_catalog.date)");
			});
		await attack();
		await run(database.owner, ['alter function portcullis.ensure_audit_month(date) set search_path = pg_catalog']);
		await expect(attack()).rejects.toThrow('ran as portcullis_owner');
		await postgres.close();
	});
});
