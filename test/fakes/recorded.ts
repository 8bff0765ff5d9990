import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbedded } from '../../src/store/embedded/start-embedded.ts';
import { lockFolder } from '../../src/store/folder-lock.ts';

/** What a gateway that has ended recorded, as it was kept: what its database has, in order, and what the spool still has. */
export async function readRecorded(dataFolder: string): Promise<readonly string[]> {
	const { shipped, waiting } = await readPlaces(dataFolder);
	return [...new Set([...shipped, ...waiting])];
}

/** What a gateway that has ended recorded, by where it stands. */
export interface RecordedPlaces {
	/** In the database, in order. */
	readonly shipped: readonly string[];
	/** In the files of the spool, whether they are shipped or not. */
	readonly waiting: readonly string[];
}

/** Reads both places. */
export async function readPlaces(dataFolder: string): Promise<RecordedPlaces> {
	const shipped = await withDatabase(dataFolder, async (client) => {
		const { rows } = await client.query('select line from portcullis.audit_event order by at, seq');
		return (rows as { line: string }[]).map(({ line }) => line);
	});
	return { shipped, waiting: readSpool(dataFolder) };
}

/**
 * Whole lines of the spool, also of a gateway that runs: the file it writes to is kept until it is full (docs/audit.md), so
 * a test that records little finds everything.
 */
export function readSpool(dataFolder: string): readonly string[] {
	const folder = join(dataFolder, 'spool');
	const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
	return files.sort().flatMap((name) => {
		const lines = readFileSync(join(folder, name), 'utf8').split('\n');
		return lines.slice(0, -1).filter((line) => line.endsWith('}'));
	});
}

/** Every value in every table of a gateway that has ended, and every file of its spool, as text. */
export async function readEverythingStored(dataFolder: string): Promise<string> {
	const tables = await withDatabase(dataFolder, readTables);
	const spool = join(dataFolder, 'spool');
	const files = readdirSync(spool).map((name) => readFileSync(join(spool, name), 'utf8'));
	return [...tables, ...files].join('\n');
}

async function readTables(client: pg.Client): Promise<readonly string[]> {
	const { rows: tables } = await client.query(
		`select format('%I.%I', schemaname, tablename) as name from pg_tables
		 where schemaname not in ('pg_catalog', 'information_schema')`,
	);
	const texts: string[] = [];
	for (const { name } of tables as { name: string }[]) {
		const { rows } = await client.query({ text: `select * from only ${name}`, rowMode: 'array' });
		texts.push(name, ...(rows as unknown[][]).flat().map(textOf));
	}
	return texts;
}

function textOf(value: unknown): string {
	if (Buffer.isBuffer(value)) return value.toString('latin1');
	return typeof value === 'string' ? value : JSON.stringify(value);
}

async function withDatabase<T>(dataFolder: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
	// Throws while the gateway runs: its database must not be taken away from it.
	const lock = lockFolder(dataFolder);
	const database = await startEmbedded({ folder: dataFolder, durability: 'fast' });
	const client = new pg.Client(database.superuser);
	try {
		await client.connect();
		return await fn(client);
	} finally {
		await client.end();
		await database.close();
		lock.release();
	}
}

/** Process id of the server that runs on this data folder; `undefined` when none does. */
export function serverPid(dataFolder: string): number | undefined {
	try {
		const pid = Number.parseInt(readFileSync(join(dataFolder, 'postgres/data/postmaster.pid'), 'utf8'), 10);
		return pid > 0 && process.kill(pid, 0) ? pid : undefined;
	} catch {
		return undefined;
	}
}

/** Ends what a killed gateway left of its database, so that the folder can be removed. */
export async function endDatabase(dataFolder: string): Promise<void> {
	for (let pid = serverPid(dataFolder); pid !== undefined; pid = serverPid(dataFolder)) {
		process.kill(pid, 'SIGQUIT');
		await sleep(20);
	}
}
