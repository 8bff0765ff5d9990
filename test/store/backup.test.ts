import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { appendRecords } from '../../src/store/append-records.ts';
import { backUp } from '../../src/store/backup.ts';
import { readMigrations } from '../../src/store/migrations.ts';
import { prepareAudit } from '../../src/store/prepare-audit.ts';
import { ensureAuditMonths } from '../../src/store/queries/audit-event.ts';
import { restore } from '../../src/store/restore.ts';
import { createStore } from '../../src/store/store.ts';
import { verifyChain } from '../../src/store/verify-chain.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { createMigrated, describeOnBoth, run, withClient } from './migrated-database.ts';
import { insertOf, makeRow, ofWorkspaces, readTables } from './row-maker.ts';

const KNOWN = readMigrations().map(({ number, name }) => ({ number, name }));

const GOOGLE = '11111111-1111-4111-8111-111111111111';
const MICROSOFT = '22222222-2222-4222-8222-222222222222';

/** What no careless way through JavaScript brings back: all digits, all microseconds, line ends of other kinds, bytes. */
const ODD = [
	`update portcullis.workspace set config_version = 9007199254740993, version = 7 where workspace_id = '${GOOGLE}'`,
	`update portcullis.workspace set title = E'a\\nb\\r\\u2028c"\\\\ {\\U0001F642}' where workspace_id = '${GOOGLE}'`,
	`update portcullis.server set endpoint = '{"n": 12345678901234567890.10, "t": "\\\\u2029"}', limits = '{}'`,
	`update portcullis.server set client_features = '{}' where workspace_id = '${GOOGLE}'`,
	`update portcullis.grant_rule set created_at = '2026-11-22 23:10:00.123457+05:30'`,
	`update portcullis.credential set sealed = decode('00ff0a0d22', 'hex')`,
	`update portcullis.usage_hour set calls = 9223372036854775807`,
];

/** Fills every table for two workspaces, without triggers, so that the values stay as they are given. */
async function fill({ superuser }: TestDatabase): Promise<void> {
	await withClient(superuser, async (client) => {
		const tables = await readTables(client);
		await client.query("set session_replication_role = 'replica'");
		await client.query('delete from portcullis.platform_setting');
		for (const table of tables.filter(({ partition, name }) => !partition && name !== 'migration')) {
			const owners = ofWorkspaces(table) ? [GOOGLE, MICROSOFT] : [GOOGLE];
			for (const workspaceId of owners) {
				for (const seed of [1, 2]) {
					const row = insertOf(table.name, makeRow(tables, { table: table.name, workspaceId, seed }));
					// Of some there is one alone.
					await client.query(`${row} on conflict do nothing`);
				}
			}
		}
		await client.query('delete from portcullis.audit_event; delete from portcullis.audit_chain');
		for (const statement of ODD) await client.query(statement);
	});
}

async function addRecords(database: TestDatabase): Promise<void> {
	const store = createStore({ connections: database });
	await prepareAudit(store);
	await store.asPlatform({ reason: 'test', actor: 'test' }, (tx) => ensureAuditMonths(tx, 5));
	const records = Array.from({ length: 1_200 }, (_, index) => {
		const at = new Date(Date.UTC(2026, index % 12, 1, 0, 0, index)).toISOString();
		const request = `r-${index}`;
		const line = JSON.stringify({ time: at, kind: 'outcome', request, detail: 'x\u2028\n'.repeat(index % 300) });
		return { workspaceId: index % 2 ? GOOGLE : MICROSOFT, at, request, kind: 'outcome', line };
	});
	await appendRecords(store, records);
	await store.close();
}

/** Every row of every table and partition as PostgreSQL writes rows, in the order of their texts. */
function everything({ superuser }: TestDatabase): Promise<Readonly<Record<string, readonly string[]>>> {
	return withClient(superuser, async (client: pg.Client) => {
		const found: Record<string, readonly string[]> = {};
		for (const { name } of (await readTables(client)).filter(({ partitioned }) => !partitioned)) {
			const times = name === 'migration' ? "'' as applied_at, number, name, checksum" : '*';
			const { rows } = await client.query(
				`select t::text as row from (select ${times} from portcullis.${name}) t order by t::text collate "C"`,
			);
			found[name] = rows.map(({ row }) => row);
		}
		return found;
	});
}

