import { existsSync } from 'node:fs';
import { type App, createApp } from '../app.ts';
import type { RecordKeeper } from '../audit/file-record.ts';
import { childVariables, parseEnvironment } from '../config/environment.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { createSnapshotSource } from '../config/snapshot-source.ts';
import { createLog } from '../observe/log.ts';
import type { CommandIo } from './command.ts';
import { demoPaths } from './demo-folder.ts';

/** What a configuration file makes, to be looked at. */
export interface AppByFile {
	readonly app: App;
	readonly snapshot: Snapshot;
}

// Nobody calls anything here, and the audit belongs to the gateway that may be running beside.
const NO_RECORDS: RecordKeeper = {
	keep: () => undefined,
	keepTogether: () => Promise.resolve(),
	reopen: () => undefined,
	close: () => undefined,
};

/**
 * Runs something on what a configuration file says, by default that of the settings or else the demo's: no store is
 * opened, and a gateway beside is not asked. Throws `ConfigFaults`.
 */
export async function withAppByFile(
	config: string | undefined,
	io: CommandIo,
	run: (by: AppByFile) => Promise<void>,
): Promise<void> {
	const environment = parseEnvironment(io.env);
	const demo = demoPaths(environment.dataFolder);
	const named = config ?? environment.configFile;
	const file = config === undefined && !existsSync(named) && existsSync(demo.config) ? demo.config : named;
	const snapshots = await createSnapshotSource({ file, env: io.env });
	const parts = { records: NO_RECORDS, childEnv: childVariables(io.env), log: createLog('silent') };
	const app = createApp({ ...parts, snapshots });
	try {
		await run({ app, snapshot: snapshots.current() });
	} finally {
		snapshots.close();
		await app.close();
	}
}
