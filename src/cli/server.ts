import type { Command } from 'commander';
import { createCatalogue } from '../catalogue/load-catalogue.ts';
import { addFromCatalogue, type ServiceOptions } from './add-from-catalogue.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { ApiSession } from './api-session.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';
import { readTarget, someGiven } from './given.ts';
import { entryOf, type ServerOptions, withServerOptions, withServiceOptions } from './server-options.ts';
import { serverPath, serversPath } from './server-path.ts';
import { addServerTest } from './server-test.ts';

const COLUMNS = ['slug', 'title', 'transport', 'enabled', 'state', 'toolCount', 'managedBy'];
const SERVICES = { 'services...': 'services of the catalogue, by any of their names' };
const SERVER = { server: 'workspace/server, as google/files' };

/** Adds `server list|show|add|update|remove|enable|disable|test`. */
export function addServerCommands(program: Command, io: CommandIo): void {
	const parent = program.command('server').description('say which MCP servers a workspace has');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the servers of a workspace, and how they are',
		args: { workspace: 'slug of the workspace' },
		options: withLimit,
		run: async (session, { workspace }) =>
			session.showList(await session.list(serversPath(workspace)), COLUMNS, 'server'),
	});
	addApiCommand(parent, io, {
		name: 'show',
		about: 'show one server',
		args: SERVER,
		run: async (session, { server }) => session.show(await session.read(serverPath(server))),
	});
	addChanges(parent, io);
	addSwitch(parent, io, { name: 'enable', enabled: true });
	addSwitch(parent, io, { name: 'disable', enabled: false });
	addServerTest(parent, io);
}

function addChanges(parent: Command, io: CommandIo): void {
	addApiCommand<ServerOptions & ServiceOptions, typeof SERVER, typeof SERVICES>(parent, io, {
		name: 'add',
		about: 'add a server to a workspace, or services of the catalogue',
		args: { server: `${SERVER.server}; the workspace alone before services` },
		optionalArgs: SERVICES,
		options: (command) => withServiceOptions(withServerOptions(command)),
		async run(session, { server, 'services...': services }, options) {
			const wanted = services as unknown as readonly string[] | undefined;
			if (wanted !== undefined && wanted.length > 0)
				return addServices(session, io, { workspace: server, services: wanted, options });
			const { workspace, name } = readTarget(server, 'server');
			const made = await session.create(serversPath(workspace), { ...entryOf(options, session.caller), slug: name });
			session.show(made, () => `Added the server ${server}.`);
		},
	});
	addApiCommand<ServerOptions, typeof SERVER>(parent, io, {
		name: 'update',
		about: 'change members of a server; the others stay',
		args: SERVER,
		options: withServerOptions,
		async run(session, { server }, options) {
			const changed = await session.change('PATCH', serverPath(server), someGiven(entryOf(options, session.caller)));
			session.show(changed, () => `Changed the server ${server}.`);
		},
	});
	addApiCommand(parent, io, {
		name: 'remove',
		about: 'remove a server with its tool rules',
		args: SERVER,
		async run(session, { server }) {
			const gone = await session.change('DELETE', serverPath(server));
			session.show(gone, () => `Removed the server ${server}.`);
		},
	});
}

/** Several, one after the other: what one of them is asked or told does not mix with another. */
async function addServices(session: ApiSession, io: CommandIo, wish: ServicesWish): Promise<void> {
	const { workspace, services, options } = wish;
	if (workspace.includes('/'))
		throw usageFault('Name the workspace alone before services, and the server with --slug.');
	const isOfOne = options.slug !== undefined || options.set !== undefined || options.secretsFile !== undefined;
	if (services.length > 1 && isOfOne)
		throw usageFault('--slug, --set and --secrets-file are for one service at a time.');
	const catalogue = createCatalogue();
	for (const service of services) await addFromCatalogue(session, io.ask, { catalogue, workspace, service, options });
}

interface ServicesWish {
	readonly workspace: string;
	readonly services: readonly string[];
	readonly options: ServiceOptions;
}

interface Switch {
	readonly name: 'enable' | 'disable';
	readonly enabled: boolean;
}

function addSwitch(parent: Command, io: CommandIo, { name, enabled }: Switch): void {
	addApiCommand(parent, io, {
		name,
		about: enabled ? 'let a server be used' : 'let nobody use a server',
		args: SERVER,
		async run(session, { server }) {
			const changed = await session.change('PATCH', serverPath(server), { enabled });
			session.show(changed, () => `The server ${server} is ${name}d.`);
		},
	});
}