describeOnBoth('a backup', (kind) => {
	let server: TestPostgres;
	let source: TestDatabase;
	let folder: string;
	let file: string;

	beforeAll(async () => {
		server = await startTestPostgres(kind);
		source = await createMigrated(server);
		await fill(source);
		await addRecords(source);
		folder = mkdtempSync(join(tmpdir(), 'portcullis-backup-'));
		file = join(folder, 'whole.backup');
		await backUp({ connection: source.superuser, file });
	});
	afterAll(async () => {
		await server.close();
		rmSync(folder, { recursive: true, force: true });
	});

	/** Restores into a fresh database; what happens to it is looked at by whoever asks. */
	async function into(restored: string, prepare: readonly string[] = []) {
		const target = await createMigrated(server);
		await run(target.superuser, prepare);
		const ending = restore({ connection: target.superuser, file: restored });
		return {
			target,
			ending: ending.then(
				() => 'restored',
				(error: unknown) => error as Error & { code: string },
			),
		};
	}

	async function expectNothing(bytes: Buffer, code: string): Promise<void> {
		const path = join(folder, 'other.backup');
		writeFileSync(path, bytes);
		const { target, ending } = await into(path);
		const before = await everything(target);
		expect(await ending).toMatchObject({ code });
		expect(await everything(target)).toEqual(before);
	}

	it('brings back every row of every table as it was, and chains that hold', async () => {
		const { target, ending } = await into(file);
		expect(await ending).toBe('restored');
		expect(await everything(target)).toEqual(await everything(source));
		const store = createStore({ connections: target });
		for (const id of [GOOGLE, MICROSOFT]) {
			const verdict = await store.withWorkspace(id, 'test', (tx) => verifyChain(tx));
			expect(verdict).toMatchObject({ intact: true, records: 600, complete: true });
		}
		const platform = await store.asPlatform({ reason: 'test', actor: 'test' }, (tx) => verifyChain(tx));
		expect(platform).toMatchObject({ intact: true });
		await store.close();
	});

	it('of what was restored is the same again', async () => {
		const { target } = await into(file);
		await expect.poll(() => everything(target)).toEqual(await everything(source));
		const again = join(folder, 'again.backup');
		await backUp({ connection: target.superuser, file: again });
		const linesOf = (path: string) => gunzipSync(readFileSync(path)).toString().split('\n').slice(1, -2).sort();
		expect(linesOf(again)).toEqual(linesOf(file));
	});

	it('says what it holds, names no row twice, and may be read by nobody else', () => {
		const lines = gunzipSync(readFileSync(file)).toString().split('\n');
		const header = JSON.parse(lines[0] ?? '');
		expect(header).toMatchObject({ format: 1, migrations: KNOWN });
		const names = header.tables.map(({ name }: { name: string }) => name);
		expect(names.indexOf('workspace')).toBeLessThan(names.indexOf('server'));
		expect(names.indexOf('server')).toBeLessThan(names.indexOf('tool_rule'));
		const rows = header.tables.reduce((sum: number, table: { rows: string }) => sum + Number(table.rows), 0);
		expect(lines).toHaveLength(rows + 3);
		expect(header.tables.every((table: { rows: string }) => table.rows !== '0')).toBe(true);
		expect(statSync(file).mode & 0o777).toBe(0o600);
	});

	it('has all tables of the schema, which has nothing else to bring back', async () => {
		const header = JSON.parse(gunzipSync(readFileSync(file)).toString().split('\n', 1)[0] ?? '');
		const names = header.tables.map(({ name }: { name: string }) => name);
		await withClient(source.superuser, async (client) => {
			const whole = (await readTables(client)).filter(({ partition }) => !partition);
			expect([...names, 'migration'].sort()).toEqual(whole.map(({ name }) => name).sort());
			const { rows } = await client.query(
				"select relname from pg_class where relnamespace = 'portcullis'::regnamespace and relkind = 'S'",
			);
			expect(rows).toEqual([]);
		});
	});

	it('is of one moment, whatever is written meanwhile', async () => {
		const busy = await createMigrated(server);
		await fill(busy);
		await addRecords(busy);
		const store = createStore({ connections: busy });
		let isWriting = true;
		const writing = (async () => {
			for (let index = 0; isWriting; index++) {
				const time = new Date().toISOString();
				const line = JSON.stringify({ time, kind: 'outcome', request: `busy-${index}` });
				await appendRecords(store, [
					{ workspaceId: GOOGLE, at: time, request: `busy-${index}`, kind: 'outcome', line },
				]);
			}
		})();
		const path = join(folder, 'busy.backup');
		await backUp({ connection: busy.superuser, file: path });
		isWriting = false;
		await writing;
		await store.close();
		const { target, ending } = await into(path);
		expect(await ending).toBe('restored');
		const restored = createStore({ connections: target });
		const verdict = await restored.withWorkspace(GOOGLE, 'test', (tx) => verifyChain(tx));
		await restored.close();
		expect(verdict).toMatchObject({ intact: true, complete: true });
	});

	it('that was cut off anywhere is refused, and leaves nothing', async () => {
		const bytes = readFileSync(file);
		for (const part of [0, 0.1, 0.5, 0.9]) {
			await expectNothing(bytes.subarray(0, Math.floor(bytes.length * part)), 'PC_BACKUP_INVALID');
		}
		await expectNothing(bytes.subarray(0, bytes.length - 1), 'PC_BACKUP_INVALID');
		const lines = gunzipSync(bytes).toString().split('\n');
		await expectNothing(gzipSync(lines.slice(0, -2).join('\n')), 'PC_BACKUP_INVALID');
		await expectNothing(gzipSync(`${lines.slice(0, -2).join('\n')}\n`), 'PC_BACKUP_INVALID');
	});

	it('in which a byte was changed is refused, and leaves nothing', async () => {
		const bytes = readFileSync(file);
		for (const part of [0.01, 0.5, 0.99]) {
			const changed = Buffer.from(bytes);
			const at = Math.floor(bytes.length * part);
			changed[at] = (changed[at] ?? 0) ^ 1;
			await expectNothing(changed, 'PC_BACKUP_INVALID');
		}
		const plain = gunzipSync(bytes);
		for (const at of [30, Math.floor(plain.length / 2), plain.length - 20]) {
			const changed = Buffer.from(plain);
			changed[at] = (changed[at] ?? 0) ^ 1;
			await expectNothing(gzipSync(changed), 'PC_BACKUP_INVALID');
		}
		await expectNothing(Buffer.from('not a backup'), 'PC_BACKUP_INVALID');
		await expectNothing(gzipSync('{"format":2}\n'), 'PC_BACKUP_INVALID');
	});

	it('goes into no database that has rows, settings, another schema or none', async () => {
		const used = await into(file, [`insert into portcullis.workspace (slug, title) values ('there', 'There')`]);
		expect(await used.ending).toMatchObject({
			code: 'PC_RESTORE_REFUSED',
			message: expect.stringContaining('workspace'),
		});
		const set = await into(file, [`update portcullis.platform_setting set settings = '{"hosts":[]}'`]);
		expect(await set.ending).toMatchObject({ code: 'PC_RESTORE_REFUSED' });
		const other = await into(file, [`update portcullis.migration set checksum = 'other'`]);
		expect(await other.ending).toMatchObject({
			code: 'PC_RESTORE_REFUSED',
			message: expect.stringContaining('schema'),
		});
		const bare = await server.createDatabase();
		const into_bare = restore({ connection: bare.superuser, file });
		await expect(into_bare).rejects.toMatchObject({
			code: 'PC_RESTORE_REFUSED',
			message: expect.stringContaining('migrate'),
		});
	});

	it('takes a login that row-level security does not bind', async () => {
		const path = join(folder, 'owner.backup');
		await expect(backUp({ connection: source.owner, file: path })).rejects.toMatchObject({ code: 'PC_BACKUP_FAILED' });
		const target = await createMigrated(server);
		await expect(restore({ connection: target.owner, file })).rejects.toMatchObject({ code: 'PC_RESTORE_REFUSED' });
		expect(existsSync(path)).toBe(false);
	});

	it('that is given up leaves no part of a file, and the one of before as it was', async () => {
		const before = readFileSync(file);
		const giving = backUp({ connection: source.superuser, file, signal: AbortSignal.abort() });
		await expect(giving).rejects.toMatchObject({ code: 'PC_BACKUP_FAILED' });
		expect(readFileSync(file).equals(before)).toBe(true);
		expect(readdirSync(folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
	});
});
