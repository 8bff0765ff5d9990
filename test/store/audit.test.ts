import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { appendRecords, type RecordToAppend } from '../../src/store/append-records.ts';
import { migrate } from '../../src/store/migrate.ts';
import { prepareAudit } from '../../src/store/prepare-audit.ts';
import { listAuditEvents } from '../../src/store/queries/audit-event.ts';
import { listUsage } from '../../src/store/queries/usage-hour.ts';
import { eraseWorkspace, insertWorkspace } from '../../src/store/queries/workspace.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import type { WorkspaceTx } from '../../src/store/tx.ts';
import { type ChainVerdict, verifyChain } from '../../src/store/verify-chain.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
let store: Store;
let google: string;
let microsoft: string;

beforeAll(async () => {
	server = await startTestPostgres('embedded');
});
afterAll(() => server.close());
beforeEach(async () => {
	database = await server.createDatabase();
	await migrate(database.owner);
	store = createStore({ connections: database });
	await prepareAudit(store);
	[google, microsoft] = [await makeWorkspace('google'), await makeWorkspace('microsoft')];
});
afterEach(() => store.close());

const makeWorkspace = (slug: string): Promise<string> =>
	store.asPlatform({ reason: 'test', actor: 'test' }, (tx) =>
		insertWorkspace(tx, { slug, title: slug, auditMode: 'strict', managedBy: 'api' }),
	);

function record(workspaceId: string | undefined, request: string, more: object = {}): RecordToAppend {
	const fields = { request, kind: 'outcome', server: 'jira', tool: 'search', outcome: 'ok', durationMs: 12, ...more };
	const time = '2026-11-22T23:10:00.000Z';
	return { ...fields, workspaceId, at: time, line: JSON.stringify({ time, workspaceId, ...fields }) };
}

const randomName = (): string => randomBytes(20_000).toString('base64');
const inside = <T>(id: string, fn: (tx: WorkspaceTx) => Promise<T>): Promise<T> => store.withWorkspace(id, 'test', fn);
const verify = (id: string): Promise<ChainVerdict> => inside(id, (tx) => verifyChain(tx));
const usage = (id: string) =>
	inside(id, (tx) => listUsage(tx, { from: new Date('2026-01-01'), to: new Date('2027-01-01'), limit: 100 }));
const requests = (id: string) =>
	inside(id, async (tx) => (await listAuditEvents(tx, { limit: 100 })).map(({ request }) => request));

async function asSuperuser(sql: string): Promise<void> {
	const client = new pg.Client(database.superuser);
	await client.connect();
	await client.query(sql);
	await client.end();
}

