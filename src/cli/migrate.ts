import type { Command } from 'commander';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import type { PgConnection } from '../store/connection.ts';
import { migrate } from '../store/migrate.ts';
import { listPending } from '../store/pending.ts';
import { storeError } from '../store/store-error.ts';
import { type CommandIo, guarded } from './command.ts';
import { unreachable, usageFault } from './command-error.ts';
import { createOpened, type Opened } from './opened.ts';
import { startOwnDatabase } from './own-database.ts';
import { createProgress, type Progress } from './progress.ts';

interface MigrateOptions {
	readonly check?: boolean;
}

/** Adds `migrate`: brings a database up to the schema of this version, or tells whether it is. */
export function addMigrateCommand(program: Command, io: CommandIo): void {
	program
		.command('migrate')
		.description('bring the database up to this version (DATABASE_MIGRATOR_URL, or that of the data folder)')
		.option('--check', 'change nothing; end with 1 when a migration is missing')
		.action((options: MigrateOptions) => guarded(io, () => run(options, io)));
}

async function run({ check }: MigrateOptions, io: CommandIo): Promise<void> {
	const opened = createOpened();
	const progress = createProgress(io.fail);
	opened.add(progress.end);
	try {
		const owner = await openOwner(parseEnvironment(io.env), opened, progress);
		await (check === true ? tellPending(owner, io) : applyAll(owner, io)).catch(told);
	} finally {
		await opened.close();
	}
}

async function openOwner(environment: Environment, opened: Opened, progress: Progress): Promise<PgConnection> {
	const { databaseMigratorUrl, databaseUrl } = environment;
	if (databaseMigratorUrl !== '') {
		progress.say('migrating the database');
		return { connectionString: databaseMigratorUrl };
	}
	if (databaseUrl !== '') {
		throw usageFault('Set DATABASE_MIGRATOR_URL: the login of DATABASE_URL does not own the database.');
	}
	const embedded = await startOwnDatabase({ environment, opened, progress });
	return embedded.connections.owner;
}

async function applyAll(owner: PgConnection, { out }: CommandIo): Promise<void> {
	const applied = await migrate(owner);
	for (const name of applied) out(`applied ${name}`);
	if (applied.length === 0) out('The database is up to date.');
}

async function tellPending(owner: PgConnection, { out }: CommandIo): Promise<void> {
	const pending = await listPending(owner);
	for (const name of pending) out(`missing ${name}`);
	if (pending.length === 0) out('The database is up to date.');
	else process.exitCode = 1;
}

// What the driver said is in the cause; where nobody answered at all, that is another exit code.
function told(error: unknown): never {
	const { message, cause = error } = error as Error;
	if (storeError(cause).code !== 'PC_STORE_UNAVAILABLE') throw error;
	throw unreachable(message, error);
}
