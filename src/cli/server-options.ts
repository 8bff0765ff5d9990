import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { mapFilePaths } from '../config/secret-template.ts';
import type { ApiClient, JsonObject } from './api-client.ts';
import { given } from './given.ts';
import { folderOf, readDocument } from './read-document.ts';

/** How a command says what a server is. */
export interface ServerOptions {
	readonly file?: string;
	readonly title?: string;
	readonly transport?: string;
	readonly address?: string;
	readonly baseUrl?: string;
	readonly operation?: readonly string[];
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
		.addOption(new Option('--transport <transport>', 'how it is reached').choices(['http', 'sse', 'stdio', 'openapi']))
		.option('--address <url>', 'http, sse: where it is; openapi: its document, or where that is')
		.option('--base-url <url>', 'openapi: where the operations are, if the document does not say')
		.option('--operation <operations...>', 'openapi: which are tools, by id or as "GET /pets/*"; all without it')
		.option('--allow-plain-http', 'http, sse, openapi: allow http to another machine')
		.option('--command <program>', 'stdio: the program')
		.option('--arg <arguments...>', 'stdio: its arguments')
		.option('--cwd <folder>', 'stdio: the folder it runs in')
		.addOption(new Option('--era <era>', 'protocol to speak to it').choices(['auto', 'modern', 'legacy']))
		.addOption(new Option('--isolation <isolation>', 'whose session it is').choices(['shared', 'principal']))
		.addOption(new Option('--tools-default <state>', 'tools without a rule').choices(['enabled', 'disabled']));
}

/** Adds the options that say how a service of the catalogue becomes a server. */
export function withServiceOptions(command: Command): Command {
	return command
		.option('--slug <name>', 'of a service: what the server is called; the id of the service unless given')
		.option('--endpoint <endpoint>', 'of a service: http, stdio, or the key of an endpoint; the best one unless given')
		.option('--sign-in <kind>', 'of a service: how one signs in; as recommended unless given')
		.option('--set <pairs...>', 'of a service: name=value of what it needs and is no secret')
		.option('--secrets-file <file>', 'of a service: its secrets, as a JSON object by name; - is standard input');
}

/**
 * The members of a server that were given: those of the file, and over them those of the options. The operator's relative
 * secret files are meant beside the file; over the network nobody names one.
 */
export function entryOf(options: ServerOptions, caller: ApiClient['caller']): JsonObject {
	const { file, address, arg, operation, toolsDefault, title, transport, ...rest } = options;
	const { allowPlainHttp, baseUrl, command, cwd, era, isolation } = rest;
	return {
		...(file !== undefined && entryIn(file, caller)),
		...given({ title, transport, allowPlainHttp, command, cwd, era, isolation }),
		...given({
			url: address,
			baseUrl,
			operations: operation,
			args: arg,
			tools: toolsDefault && { default: toolsDefault },
		}),
	};
}

function entryIn(file: string, caller: ApiClient['caller']): JsonObject {
	const { value } = readDocument(file);
	if (caller !== 'operator') return value;
	const named = ['headers', 'env'].filter((name) => typeof value[name] === 'object' && value[name] !== null);
	const placed = named.map((name) => [name, placedIn(folderOf(file), value[name] as JsonObject)] as const);
	return { ...value, ...Object.fromEntries(placed) };
}

function placedIn(folder: string, texts: JsonObject): JsonObject {
	const place = (text: unknown): unknown => {
		return typeof text === 'string' ? mapFilePaths(text, (path) => resolve(folder, path)) : text;
	};
	return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, place(text)]));
}
