import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStore, type Store } from '../../src/store/store.ts';
import type { WorkspaceTx } from '../../src/store/tx.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { A, B } from './access-rules.ts';
import { fillWorld } from './access-world.ts';
import { createMigrated, describeOnBoth, withClient } from './migrated-database.ts';

const titles = (tx: WorkspaceTx) => tx.query('select workspace_id as id, title from portcullis.workspace');

describeOnBoth('a transaction', (kind) => {
	let postgres: TestPostgres;
	let database: TestDatabase;
	let store: Store;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		database = await createMigrated(postgres);
		await withClient(database.superuser, fillWorld);
		store = createStore({ connections: database, poolSize: 1 });
	});
	afterAll(async () => {
		await store.close();
		await postgres.close();
	});

	it('does not go on in the next one of its connection, which is another workspace', async () => {
		const kept: WorkspaceTx[] = [];
		await store.withWorkspace(A, 'test', async (tx) => void kept.push(tx));
		await expect(
			store.withWorkspace(A, 'test', async (tx) => {
				kept.push(tx);
				throw new Error('one of several things failed');
			}),
		).rejects.toMatchObject({ code: 'PC_INTERNAL' });
		await store.withWorkspace(B, 'test', async (tx) => {
			for (const stale of kept) await expect(titles(stale)).rejects.toThrow('the transaction has ended');
			expect(await titles(tx)).toEqual([{ id: B, title: 'title-1' }]);
		});
	});

	it('that kept nothing does not pass for one that did', async () => {
		const swallowing = store.withWorkspace(A, 'test', async (tx) => {
			await tx.query('update portcullis.workspace set title = $1', ['lost']);
			await tx.query('select 1 / 0').catch(() => undefined);
		});
		await expect(swallowing).rejects.toMatchObject({ code: 'PC_INTERNAL' });
		expect(await store.withWorkspace(A, 'test', titles)).toEqual([{ id: A, title: 'title-1' }]);
	});

	it('takes one statement at a time, so that none hides behind another', async () => {
		const smuggling = store.withWorkspace(A, 'test', (tx) =>
			tx.query(`select 1; select set_config('app.workspace_id', '${B}', true)`),
		);
		await expect(smuggling).rejects.toMatchObject({ cause: { code: '42601' } });
	});

	it('is refused where the workspace is no id', async () => {
		for (const id of ['', 'google', `${A} `, `{${A}}`, A.toUpperCase()]) {
			await expect(store.withWorkspace(id, 'test', titles)).rejects.toMatchObject({ code: 'PC_INTERNAL' });
		}
	});
});
