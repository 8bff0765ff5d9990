import { createFollowedSource, type FollowedSource } from './followed-source.ts';
import { type ConfigReading, readConfigFile } from './parse-config.ts';
import type { Snapshot } from './snapshot.ts';

/** What a snapshot source reads and whom it tells. */
export interface SnapshotSourceOptions {
	readonly file: string;
	readonly env: NodeJS.ProcessEnv;
	/** Runs after the listeners of a swap. */
	readonly onSwapped?: (next: Snapshot) => void;
	/** Told why a changed file was not taken (`ConfigFaults`: the old snapshot stays), or what a listener threw. */
	readonly onFaults?: (error: Error) => void;
}

/** A snapshot source that follows a configuration file, and its secret files whenever it is read, until it is closed. */
export interface FileSnapshotSource extends Omit<FollowedSource<ConfigReading>, 'reading'> {
	/** What the file in force says, as JSON: references to secrets as they are written. */
	declared(): unknown;
}

/**
 * Loads the configuration file and swaps the snapshot when it changes. Throws `ConfigFaults` when the first reading
 * finds any; later ones keep the old snapshot.
 */
export async function createSnapshotSource(options: SnapshotSourceOptions): Promise<FileSnapshotSource> {
	const { file, env, onSwapped, onFaults } = options;
	const read = (version: number): Promise<ConfigReading> => readConfigFile(file, { env, version });
	const { reading, ...source } = await createFollowedSource({ file, read, onSwapped, onFaults });
	return { ...source, declared: () => reading().declared };
}
