import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { catalogueFaults } from '../../src/store/catalogue-faults.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { judge, OPERATIONS } from './access-operations.ts';
import { CONTEXTS, ROLES } from './access-rules.ts';
import { fillWorld, type World } from './access-world.ts';
import { createCloning, createMigrated, describeOnBoth, queryOf, withClient } from './migrated-database.ts';

/** One thing that protects rows, and the statement that takes it away. */
interface Mutant {
	readonly name: string;
	readonly table: string;
	readonly sql: string;
}

type Finder = 'lint' | 'matrix';

/** Every policy dropped, every expression of a policy replaced by `true`, and every flag of every table. */
async function listMutants(client: pg.Client): Promise<readonly Mutant[]> {
	const { rows } = await client.query<Mutant>(
		`with relation as (
			select c.oid, c.relname from pg_class c
			where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p')
		 ), policy as (
			select relname, polname, pg_get_expr(polqual, polrelid) as reads, pg_get_expr(polwithcheck, polrelid) as writes
			from pg_policy join relation on relation.oid = polrelid
		 )
		 select format('%s of %s: dropped', polname, relname) as name, relname as table,
			format('drop policy %I on portcullis.%I', polname, relname) as sql from policy
		 union all
		 select format('%s of %s: using (true)', polname, relname), relname,
			format('alter policy %I on portcullis.%I using (true)', polname, relname) from policy where reads <> 'true'
		 union all
		 select format('%s of %s: with check (true)', polname, relname), relname,
			format('alter policy %I on portcullis.%I with check (true)', polname, relname) from policy where writes <> 'true'
		 union all
		 select format('%s: not forced', relname), relname,
			format('alter table portcullis.%I no force row level security', relname) from relation
		 union all
		 select format('%s: disabled', relname), relname,
			format('alter table portcullis.%I disable row level security', relname) from relation
		 order by 1`,
	);
	return rows;
}

async function lintFinds(client: pg.Client): Promise<boolean> {
	await client.query('savepoint lint; set local session authorization portcullis_app');
	const faults = await catalogueFaults(queryOf(client));
	await client.query('rollback to savepoint lint');
	return faults.length > 0;
}

async function matrixFinds(client: pg.Client, world: World, table: string): Promise<boolean> {
	const mutated = world.tables.filter(({ name }) => name === table);
	for (const context of CONTEXTS) {
		for (const role of ROLES) {
			for (const operation of Object.keys(OPERATIONS)) {
				for (const each of mutated) {
					const fault = await judge(client, world, { role, table: each, context, operation });
					if (fault !== undefined) return true;
				}
			}
		}
	}
	return false;
}

async function findersOf(client: pg.Client, world: World, { table, sql }: Mutant): Promise<readonly Finder[]> {
	await client.query(`begin; ${sql}`);
	const lint = await lintFinds(client);
	const matrix = await matrixFinds(client, world, table);
	await client.query('rollback');
	return [...(lint ? (['lint'] as const) : []), ...(matrix ? (['matrix'] as const) : [])];
}

describeOnBoth('whatever protects a row', (kind) => {
	let postgres: TestPostgres;
	let copy: TestDatabase;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		copy = await createCloning(postgres, await createMigrated(postgres))();
	});
	afterAll(() => postgres.close());

	it('is missed by the rules or the matrix when it is taken away', { timeout: 300_000 }, async () => {
		const found = await withClient(copy.superuser, async (client) => {
			const world = await fillWorld(client);
			const mutants = await listMutants(client);
			expect(mutants.length).toBeGreaterThan(world.tables.length * 3);
			const results: (readonly [string, string])[] = [];
			for (const mutant of mutants) {
				results.push([mutant.name, (await findersOf(client, world, mutant)).join(' and ')]);
			}
			return results;
		});
		const by = (finders: string): readonly string[] =>
			found.filter(([, each]) => each === finders).map(([name]) => name);
		const groups = ['lint and matrix', 'lint', 'matrix'].map((each) => `${by(each).length} by ${each}`);
		process.stdout.write(`${kind}: ${found.length} mutants, found ${groups.join(', ')}\n`);
		process.stdout.write(`by lint alone: ${by('lint').join(', ')}\nby matrix alone: ${by('matrix').join(', ')}\n`);
		expect(by('')).toEqual([]);
	});
});
