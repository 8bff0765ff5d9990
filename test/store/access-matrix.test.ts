import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { judge, OPERATIONS } from './access-operations.ts';
import { CONTEXTS, ROLES } from './access-rules.ts';
import { fillWorld, type World } from './access-world.ts';
import { createMigrated, describeOnBoth, withClient } from './migrated-database.ts';

describeOnBoth('the access matrix', (kind) => {
	let postgres: TestPostgres;
	let database: TestDatabase;
	let world: World;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		database = await createMigrated(postgres);
		world = await withClient(database.superuser, fillWorld);
	});
	afterAll(() => postgres.close());

	describe.each(ROLES)('as %s', (role) => {
		it.each(Object.keys(OPERATIONS))('%s does what the rules say, in every table and context', async (operation) => {
			// A connection of its own, in which no context was ever set.
			const faults = await withClient(database.superuser, async (client) => {
				await client.query('begin');
				const found: string[] = [];
				for (const context of CONTEXTS) {
					for (const table of world.tables) {
						const fault = await judge(client, world, { role, table, context, operation });
						if (fault !== undefined) found.push(fault);
					}
				}
				return found;
			});
			expect(faults).toEqual([]);
		});
	});
});
