import { randomInt, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPool } from '../../src/store/connection.ts';
import type { WorkspaceTx } from '../../src/store/tx.ts';
import { createWithWorkspace, type WithWorkspace } from '../../src/store/with-workspace.ts';
import { hasPgBouncer, startPgBouncer } from '../fakes/pgbouncer.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { createMigrated, describeOnBoth, withClient } from './migrated-database.ts';
import { insertOf, makeRow, readTables } from './row-maker.ts';

const WORKSPACES: readonly string[] = Array.from({ length: 50 }, () => randomUUID());
const OPERATIONS = process.env['PORTCULLIS_LONG'] === '1' ? 5_000 : 2_500;
const EVERY_MS = 15;

/** What one operation saw that was not its own, and what it failed with. */
interface Ledger {
	readonly foreign: unknown[];
	readonly outcomes: Map<string, number>;
}

interface Ground {
	readonly withWorkspace: WithWorkspace;
	readonly pool: pg.Pool;
	readonly ledger: Ledger;
}

type Rows = readonly { readonly id: string; readonly text?: string }[];
/** Does something in a transaction and shows what it saw, perhaps only after the transaction has ended. */
type Act = (tx: WorkspaceTx, show: (rows: Rows) => void) => Promise<unknown>;

const sleep = (tx: WorkspaceTx) => tx.query('select pg_sleep($1)', [randomInt(1, 6) / 1000]);
const servers = (tx: WorkspaceTx) =>
	tx.query<Rows[number]>('select workspace_id as id, title as text from portcullis.server');
const spoil = (tx: WorkspaceTx) => tx.query("update portcullis.server set title = 'half'");

/** No statement names the workspace: only the policies keep it to its own. */
const ACTS: Readonly<Record<string, Act>> = {
	reads: async (tx, show) => show(await servers(tx)),
	'reads twice': async (tx, show) => {
		show(await servers(tx));
		await sleep(tx);
		show(await servers(tx));
	},
	changes: async (tx, show) => {
		const text = `canary of ${tx.workspaceId}`;
		show(await tx.query('update portcullis.server set title = $1 returning workspace_id as id, title as text', [text]));
	},
	'adds and takes away': async (tx, show) => {
		await tx.query(
			"insert into portcullis.idempotency_key values ($1, 'p', $2, '\\x00', 200, 'canary of ' || $1::uuid)",
			[tx.workspaceId, randomUUID()],
		);
		show(await tx.query('delete from portcullis.idempotency_key returning workspace_id as id, answer as text'));
	},
	'throws after a change': async (tx) => {
		await spoil(tx);
		throw new Error('an error of the caller');
	},
	'fails in SQL': async (tx) => {
		await spoil(tx);
		await tx.query('select 1 / 0');
	},
	'swallows a failure': async (tx) => {
		await spoil(tx);
		await tx.query('select 1 / 0').catch(() => undefined);
	},
	'does two things, of which one fails': async (tx, show) => {
		const slow = sleep(tx)
			.then(() => new Promise((resolve) => setTimeout(resolve, randomInt(4))))
			.then(() => servers(tx))
			.then(show);
		await Promise.all([slow, Promise.reject(new Error('the other failed'))]);
	},
	'is cancelled': async (tx) => {
		await spoil(tx);
		await tx.query('select pg_cancel_backend(pg_backend_pid()), pg_sleep(5)');
	},
	'ends its own connection': async (tx) => {
		await spoil(tx);
		await tx.query('select pg_terminate_backend(pg_backend_pid()), pg_sleep(5)');
	},
};

const NAMES = Object.keys(ACTS);
/** One in so many operations ends its connection, which is dear. */
const RARE = 20;

function pick(): string {
	const name = NAMES[randomInt(NAMES.length)]!;
	return name === 'ends its own connection' && randomInt(RARE) > 0 ? 'reads' : name;
}

async function act({ withWorkspace, ledger }: Ground): Promise<void> {
	const workspaceId = WORKSPACES[randomInt(WORKSPACES.length)]!;
	const name = pick();
	const show = (rows: Rows): void => {
		const foreign = rows.filter(({ id, text }) => id !== workspaceId || text !== `canary of ${workspaceId}`);
		ledger.foreign.push(...foreign.map((row) => ({ name, workspaceId, row })));
	};
	const outcome = await withWorkspace(workspaceId, 'test', (tx) => ACTS[name]!(tx, show)).then(
		() => 'kept',
		(error: { readonly code: string }) => error.code,
	);
	ledger.outcomes.set(`${name}: ${outcome}`, (ledger.outcomes.get(`${name}: ${outcome}`) ?? 0) + 1);
}

