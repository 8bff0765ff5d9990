import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Secret } from '../lib/secret.ts';
import { buildSnapshot } from './build-snapshot.ts';
import { ConfigFaults } from './faults.ts';
import { createFileSchema } from './file-schema.ts';
import { issueFaults, issueSentence } from './issue-faults.ts';
import { readYaml } from './read-yaml.ts';
import { createLenientLookup, readSecretFile, type SecretLookup } from './secret-template.ts';
import type { Snapshot } from './snapshot.ts';

/** What a configuration file is read with. */
export interface LoadOptions {
	/** Where `${env:NAME}` is looked up. */
	readonly env: NodeJS.ProcessEnv;
	/** Version of the snapshot that comes out. */
	readonly version: number;
	/** `assumed`: every secret is taken to be there, and a placeholder stands for it; such a snapshot is for looking at. */
	readonly secrets?: 'looked-up' | 'assumed';
}

/** What the text of a configuration file is read with. */
export interface ParseOptions extends LoadOptions {
	/** Names the file in faults; relative secret files start from its folder. */
	readonly file: string;
	/** Replaces the disk in tests; a failure carries the system's `code`. */
	readonly readSecretFile?: (path: string) => string;
}

/** A snapshot with the reference each of its secrets came from, for printing. */
export interface ConfigReading {
	readonly snapshot: Snapshot;
	readonly references: ReadonlyMap<Secret, string>;
	/** What the file says, as JSON: no default filled in, each reference to a secret as it is written. */
	readonly declared: unknown;
}

/** The snapshot a configuration text describes. Throws `ConfigFaults` with everything that is wrong. */
export function parseConfig(text: string, options: ParseOptions): Snapshot {
	return readConfig(text, options).snapshot;
}

/** Same as `parseConfig`, for a file on disk. A file that cannot be read is a fault too. */
export async function loadConfig(file: string, options: LoadOptions): Promise<Snapshot> {
	return (await readConfigFile(file, options)).snapshot;
}

/** Same as `readConfig`, for a file on disk. */
export async function readConfigFile(file: string, options: LoadOptions): Promise<ConfigReading> {
	const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
		throw new ConfigFaults(file, [{ line: 1, column: 1, path: '', message: `cannot be read (${error.code})` }]);
	});
	return readConfig(text, { ...options, file });
}

/** Same as `parseConfig`, with what `printConfig` shows in place of secrets. */
export function readConfig(text: string, options: ParseOptions): ConfigReading {
	const yaml = readYaml(text);
	if (yaml.value === undefined) throw new ConfigFaults(options.file, yaml.faults);
	const lookup = lookupFor(options);
	const parsed = createFileSchema(lookup).safeParse(yaml.value, { error: issueSentence });
	const faults = [...yaml.faults, ...(parsed.error?.issues ?? []).flatMap((issue) => issueFaults(issue, yaml))];
	if (parsed.data === undefined || faults.length > 0) throw new ConfigFaults(options.file, faults);
	const snapshot = buildSnapshot(parsed.data, options.version);
	return { snapshot, references: lookup.references, declared: yaml.value };
}

function lookupFor(options: ParseOptions): SecretLookup {
	if (options.secrets === 'assumed') return createLenientLookup();
	return {
		folder: dirname(options.file),
		env: options.env,
		readSecretFile: options.readSecretFile ?? readSecretFile,
		references: new Map(),
	};
}
