import { type Command, InvalidArgumentError, Option } from 'commander';
import { type BridgeOptions, readBridgeSettings } from './bridge-settings.ts';
import { type CommandIo, guarded } from './command.ts';
import { localUrl } from './gateway-file.ts';
import { serveBridge } from './serve-bridge.ts';

/** Adds `bridge`: mcpo's command line, its letters and its defaults. */
export function addBridgeCommand(program: Command, io: CommandIo): void {
	const command = program
		.command('bridge')
		.description('serve MCP servers as OpenAPI services and over Streamable HTTP, as mcpo does: no people, no database')
		// -h is the host, as with mcpo.
		.helpOption('--help', 'display help for command')
		.argument('[command...]', 'after --: the program to run and its arguments, or the address of a server');
	for (const option of OPTIONS) command.addOption(option());
	command.addHelpText('after', NOTE).action((operands: readonly string[], options: BridgeOptions) =>
		guarded(io, async () => {
			hideArguments(options);
			const settings = readBridgeSettings(operands, options, io.env);
			const { port, stopped } = await serveBridge(settings);
			const url = localUrl({ host: settings.listen.host, port });
			io.out(`The bridge is ready: ${settings.listen.tls === undefined ? url : url.replace('http:', 'https:')}`);
			await stopped;
		}),
	);
}

const NOTE = `
Everybody on the machine can read the arguments of a program while it starts. Better than --api-key and --header:
  PORTCULLIS_BRIDGE_API_KEY, --api-key-file and PORTCULLIS_BRIDGE_HEADER, --header-file.

  portcullis bridge --port 8000 -- npx -y @modelcontextprotocol/server-memory
  portcullis bridge --type sse -- https://mcp.example.com/sse
  portcullis bridge --config config.json --hot-reload`;

// What stands in the arguments stands there for all to read: once it is read, it goes (Linux and macOS).
function hideArguments({ apiKey, header, env }: BridgeOptions): void {
	if (apiKey !== undefined || header !== undefined || env !== undefined) process.title = 'portcullis bridge';
}

const OPTIONS: readonly (() => Option)[] = [
	() => new Option('-h, --host <host>', 'address to listen on; 0.0.0.0 with a key, 127.0.0.1 without'),
	() => new Option('-p, --port <port>', 'port to listen on').argParser(port).default(8000),
	() =>
		new Option(
			'--cors-allow-origins <origin>',
			'origin whose pages may ask, * for any; repeatable; * with a key, none without',
		).argParser(collect),
	() => new Option('-k, --api-key <key>', 'key that calls want (better: PORTCULLIS_BRIDGE_API_KEY or --api-key-file)'),
	() => new Option('--api-key-file <file>', 'file with the key'),
	() => new Option('--strict-auth', 'want the key for documents and pages, too'),
	() => new Option('-e, --env <name=value>', 'variable for the programs; repeatable').argParser(collect),
	() => new Option('--env-path <file>', 'file with variables for the programs, as name=value lines'),
	() =>
		new Option('--type, --server-type <type>', 'stdio, sse or streamable-http; unless told, an address is the latter'),
	() => new Option('-c, --config <file>', 'file with mcpServers, each served below its name'),
	() => new Option('-n, --name <name>', 'title of the list of servers').default('MCP OpenAPI Proxy'),
	() =>
		new Option('-d, --description <text>', 'description of the list of servers').default(
			'Automatically generated API from MCP Tool Schemas',
		),
	() => new Option('-v, --version <version>', 'version of the list of servers').default('1.0'),
	() => new Option('-t, --ssl-certfile <file>', 'certificate, PEM; then it listens with TLS'),
	() => new Option('-K, --ssl-keyfile <file>', 'key of the certificate, PEM'),
	() => new Option('--root-path <path>', 'what a proxy in front takes away from addresses').default(''),
	() => new Option('--path-prefix <path>', 'what the addresses of all servers begin with').default('/'),
	() =>
		new Option(
			'-H, --header <json>',
			'headers for the one server, a JSON object (better: PORTCULLIS_BRIDGE_HEADER or --header-file)',
		),
	() => new Option('--header-file <file>', 'file with the headers, a JSON object'),
	() => new Option('--hot-reload', 'take changes of the file while it runs; without it, on SIGHUP'),
	() => new Option('--log-level <level>', 'DEBUG, INFO, WARNING, ERROR or CRITICAL (LOG_LEVEL)'),
	() => new Option('--mcpo-strict', 'lose of documents and answers what mcpo 0.0.20 loses'),
	() =>
		new Option('--allow-host <name>', 'name it is reached under, where it has no key; repeatable').argParser(collect),
	() => new Option('--admin-port <port>', 'port of this machine for health and metrics').argParser(port),
	() => new Option('--audit-file <file>', 'file that gets a record of each call'),
];

function port(text: string): number {
	if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
	throw new InvalidArgumentError('It must be a whole number from 0 to 65535.');
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
	return [...(before ?? []), value];
}
