import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type ClientConfig, readClientConfig } from '../config/client-config.ts';
import { type ImportedServer, importServers, type ReferTo } from '../config/import-client-config.ts';
import { addApiCommand } from './api-command.ts';
import type { ApiSession } from './api-session.ts';
import { type CommandIo, guarded } from './command.ts';
import { failed, usageFault } from './command-error.ts';
import { counted, renderThing } from './output.ts';
import { readDocument } from './read-document.ts';
import { serverPath, serversPath } from './server-path.ts';

interface ImportOptions {
	readonly folder?: string;
}

const FILE = { file: 'configuration of mcpo, Claude Desktop, VS Code or Cursor; - is standard input' };

const withSecrets = (command: Command): Command =>
	command.option('--folder <folder>', 'write what is secret into files of this folder, which only you may read');

/** Adds `import servers` and `import show`: the configuration of other programs as servers of a workspace. */
export function addImportCommands(program: Command, io: CommandIo): void {
	const parent = program
		.command('import')
		.description('take over servers from mcpo, Claude Desktop, VS Code or Cursor');
	withSecrets(parent.command('show').description('say what they would be in the configuration file'))
		.argument('<file>', FILE.file)
		.action((file: string, options: ImportOptions) => {
			return guarded(io, async () => {
				const { servers, faults } = importFile(file, options);
				const entries = Object.fromEntries(servers.map(({ slug, entry }) => [slug, entry]));
				io.out(renderThing({ servers: entries }));
				tell(io, servers, faults, options);
			});
		});
	addApiCommand<ImportOptions, { workspace: string; file: string }>(parent, io, {
		name: 'servers',
		about: 'add them to a workspace',
		args: { workspace: 'slug of the workspace', ...FILE },
		options: withSecrets,
		async run(session, { workspace, file }, options) {
			const { servers, faults } = importFile(file, options, IN_STORE);
			if (session.caller !== 'operator' && needOperator(servers, options)) throw usageFault(OPERATOR_ONLY);
			for (const server of servers) await add(session, workspace, { server, options });
			session.show(
				{ servers: servers.map(({ slug, notes }) => ({ slug, notes })), faults },
				() => `Added ${counted(servers.length, 'server')} to ${workspace}.`,
			);
			tell(io, servers, faults, { folder: options.folder ?? '' });
		},
	});
}

// What a gateway's own files and programs are for is the operator's; secrets themselves go into the credential store.
function needOperator(servers: readonly ImportedServer[], { folder }: ImportOptions): boolean {
	return folder !== undefined || servers.some(({ entry }) => entry['transport'] === 'stdio');
}

const OPERATOR_ONLY =
	'Programs and files of secrets are for the operator to set: run this where the gateway keeps its data, ' +
	'or show the servers and put them into the configuration file.';

interface Imported extends Pick<ClientConfig, 'faults'> {
	readonly servers: readonly ImportedServer[];
}

function importFile(file: string, { folder }: ImportOptions, otherwise: ReferTo = IN_ENVIRONMENT): Imported {
	const { servers, faults } = readClientConfig(readDocument(file).value);
	if (servers.length === 0) throw failed(faults.join('\n'));
	const imported = importServers(servers, folder === undefined ? otherwise : inFolder(folder));
	if (folder !== undefined) writeSecrets(folder, imported);
	return { servers: imported, faults };
}

const IN_ENVIRONMENT: ReferTo = (name) => `\${env:${name}}`;
const IN_STORE: ReferTo = (name) => `\${secret:${keptName(name)}}`;

/** The name within the server's own credential: at most 64 characters that do not begin with a digit. */
const keptName = (name: string): string => name.slice(-63).replace(/^(?=[0-9])/, '_');

const inFolder = (folder: string): ReferTo => {
	return (name) => `\${file:${resolve(folder, name)}}`;
};

function writeSecrets(folder: string, servers: readonly ImportedServer[]): void {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	for (const { name, value } of servers.flatMap(({ secrets }) => secrets)) {
		writeFileSync(join(folder, name), value, { mode: 0o600, flag: 'wx' });
	}
}

interface Adding {
	readonly server: ImportedServer;
	readonly options: ImportOptions;
}

async function add(session: ApiSession, workspace: string, { server: imported, options }: Adding): Promise<void> {
	const { slug, entry, secrets } = imported;
	const { tools, ...server } = entry as { readonly tools?: { readonly rules?: Readonly<Record<string, unknown>> } };
	await session.create(serversPath(workspace), { ...server, slug });
	if (options.folder === undefined && secrets.length > 0) {
		const values = Object.fromEntries(secrets.map(({ name, value }) => [keptName(name), value]));
		await session.put(serverPath(`${workspace}/${slug}`, 'credential'), () => ({ values }));
	}
	for (const [tool, rule] of Object.entries(tools?.rules ?? {})) {
		await session.put(serverPath(`${workspace}/${slug}`, 'rules', tool), () => rule);
	}
}

// What has to be done by hand is said beside what is printed for other programs.
function tell(
	io: CommandIo,
	servers: readonly ImportedServer[],
	faults: readonly string[],
	{ folder }: ImportOptions,
): void {
	for (const fault of faults) io.fail(fault);
	for (const { slug, notes } of servers) for (const note of notes) io.fail(`${slug}: ${note}`);
	const names = servers.flatMap((server) => server.secrets.map(({ name }) => name));
	if (names.length > 0 && folder === undefined) io.fail(`Set before the gateway starts: ${names.join(', ')}.`);
	if (faults.length > 0) process.exitCode = 1;
}