/** Without a transaction that names a workspace a connection sees nothing, whoever had it before. */
async function lookBehind({ pool, ledger }: Ground): Promise<void> {
	const result = await pool
		.query(
			`select coalesce(current_setting('app.workspace_id', true), '') as context,
				(select count(*)::int from portcullis.server) as seen`,
		)
		.catch(() => undefined);
	const row = result?.rows[0] ?? { context: '', seen: 0 };
	if (row.context !== '' || row.seen !== 0) ledger.foreign.push({ name: 'after', row });
}

async function work(ground: Ground, operations: number): Promise<void> {
	for (let done = 0; done < operations; done += 1) {
		await act(ground);
		if (randomInt(4) === 0) await lookBehind(ground);
	}
}

/** Ends or cancels what some connection of the role is in the midst of, again and again. */
async function disturb(database: TestDatabase, signal: AbortSignal): Promise<number> {
	return withClient(database.superuser, async (client) => {
		let hit = 0;
		while (!signal.aborted) {
			const way = randomInt(3) === 0 ? 'pg_terminate_backend' : 'pg_cancel_backend';
			const { rowCount } = await client.query(
				`select ${way}(pid) from pg_stat_activity
				 where usename = 'portcullis_app' and datname = current_database() and state <> 'idle'
				 order by random() limit 1`,
			);
			hit += rowCount ?? 0;
			await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
		}
		return hit;
	});
}

async function plant(client: pg.Client): Promise<void> {
	const tables = await readTables(client);
	for (const workspaceId of WORKSPACES) {
		const workspace = makeRow(tables, { table: 'workspace', workspaceId, seed: 1 });
		const server = makeRow(tables, { table: 'server', workspaceId, seed: 1 });
		await client.query(insertOf('workspace', workspace));
		await client.query(insertOf('server', { ...server, title: `canary of ${workspaceId}` }));
	}
}

describeOnBoth('fifty workspaces at once', (kind) => {
	let postgres: TestPostgres;
	let database: TestDatabase;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		database = await createMigrated(postgres);
		await withClient(database.superuser, plant);
	});
	afterAll(() => postgres.close());

	/** Lets this many workers loose, on pools of these connections, while connections are cut under them. */
	async function storm(
		app: TestDatabase['app'],
		{ pools, workers }: { readonly pools: number; readonly workers: number },
	) {
		const ledger: Ledger = { foreign: [], outcomes: new Map() };
		const grounds = Array.from({ length: pools }, () => {
			const pool = createPool({ connection: app, size: 1 });
			return { pool, withWorkspace: createWithWorkspace(pool), ledger };
		});
		const over = new AbortController();
		const disturbed = disturb(database, over.signal);
		const each = Math.ceil(OPERATIONS / workers);
		await Promise.all(Array.from({ length: workers }, (_, at) => work(grounds[at % pools]!, each)));
		over.abort();
		const hits = await disturbed;
		const recovered = await Promise.all(
			grounds.map(({ withWorkspace }) => withWorkspace(WORKSPACES[0]!, 'test', servers).catch(() => [])),
		);
		await Promise.all(grounds.map(({ pool }) => pool.end()));
		return { ...ledger, hits, recovered };
	}

	async function judge({ foreign, outcomes, hits, recovered }: Awaited<ReturnType<typeof storm>>): Promise<void> {
		expect(foreign).toEqual([]);
		expect(hits).toBeGreaterThan(0);
		const own = [{ id: WORKSPACES[0], text: `canary of ${WORKSPACES[0]}` }];
		expect(recovered).toEqual(recovered.map(() => own));
		// Every act was tried, and those that must not keep anything never did.
		expect(new Set([...outcomes.keys()].map((key) => key.split(':')[0]))).toEqual(new Set(NAMES));
		expect(
			[...outcomes.keys()].filter((key) => /^(throws|fails|swallows|does two|is c|ends).*: kept$/.test(key)),
		).toEqual([]);
		const codes = new Set([...outcomes.keys()].map((key) => key.split(': ')[1]));
		expect([...codes].filter((code) => !['kept', 'PC_INTERNAL', 'PC_STORE_UNAVAILABLE'].includes(code!))).toEqual([]);
		const { rows } = await withClient(database.superuser, (client) =>
			client.query(
				"select count(*)::int as all, count(*) filter (where title = 'canary of ' || workspace_id)::int as whole from portcullis.server",
			),
		);
		expect(rows).toEqual([{ all: WORKSPACES.length, whole: WORKSPACES.length }]);
	}

	it('on one connection never see each other, whatever fails', { timeout: 600_000 }, async () => {
		await judge(await storm(database.app, { pools: 1, workers: 10 }));
	});

	it.runIf(hasPgBouncer())(
		'by twenty clients of two connections behind PgBouncer never see each other',
		{ timeout: 600_000 },
		async () => {
			const bouncer = (await startPgBouncer(database, { poolSize: 2 }))!;
			await judge(await storm(bouncer.connections.app, { pools: 20, workers: 40 }));
			await bouncer.close();
		},
	);
});
