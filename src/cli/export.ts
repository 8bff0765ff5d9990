import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { addApiCommand } from './api-command.ts';
import type { CommandIo } from './command.ts';

interface ExportOptions {
	readonly output?: string;
	readonly json?: boolean;
}

/** Adds `export`: what is configured, in the form of the configuration file; secrets stay references. */
export function addExportCommand(program: Command, io: CommandIo): void {
	addApiCommand<ExportOptions>(program, io, {
		name: 'export',
		about: 'write down what is configured, in the form of the configuration file',
		options: (command) => command.option('-o, --output <file>', 'file to write (default: standard output)'),
		async run(session, _args, { output, json }) {
			const config = await session.read('/config');
			const text = json === true ? `${JSON.stringify(config, null, 2)}\n` : stringify(config, { lineWidth: 0 });
			if (output === undefined) return io.out(text.trimEnd());
			writeFileSync(output, text, { mode: 0o600 });
			io.fail(`Wrote ${output}.`);
		},
	});
}
