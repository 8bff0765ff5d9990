import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { prepareAudit } from '../../src/store/prepare-audit.ts';
import { createStore } from '../../src/store/store.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { describeOnBoth } from './migrated-database.ts';

describeOnBoth('the months of the audit', (kind) => {
	let postgres: TestPostgres;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
	});
	afterAll(() => postgres.close());

	it('are made once by however many processes begin at once on a new database', async () => {
		for (let round = 0; round < 5; round++) {
			const database = await postgres.createDatabase();
			await migrate(database.owner);
			const connections = { app: database.app, platform: database.platform };
			const stores = Array.from({ length: 6 }, () => createStore({ connections }));
			const done = await Promise.allSettled(stores.map((store) => prepareAudit(store)));
			for (const store of stores) await store.close();
			expect(done.map((each) => (each.status === 'fulfilled' ? 'done' : each.reason))).toEqual(Array(6).fill('done'));
		}
	});
});
