import { type Command, Option } from 'commander';
import type { JsonObject } from './api-client.ts';
import { given } from './given.ts';
import { readDocument } from './read-document.ts';

/** How a command says what a server is. */
export interface ServerOptions {
	readonly file?: string;
	readonly title?: string;
	readonly transport?: string;
	readonly address?: string;
	readonly allowPlainHttp?: boolean;
	readonly command?: string;
	readonly arg?: readonly string[];
	readonly cwd?: string;
	readonly era?: string;
	readonly isolation?: string;
	readonly toolsDefault?: string;
}

/**
 * Adds the options that say what a server is. Headers and variables come from a file alone: they are where secrets are
 * meant, and what stands in the arguments of a command everybody on the machine can read.
 */
export function withServerOptions(command: Command): Command {
	return command
		.option('-f, --file <file>', 'a server as in the configuration file, as YAML or JSON; - is standard input')
		.option('--title <text>', 'name for people')
		.addOption(new Option('--transport <transport>', 'how it is reached').choices(['http', 'sse', 'stdio']))
		.option('--address <url>', 'http, sse: where it is')
		.option('--allow-plain-http', 'http, sse: allow http to another machine')
		.option('--command <program>', 'stdio: the program')
		.option('--arg <arguments...>', 'stdio: its arguments')
		.option('--cwd <folder>', 'stdio: the folder it runs in')
		.addOption(new Option('--era <era>', 'protocol to speak to it').choices(['auto', 'modern', 'legacy']))
		.addOption(new Option('--isolation <isolation>', 'whose session it is').choices(['shared', 'principal']))
		.addOption(new Option('--tools-default <state>', 'tools without a rule').choices(['enabled', 'disabled']));
}

/** The members of a server that were given: those of the file, and over them those of the options. */
export function entryOf(options: ServerOptions): JsonObject {
	const { file, address, arg, toolsDefault, title, transport, allowPlainHttp, command, cwd, era, isolation } = options;
	return {
		...(file !== undefined && readDocument(file).value),
		...given({ title, transport, allowPlainHttp, command, cwd, era, isolation }),
		...given({ url: address, args: arg, tools: toolsDefault && { default: toolsDefault } }),
	};
}
