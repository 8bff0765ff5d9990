import { type BackupHeader, writeBackupFile } from './backup-file.ts';
import type { PgConnection } from './connection.ts';
import { readApplied } from './queries/migration.ts';
import {
	auditMonths,
	countRows,
	listTables,
	makeTableTools,
	readRows,
	type TableFacts,
} from './queries/whole-database.ts';
import { StartError } from './start-error.ts';
import { transactWhole } from './transaction.ts';
import type { Query } from './tx.ts';

/** What is copied, and where to. */
export interface BackupParts {
	/** A login that row-level security does not bind: of the embedded database, `EmbeddedPostgres.superuser`. */
	readonly connection: PgConnection;
	/** Replaced when the copy is complete. */
	readonly file: string;
	/** Gives the copy up; no part of it stays. */
	readonly signal?: AbortSignal | undefined;
}

/**
 * Writes every row of the database, as it is at one moment, into one file; the gateway may go on meanwhile. Holds some
 * hundred rows in memory at a time. Throws PC_BACKUP_FAILED.
 */
export async function backUp({ connection, file, signal }: BackupParts): Promise<BackupHeader> {
	try {
		return await transactWhole(connection, 'see', async (query) => {
			await makeTableTools(query);
			const header = await readHeader(query);
			await writeBackupFile(file, textsOf(query, header, signal));
			return header;
		});
	} catch (error) {
		throw failed(error);
	}
}

/** A StartError as it is; what database or disk say, as one. */
function failed(error: unknown): StartError {
	if (error instanceof StartError) return error;
	const { code, message } = error as { readonly code?: unknown; readonly message?: string };
	// The texts of the database may quote rows.
	const why = typeof code === 'string' ? code : message;
	return new StartError('PC_BACKUP_FAILED', `The database could not be backed up (${why}); no file was written.`, {
		cause: error,
	});
}

async function readHeader(query: Query): Promise<BackupHeader> {
	const tables: { name: string; rows: string }[] = [];
	for (const { name } of parentsFirst(await listTables(query)))
		tables.push({ name, rows: await countRows(query, name) });
	const migrations = (await readApplied(query)).map(({ number, name, checksum }) => ({ number, name, checksum }));
	const months = [...(await auditMonths(query))];
	return { format: 1, created: new Date().toISOString(), migrations, months, tables };
}

/** Tables in an order in which each comes after those its rows need. */
export function parentsFirst(tables: readonly TableFacts[]): readonly TableFacts[] {
	const placed = new Set<TableFacts>();
	const place = (table: TableFacts, trail: readonly TableFacts[]): void => {
		if (placed.has(table) || trail.includes(table)) return;
		const above = tables.filter(({ name }) => table.parents.includes(name));
		for (const parent of above) place(parent, [...trail, table]);
		placed.add(table);
	};
	for (const table of tables) place(table, []);
	return [...placed];
}

async function* textsOf(query: Query, header: BackupHeader, signal?: AbortSignal): AsyncGenerator<string> {
	yield `${JSON.stringify(header)}\n`;
	for (const { name } of header.tables) {
		for await (const lines of readRows(query, name)) {
			signal?.throwIfAborted();
			yield `${lines.join('\n')}\n`;
		}
	}
}
