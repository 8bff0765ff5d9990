import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseEnvironment } from '../config/environment.ts';
import { type CommandIo, guarded } from './command.ts';
import { createDemoDirectory } from './demo-directory.ts';
import { demoPaths } from './demo-folder.ts';
import { addTokenInspectCommand } from './token-inspect.ts';

/**
 * Adds `token <email>`: a bearer token of the demo's own directory (others issue their tokens themselves), and `token
 * inspect`, which looks at one of any directory.
 */
export function addTokenCommand(program: Command, io: CommandIo): void {
	const token = program
		.command('token')
		.argument('<email>', 'a person of the demo directory')
		.description("print an access token of the demo's directory, good for one hour")
		.action((email: string) =>
			guarded(io, async () => {
				const { directory } = demoPaths(parseEnvironment(io.env).dataFolder);
				if (!existsSync(directory))
					throw new Error('There is no demo directory here yet: start the demo with npm start.');
				io.out(await (await createDemoDirectory(directory)).tokenFor(email));
			}),
		);
	addTokenInspectCommand(token, io);
}
