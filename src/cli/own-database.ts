import type { Environment } from '../config/environment.ts';
import { createLog } from '../observe/log.ts';
import { type EmbeddedPostgres, startEmbedded } from '../store/embedded/start-embedded.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { usageFault } from './command-error.ts';
import type { Opened } from './opened.ts';
import type { Progress } from './progress.ts';

/** A command that works on the database of the data folder, by itself. */
export interface OwnDatabaseParts {
	readonly environment: Pick<Environment, 'dataFolder'>;
	readonly opened: Opened;
	readonly progress: Progress;
}

/** Starts the database of the data folder as it is; throws `StartError` where somebody owns the folder. */
export async function startOwnDatabase(parts: OwnDatabaseParts): Promise<EmbeddedPostgres> {
	const { opened, progress } = parts;
	const { dataFolder } = parts.environment;
	progress.say(`starting the database in ${dataFolder}`);
	opened.add(lockFolder(dataFolder).release);
	const embedded = await startEmbedded({ folder: dataFolder, log: createLog('silent') });
	opened.add(embedded.close);
	return embedded;
}

/** Refuses a command that is for the database of the data folder where another is named. */
export function requireOwnDatabase({ databaseUrl }: Pick<Environment, 'databaseUrl'>): void {
	if (databaseUrl === '') return;
	throw usageFault(
		'This is for the database of the data folder; a server of your own has its own tools (docs/store.md).',
	);
}
