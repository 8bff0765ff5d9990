import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import { type CommandIo, guarded, type Serve } from './command.ts';
import { runDemo } from './demo.ts';

interface ListenOptions {
	readonly port?: string;
	readonly adminPort?: string;
	readonly config?: string;
}

/** What the commands that run a gateway work with. */
export interface ServeParts {
	readonly io: CommandIo;
	readonly serve: Serve;
}

/** Adds `serve`. */
export function addServeCommand(program: Command, { io, serve }: ServeParts): void {
	withPorts(program.command('serve'))
		.description('run the gateway, with a configuration file or without one')
		.option('--config <file>', 'configuration file (PORTCULLIS_CONFIG)')
		.action((options: ListenOptions) =>
			guarded(io, async () => {
				const { stopped, port: chosen } = await serve(withOptions(io.env, options));
				io.out(`Portcullis is ready: http://127.0.0.1:${chosen}`);
				await stopped;
			}),
		);
}

/** Adds `demo`. */
export function addDemoCommand(program: Command, { io, serve }: ServeParts): void {
	withPorts(program.command('demo'))
		.description('run the gateway with a demo company: directory, people and real servers')
		.action((options: ListenOptions) =>
			guarded(io, () => runDemo({ environment: withOptions(io.env, options), serve, io })),
		);
}

function withPorts(command: Command): Command {
	return command
		.addOption(new Option('--port <port>', 'port for callers (PORTCULLIS_PORT)').argParser(port))
		.addOption(
			new Option('--admin-port <port>', 'port for health and metrics (PORTCULLIS_ADMIN_PORT)').argParser(port),
		);
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