describe('records', () => {
	it('go into the chain of their workspace, and are counted by hour and tool', async () => {
		await appendRecords(store, [
			record(google, 'r-1'),
			record(microsoft, 'r-2', { outcome: 'error' }),
			record(google, 'r-3', { outcome: 'refused' }),
			record(google, 'r-4', { kind: 'intent' }),
			record(undefined, 'r-5', { outcome: 'refused' }),
		]);
		expect(await requests(google)).toEqual(['r-4', 'r-3', 'r-1']);
		expect(await requests(microsoft)).toEqual(['r-2']);
		const hour = new Date('2026-11-22T23:00:00Z');
		const counted = { hour, server: 'jira', tool: 'search' };
		expect(await usage(google)).toEqual([{ ...counted, calls: 2, errors: 0, refusals: 1, durationMs: 24 }]);
		expect(await usage(microsoft)).toEqual([{ ...counted, calls: 1, errors: 1, refusals: 0, durationMs: 12 }]);
		expect(await verify(google)).toMatchObject({ intact: true, records: 3 });
		const platform = await store.asPlatform({ reason: 'test', actor: 'test' }, (tx) => verifyChain(tx));
		expect(platform.intact).toBe(true);
	});

	it('are kept and counted once, however often and by however many they are delivered', async () => {
		const batch = Array.from({ length: 20 }, (_, index) => record(google, `r-${index}`));
		const other = createStore({ connections: database });
		await Promise.all([appendRecords(store, batch), appendRecords(other, batch), appendRecords(store, batch.slice(5))]);
		await appendRecords(store, [...batch, record(google, 'r-20')]);
		await other.close();
		expect(await requests(google)).toHaveLength(21);
		expect(await usage(google)).toMatchObject([{ calls: 21 }]);
		expect(await verify(google)).toMatchObject({ intact: true, records: 21 });
	});

	it('are kept and counted whatever callers and servers call things', async () => {
		const names = [
			'a\0b',
			'half \ud800 of a pair',
			'\udc00\ud800',
			'\u{1f511}'.repeat(200),
			randomName(),
			'"\\\n\u202e',
		];
		const odd = names.map((tool, index) => record(google, `r-${index}`, { tool, method: tool, code: tool }));
		const long = odd.at(-2)!;
		await appendRecords(store, [...odd, record(undefined, 'r-9', { method: '\0', tool: '\ud800' })]);
		await appendRecords(store, [long]);
		expect(await requests(google)).toHaveLength(names.length);
		expect(await verify(google)).toMatchObject({ intact: true, records: names.length });
		expect((await usage(google)).map(({ tool, calls }) => [tool.length <= 256, calls])).toEqual(
			names.map(() => [true, 1]),
		);
		const kept = await inside(google, (tx) => listAuditEvents(tx, { request: 'r-0', limit: 1 }));
		expect(kept).toMatchObject([{ tool: 'a\ufffdb', method: 'a\ufffdb', line: odd[0]!.line }]);
	});

	it.each([
		['a right is missing', 'revoke insert on portcullis.audit_event from portcullis_app'],
		['a table is missing', 'alter table portcullis.usage_hour rename to usage_hour_gone'],
		['the database takes no writes', 'alter role portcullis_app set default_transaction_read_only = on'],
		['the database lets nobody in', "alter role portcullis_app password 'another'"],
	])('wait where %s, and are blamed for themselves alone', async (_what, sql) => {
		const strange = record(google, 'r-1', { durationMs: 1e12 });
		await expect(appendRecords(store, [strange])).rejects.toMatchObject({ code: 'PC_INTERNAL' });
		await asSuperuser(sql);
		const fresh = createStore({ connections: database });
		const waiting = appendRecords(fresh, [record(google, 'r-1')]);
		await expect(waiting).rejects.toMatchObject({ code: 'PC_STORE_UNAVAILABLE' });
		await fresh.close();
		await asSuperuser(
			`alter role portcullis_app reset all; alter role portcullis_app password '${database.app.password}'`,
		);
	});

	it('of a workspace that is gone go with it', async () => {
		await appendRecords(store, [record(google, 'r-1')]);
		await store.asPlatform({ reason: 'test', actor: 'test', erased: google }, (tx) => eraseWorkspace(tx, google));
		expect(await appendRecords(store, [record(google, 'r-2'), record(microsoft, 'r-3')])).toEqual({ orphaned: 1 });
		expect(await requests(google)).toEqual([]);
		expect(await usage(google)).toEqual([]);
		expect(await requests(microsoft)).toEqual(['r-3']);
	});

	it('may hold any text', async () => {
		await appendRecords(store, [record(google, 'r-1', { tool: 'nul\0 half\ud800 quote" ü👋' })]);
		expect(await verify(google)).toMatchObject({ intact: true, records: 1 });
		expect(await usage(google)).toMatchObject([{ tool: 'nul\ufffd half\ufffd quote" ü👋' }]);
	});

	it('cannot be changed or removed by the gateway itself', async () => {
		await appendRecords(store, [record(google, 'r-1')]);
		for (const sql of ["update portcullis.audit_event set line = '{}'", 'delete from portcullis.audit_event']) {
			await expect(inside(google, (tx) => tx.query(sql))).rejects.toMatchObject({ cause: { code: '42501' } });
		}
	});
});

