import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseAsk } from '../../src/lib/bucket.ts';
import { createStoredTokens } from '../../src/store/lease-tokens.ts';
import { insertWorkspace } from '../../src/store/queries/workspace.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { createMigrated, describeOnBoth, run, withClient } from './migrated-database.ts';

const SLOW = { capacity: 40, perMs: 1e-9 };
const askOf = (parts: Partial<LeaseAsk> = {}): LeaseAsk => {
	return { key: 'workspace', shape: SLOW, held: 0, returned: 0, least: 0, most: 0, ...parts };
};

describeOnBoth('buckets in the database', (kind) => {
	let postgres: TestPostgres;
	let database: TestDatabase;
	let store: Store;
	let google: string;
	let microsoft: string;

	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
	});
	afterAll(() => postgres.close());
	beforeEach(async () => {
		database = await createMigrated(postgres);
		store = createStore({ connections: database });
		[google, microsoft] = [await makeWorkspace('google'), await makeWorkspace('microsoft')];
		return () => store.close();
	});

	const makeWorkspace = (slug: string): Promise<string> =>
		store.asPlatform({ reason: 'test', actor: 'test' }, (tx) =>
			insertWorkspace(tx, { slug, title: slug, auditMode: 'strict', managedBy: 'api' }),
		);
	const grant = async (workspaceId: string, holder: string, ask: Partial<LeaseAsk>): Promise<number> =>
		(await createStoredTokens(store)(workspaceId, holder, [askOf(ask)]))[0]?.granted ?? -1;

	describe('of one workspace', () => {
		it('give forty askers at once no more than there is, whoever they are', async () => {
			const asked = Array.from({ length: 40 }, (_, index) => grant(google, `process-${index % 3}`, { least: 3 }));
			const granted = await Promise.all(asked);
			expect(granted.reduce((sum, count) => sum + count, 0)).toBe(40);
		});

		it('are asked for together, and answered in that order', async () => {
			const lease = createStoredTokens(store);
			const asks = [
				askOf({ key: 'z', least: 1 }),
				askOf({ key: 'a', shape: { capacity: 1, perMs: 0 }, least: 2 }),
				askOf({ key: 'm', most: 100 }),
			];
			expect((await lease(google, 'p', asks)).map(({ granted }) => granted)).toEqual([1, 1, 10]);
			expect((await lease(google, 'p', asks)).map(({ granted }) => granted)).toEqual([1, 0, 7]);
		});

		it('never wait for each other, in whatever order processes name them', async () => {
			const lease = createStoredTokens(store);
			const keys = ['a', 'b', 'c', 'd'];
			const rounds = Array.from({ length: 30 }, (_, index) => {
				const asks = keys.map((key) => askOf({ key, least: 1 }));
				return lease(google, `p-${index}`, index % 2 === 0 ? asks : asks.reverse());
			});
			expect((await Promise.all(rounds)).flat().every(({ granted }) => granted === 1)).toBe(true);
		});

		it('take back what was not spent, for whoever asks next', async () => {
			expect(await grant(google, 'one', { most: 100 })).toBe(10);
			expect(await grant(google, 'other', { least: 40 })).toBe(30);
			expect(await grant(google, 'one', { returned: 10 })).toBe(0);
			expect(await grant(google, 'other', { least: 40 })).toBe(10);
		});

		it('fill by the clock of the database', async () => {
			const shape = { capacity: 10, perMs: 0.001 };
			expect(await grant(google, 'one', { shape, least: 10 })).toBe(10);
			expect(await grant(google, 'one', { shape, least: 10 })).toBe(0);
			await run(database.superuser, [`update portcullis.rate_bucket set at = at - interval '5 seconds'`]);
			expect(await grant(google, 'one', { shape, least: 10 })).toBe(5);
		});

		it('go when nobody has asked for a day, and not before', async () => {
			await createStoredTokens(store)(google, 'one', [
				askOf({ key: 'old', least: 1 }),
				askOf({ key: 'new', least: 1 }),
			]);
			await run(database.superuser, [
				`update portcullis.rate_bucket set at = at - interval '26 hours' where key = 'old'`,
				`update portcullis.rate_bucket set at = at - interval '23 hours' where key = 'new'`,
			]);
			await createStoredTokens(store)(google, 'one', [askOf({ key: 'another', least: 1 })]);
			const keys = await withClient(database.superuser, async (client) => {
				const { rows } = await client.query('select key from portcullis.rate_bucket order by key');
				return rows.map(({ key }) => key);
			});
			expect(keys).toEqual(['another', 'new']);
		});
	});

	it('of two workspaces are two, whatever they are called', async () => {
		expect(await grant(google, 'one', { least: 40 })).toBe(40);
		expect(await grant(google, 'one', { least: 1 })).toBe(0);
		expect(await grant(microsoft, 'one', { least: 40 })).toBe(40);
	});

	it('of a workspace that is gone are nobody’s', async () => {
		const lease = createStoredTokens(store)('00000000-0000-4000-8000-000000000000', 'one', [askOf({ least: 1 })]);
		await expect(lease).rejects.toMatchObject({ code: 'PC_CONFLICT' });
	});
});
