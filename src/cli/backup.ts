import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import { createLog } from '../observe/log.ts';
import { backUp } from '../store/backup.ts';
import type { BackupHeader } from '../store/backup-file.ts';
import type { PgConnection } from '../store/connection.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/open-store.ts';
import { restore } from '../store/restore.ts';
import { type CommandIo, guarded } from './command.ts';
import { failed } from './command-error.ts';
import { openSpool } from './open-spool.ts';
import { createOpened, type Opened } from './opened.ts';
import { counted } from './output.ts';
import { requireOwnDatabase, startOwnDatabase } from './own-database.ts';
import { createProgress, type Progress } from './progress.ts';

/** Adds `backup` and `restore`, of the database of the data folder. */
export function addBackupCommands(program: Command, io: CommandIo): void {
	program
		.command('backup')
		.description('write the whole database of the data folder into one file')
		.requiredOption('-o, --output <file>', 'file to write; replaced when the copy is complete')
		.action(({ output }: { readonly output: string }) =>
			guarded(io, () => atWork(io, async (work) => io.out(`Wrote ${output}: ${told(await backUpTo(output, work))}.`))),
		);
	program
		.command('restore')
		.description('put a backup into a data folder whose database is new')
		.argument('<file>', 'what backup wrote')
		.action((file: string) =>
			guarded(io, () => atWork(io, async (work) => io.out(`Restored ${told(await restoreFrom(file, work))}.`))),
		);
}

interface Work {
	readonly environment: Environment;
	readonly opened: Opened;
	readonly progress: Progress;
	/** Aborts at Ctrl-C. */
	readonly signal: AbortSignal;
}

async function atWork(io: CommandIo, run: (work: Work) => Promise<void>): Promise<void> {
	const environment = parseEnvironment(io.env);
	requireOwnDatabase(environment);
	const opened = createOpened();
	const progress = createProgress(io.fail);
	opened.add(progress.end);
	const stopping = new AbortController();
	const stop = (): void => stopping.abort();
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, stop);
		opened.add(() => process.off(signal, stop));
	}
	try {
		await run({ environment, opened, progress, signal: stopping.signal });
	} finally {
		await opened.close();
	}
}

async function backUpTo(file: string, { environment, opened, progress, signal }: Work): Promise<BackupHeader> {
	const connection = await openWhole(environment, opened, progress);
	progress.say('backing up');
	return backUp({ connection, file, signal });
}

/** Opens the database with every record in it that a gateway left in the spool. */
async function openWhole(environment: Environment, opened: Opened, progress: Progress): Promise<PgConnection> {
	const { dataFolder } = environment;
	if (!existsSync(join(dataFolder, 'postgres', 'data'))) throw failed(`The data folder ${dataFolder} has no database.`);
	progress.say(`starting the database in ${dataFolder}`);
	opened.add(lockFolder(dataFolder).release);
	const urls = { app: undefined, platform: undefined, migrator: undefined, listen: undefined };
	const { store, embedded, close } = await openStore({ urls, dataFolder, log: createLog('silent') });
	opened.add(close);
	const left = await openSpool(environment, { store, log: createLog('error') }).close();
	if (left === 'records') throw failed(`Audit records in ${dataFolder}/spool could not be put into the database.`);
	if (embedded === undefined) throw failed('The data folder has no database.');
	return embedded.superuser;
}

async function restoreFrom(file: string, work: Work): Promise<BackupHeader> {
	const { connections, superuser } = await startOwnDatabase(work);
	await migrate(connections.owner);
	work.progress.say('restoring');
	return restore({ connection: superuser, file, signal: work.signal });
}

function told({ created, tables }: BackupHeader): string {
	const rows = tables.reduce((sum, table) => sum + Number(table.rows), 0);
	return `${counted(rows, 'row')} of ${counted(tables.length, 'table')}, as of ${created}`;
}