describe('a chain', () => {
	const COUNT = 12;
	beforeEach(() =>
		appendRecords(
			store,
			Array.from({ length: COUNT }, (_, index) => record(google, `r-${index + 1}`)),
		),
	);

	it.each([
		[
			'a changed line',
			"update portcullis.audit_event set line = replace(line, 'r-5', 'r-X') where seq = 5",
			'5',
			'changed',
		],
		['a record taken out', 'delete from portcullis.audit_event where seq = 7', '7', 'missing'],
		['the first record taken out', 'delete from portcullis.audit_event where seq = 1', '1', 'missing'],
		['the last record taken out', 'delete from portcullis.audit_event where seq = 12', '11', 'end-missing'],
		['all records taken out', 'delete from portcullis.audit_event', '0', 'end-missing'],
		[
			'two records that changed places',
			'update portcullis.audit_event set seq = 100 where seq = 3; update portcullis.audit_event set seq = 3 where seq = 4; update portcullis.audit_event set seq = 4 where seq = 100',
			'3',
			'changed',
		],
		[
			'a column that says something else',
			"update portcullis.audit_event set tool = 'other' where seq = 9",
			'9',
			'columns-differ',
		],
		[
			'a person nobody named',
			"update portcullis.audit_event set oid = 'somebody' where seq = 4",
			'4',
			'columns-differ',
		],
		['another time', "update portcullis.audit_event set at = at + interval '1 s' where seq = 2", '2', 'columns-differ'],
		[
			'a record put behind the end',
			`insert into portcullis.audit_event (workspace_id, at, seq, request, kind, line, hash)
				select workspace_id, at, 13, 'r-13', kind, line, hash from portcullis.audit_event where seq = 12`,
			'13',
			'beyond-end',
		],
		['the row of the end taken out', 'delete from portcullis.audit_chain', '1', 'beyond-end'],
		[
			'a hash made anew for one record',
			"update portcullis.audit_event set line = '{}', hash = sha256('x') where seq = 6",
			'6',
			'changed',
		],
	])('shows %s, and where', async (_, sql, seq, fault) => {
		expect(await verify(google)).toMatchObject({ intact: true, records: COUNT });
		await asSuperuser(sql);
		expect(await verify(google)).toMatchObject({ intact: false, seq, fault });
	});

	it('is followed in parts, each from where the one before it ended', async () => {
		const first = await inside(google, (tx) => verifyChain(tx, { most: 5 }));
		if (!first.intact) throw new Error('the chain is broken');
		expect(first).toMatchObject({ records: 5, seq: '5', complete: false });
		const after = { seq: first.seq, hash: Buffer.from(first.head, 'hex') };
		const rest = await inside(google, (tx) => verifyChain(tx, { after, most: 7 }));
		expect(rest).toMatchObject({ intact: true, records: 7, seq: '12', complete: true });
		expect(rest).toEqual({ ...(await verify(google)), records: 7 });
		const elsewhere = { seq: '5', hash: Buffer.alloc(32) };
		expect(await inside(google, (tx) => verifyChain(tx, { after: elsewhere }))).toMatchObject({
			...{ intact: false, records: 0, seq: '6', fault: 'changed' },
		});
	});

	it('that grows while it is followed is followed to where it ended before', async () => {
		let appended = 0;
		const verdict = await inside(google, (tx) => {
			const query: WorkspaceTx['query'] = async <Row>(text: string, values?: readonly unknown[]) => {
				const rows = await tx.query<Row>(text, values);
				appended += 1;
				await appendRecords(store, [record(google, `late-${appended}`)]);
				return rows;
			};
			return verifyChain({ ...tx, query });
		});
		expect(verdict).toMatchObject({ intact: true, records: COUNT, complete: true });
		expect(appended).toBeGreaterThan(2);
		expect(await verify(google)).toMatchObject({ intact: true, records: COUNT + appended });
	});

	it('is given up when whoever wants to know has gone', async () => {
		const gone = inside(google, (tx) => verifyChain(tx, { signal: AbortSignal.abort(new Error('gone')) }));
		await expect(gone).rejects.toMatchObject({ cause: { message: 'gone' } });
	});
});
