import type { Command } from 'commander';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import type { ListenerSettings } from '../config/listeners.ts';
import { type ConfigReading, readConfigFile } from '../config/parse-config.ts';
import { printConfig } from '../config/print-config.ts';
import { readListeners } from '../config/read-listeners.ts';
import { readSecretStores } from '../config/read-secret-stores.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { CommandIo } from './command.ts';

/** Adds `config check` and `config print`. Both end with exit code 2 when the configuration has faults. */
export function addConfigCommands(program: Command, io: CommandIo): void {
	const config = program.command('config').description('check or show the configuration');
	config
		.command('check')
		.argument('[file]', 'configuration file (default: PORTCULLIS_CONFIG)')
		.description('say everything that is wrong with the settings and the file, or that nothing is')
		.action(async (file?: string) => {
			const checked = await readAll(file, io);
			if (checked !== undefined) io.out(summary(checked));
		});
	config
		.command('print')
		.argument('[file]', 'configuration file (default: PORTCULLIS_CONFIG)')
		.description('show the configuration in force, defaults included and secrets masked')
		.action(async (file?: string) => {
			const checked = await readAll(file, io);
			if (checked !== undefined) io.out(printConfig(checked.snapshot, checked.references).trimEnd());
		});
}

type Checked = ConfigReading & {
	readonly file: string;
	readonly environment: Environment;
	readonly listeners: readonly ListenerSettings[];
};

async function readAll(named: string | undefined, io: CommandIo): Promise<Checked | undefined> {
	const { env } = io;
	const environment = await told(io, () => parseEnvironment(env));
	if (environment === undefined) return undefined;
	const file = named ?? environment.configFile;
	const reading = await told(io, () => readConfigFile(file, { env, version: 1 }));
	const listeners = await told(io, () => readListeners(environment.listenersFile, env));
	const stores = await told(io, () => readSecretStores(environment.secretStoresFile, env));
	return reading && listeners && stores && { ...reading, file, environment, listeners };
}

/** What is read, or `undefined` when its faults have been told. */
async function told<T>({ fail }: CommandIo, read: () => T | Promise<T>): Promise<T | undefined> {
	try {
		return await read();
	} catch (error) {
		if (!isFaults(error)) throw error;
		fail(error.message);
		process.exitCode = 2;
		return undefined;
	}
}

function isFaults(error: unknown): error is Error {
	const code = (error as { code?: unknown }).code;
	return code === 'PC_CONFIG_INVALID' || code === 'PC_ENVIRONMENT_INVALID';
}

function summary({ file, environment, snapshot, listeners }: Checked): string {
	const servers = [...snapshot.workspaces.values()].reduce((sum, workspace) => sum + workspace.servers.size, 0);
	const counts = [
		`directories: ${snapshot.directories.length}`,
		`workspaces: ${snapshot.workspaces.size}`,
		`servers: ${servers}`,
		`grants: ${snapshot.grantRules.length}`,
		...(listeners.length > 0 ? [`further listeners: ${listeners.length}`] : []),
	];
	const unknown = environment.unknown.map((name) => `${name} is not a setting of the gateway`);
	const warnings = [...unknown, ...strangeDirectories(snapshot, listeners)].map((each) => `\nwarning: ${each}`);
	return `${file} is valid (${counts.join(', ')})${warnings.join('')}`;
}

// No fault: directories may be in the database alone, and may come later.
function strangeDirectories({ directories }: Snapshot, listeners: readonly ListenerSettings[]): readonly string[] {
	const known = new Set(directories.map(({ id }) => id));
	return listeners.flatMap(({ name, edge }) => {
		const named = edge?.mechanism === 'managed-identity' ? [...edge.directories, edge.directory] : edge?.directories;
		const strange = [...new Set(named)].filter((id) => !known.has(id));
		return strange.map((id) => `the listener ${name} names the directory ${id}, which is not in the file`);
	});
}
