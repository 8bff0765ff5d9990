import { parentsFirst } from './backup.ts';
import { type BackupHeader, invalidBackup, parseHeader, readBackupFile } from './backup-file.ts';
import type { PgConnection } from './connection.ts';
import { readApplied } from './queries/migration.ts';
import {
	deleteSettings,
	hasFreshSettings,
	hasRows,
	listTables,
	lockTable,
	makeAuditMonth,
	makeTableTools,
	putRows,
	switchTriggersOff,
} from './queries/whole-database.ts';
import { StartError } from './start-error.ts';
import { transactWhole } from './transaction.ts';
import type { Query } from './tx.ts';

/** What is restored, and where to. */
export interface RestoreParts {
	/** A superuser of a database that was migrated and never used. */
	readonly connection: PgConnection;
	readonly file: string;
	/** Gives up; nothing stays. */
	readonly signal?: AbortSignal | undefined;
}

const SETTINGS = 'platform_setting';

/** As many rows as go in at a time, and as many characters. */
const MOST_LINES = 500;
const MOST_CHARS = 1024 * 1024;

/**
 * Puts every row of a backup into an empty database, as it was: versions, times and chains stay. The file is read to its
 * end before anything is written, and again while it is; all rows come in, or none. Throws PC_BACKUP_INVALID and
 * PC_RESTORE_REFUSED.
 */
export async function restore({ connection, file, signal }: RestoreParts): Promise<BackupHeader> {
	try {
		await checkFile(file, signal);
		return await transactWhole(connection, 'write', async (query) => {
			const lines = readBackupFile(file);
			try {
				return await restoreAll(query, lines, signal);
			} finally {
				await lines.return(undefined);
			}
		});
	} catch (error) {
		throw failed(error);
	}
}

type Lines = AsyncGenerator<string, undefined>;

async function restoreAll(query: Query, lines: Lines, signal: AbortSignal | undefined): Promise<BackupHeader> {
	const header = parseHeader((await lines.next()).value);
	await makeTableTools(query);
	await checkTarget(query, header);
	await switchTriggersOff(query);
	await deleteSettings(query);
	for (const month of header.months) await makeAuditMonth(query, month);
	for (const table of header.tables) await restoreTable(query, { lines, table, signal });
	// The end of the file is where it is held against its digest once more.
	const { done } = await lines.next();
	if (done !== true) throw invalidBackup('it has more rows than it says');
	return header;
}

async function checkFile(file: string, signal: AbortSignal | undefined): Promise<void> {
	let lines = 0;
	for await (const line of readBackupFile(file)) {
		signal?.throwIfAborted();
		if (lines === 0) parseHeader(line);
		lines += 1;
	}
	if (lines === 0) throw invalidBackup('it is empty');
}

async function checkTarget(query: Query, header: BackupHeader): Promise<void> {
	const own = (await readApplied(query)).map(({ number, name, checksum }) => ({ number, name, checksum }));
	if (JSON.stringify(own) !== JSON.stringify(header.migrations)) {
		throw refused(
			own.length === 0
				? 'it has no schema; run "portcullis migrate" of the version that made the backup'
				: 'its schema is of another version than the backup; migrate it with the version that made the backup',
		);
	}
	const tables = parentsFirst(await listTables(query)).map(({ name }) => name);
	const told = header.tables.map(({ name }) => name);
	if (tables.toSorted().join() !== told.toSorted().join()) throw refused('its tables are not those of the backup');
	// Whoever comes now waits, so that what is found empty stays so.
	for (const name of tables) await lockTable(query, name);
	for (const name of tables.filter((each) => each !== SETTINGS)) {
		const isUsed = await hasRows(query, name);
		if (isUsed) throw refused(`it is not empty: portcullis.${name} has rows`);
	}
	const isFresh = await hasFreshSettings(query);
	if (!isFresh) throw refused('it is not empty: its settings were changed');
}

interface Restoring {
	readonly lines: Lines;
	readonly table: BackupHeader['tables'][number];
	readonly signal: AbortSignal | undefined;
}

async function restoreTable(query: Query, { lines, table, signal }: Restoring): Promise<void> {
	for (let left = BigInt(table.rows); left > 0n; ) {
		signal?.throwIfAborted();
		const batch = await readBatch(lines, left);
		if (batch.length === 0) throw invalidBackup(`it has fewer rows of ${table.name} than it says`);
		await putRows(query, table.name, `[${batch.join(',')}]`);
		left -= BigInt(batch.length);
	}
}

async function readBatch(lines: Lines, left: bigint): Promise<readonly string[]> {
	const batch: string[] = [];
	for (let chars = 0; batch.length < MOST_LINES && BigInt(batch.length) < left && chars < MOST_CHARS; ) {
		const { value } = await lines.next();
		if (value === undefined) break;
		batch.push(value);
		chars += value.length;
	}
	return batch;
}

function refused(why: string, cause?: unknown): StartError {
	return new StartError('PC_RESTORE_REFUSED', `Nothing was restored into the database: ${why}.`, { cause });
}

const REFUSALS: Readonly<Record<string, string>> = {
	'42501': 'it takes a superuser',
	'55P03': 'somebody is using it; stop the gateways on it',
};

/** A StartError as it is; what database or disk say, as one. */
function failed(error: unknown): StartError {
	if (error instanceof StartError) return error;
	const { code, message } = error as { readonly code?: unknown; readonly message?: string };
	// The texts of the database may quote rows.
	if (typeof code !== 'string') return refused(String(message), error);
	return refused(REFUSALS[code] ?? `the error is ${code}`, error);
}
