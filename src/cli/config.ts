import type { Command } from 'commander';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import { type ConfigReading, readConfigFile } from '../config/parse-config.ts';
import { printConfig } from '../config/print-config.ts';
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

type Checked = ConfigReading & { readonly file: string; readonly environment: Environment };

async function readAll(named: string | undefined, { env, fail }: CommandIo): Promise<Checked | undefined> {
	try {
		const environment = parseEnvironment(env);
		const file = named ?? environment.configFile;
		return { ...(await readConfigFile(file, { env, version: 1 })), file, environment };
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

function summary({ file, environment, snapshot }: Checked): string {
	const servers = [...snapshot.workspaces.values()].reduce((sum, workspace) => sum + workspace.servers.size, 0);
	const counts = [
		`directories: ${snapshot.directories.length}`,
		`workspaces: ${snapshot.workspaces.size}`,
		`servers: ${servers}`,
		`grants: ${snapshot.grantRules.length}`,
	];
	const unknown = environment.unknown.map((name) => `\nwarning: ${name} is not a setting of the gateway`);
	return `${file} is valid (${counts.join(', ')})${unknown.join('')}`;
}
