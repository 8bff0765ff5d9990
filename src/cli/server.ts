import type { Command } from 'commander';

import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { readTarget, someGiven } from './given.ts';
import { entryOf, type ServerOptions, withServerOptions } from './server-options.ts';
import { serverPath, serversPath } from './server-path.ts';
import { addServerTest } from './server-test.ts';

const COLUMNS = ['slug', 'title', 'transport', 'enabled', 'state', 'toolCount', 'managedBy'];
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
	addApiCommand<ServerOptions, typeof SERVER>(parent, io, {
		name: 'add',
		about: 'add a server to a workspace',
		args: SERVER,
		options: withServerOptions,
		async run(session, { server }, options) {
			const { workspace, name } = readTarget(server, 'server');
			const made = await session.create(serversPath(workspace), { ...entryOf(options), slug: name });
			session.show(made, () => `Added the server ${server}.`);
		},
	});
	addApiCommand<ServerOptions, typeof SERVER>(parent, io, {
		name: 'update',
		about: 'change members of a server; the others stay',
		args: SERVER,
		options: withServerOptions,
		async run(session, { server }, options) {
			const changed = await session.change('PATCH', serverPath(server), someGiven(entryOf(options)));
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
