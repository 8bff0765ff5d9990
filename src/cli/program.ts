import { Command, InvalidArgumentError, Option } from 'commander';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import { type CommandIo, guarded, type Serve } from './command.ts';
import { addConfigCommands } from './config.ts';
import { runDemo } from './demo.ts';
import { addExplainCommand } from './explain.ts';
import { addTokenCommand } from './token.ts';

/** What the program works with. */
export interface ProgramParts {
	readonly env: NodeJS.ProcessEnv;
	readonly serve: Serve;
}

interface ListenOptions {
	readonly port?: string;
	readonly adminPort?: string;
	readonly config?: string;
}

/** The command line. Exit codes: 0 done, 1 refused or failed, 2 faulty settings or configuration. */
export function createProgram({ env, serve }: ProgramParts): Command {
	const io: CommandIo = {
		env,
		out: (text) => process.stdout.write(`${text}\n`),
		fail: (text) => process.stderr.write(`${text}\n`),
	};
	const program = new Command('portcullis')
		.description('A multi-tenant gateway for the Model Context Protocol')
		.showHelpAfterError();
	const withPorts = (command: Command): Command =>
		command
			.addOption(new Option('--port <port>', 'port for callers (PORTCULLIS_PORT)').argParser(port))
			.addOption(
				new Option('--admin-port <port>', 'port for health and metrics (PORTCULLIS_ADMIN_PORT)').argParser(port),
			);
	withPorts(program.command('serve'))
		.description('run the gateway with a configuration file')
		.option('--config <file>', 'configuration file (PORTCULLIS_CONFIG)')
		.action((options: ListenOptions) =>
			guarded(io, async () => {
				const { stopped, port: chosen } = await serve(withOptions(env, options));
				io.out(`Portcullis is ready: http://127.0.0.1:${chosen}`);
				await stopped;
			}),
		);
	withPorts(program.command('demo'))
		.description('run the gateway with a demo company: directory, people and real servers')
		.action((options: ListenOptions) =>
			guarded(io, () => runDemo({ environment: withOptions(env, options), serve, io })),
		);
	addTokenCommand(program, io);
	addExplainCommand(program, io);
	addConfigCommands(program, io);
	return program;
}

function port(text: string): string {
	if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return text;
	throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
}

function withOptions(env: NodeJS.ProcessEnv, options: ListenOptions): Environment {
	return parseEnvironment({
		...env,
		...(options.port !== undefined && { PORTCULLIS_PORT: options.port }),
		...(options.adminPort !== undefined && { PORTCULLIS_ADMIN_PORT: options.adminPort }),
		...(options.config !== undefined && { PORTCULLIS_CONFIG: options.config }),
	});
}
