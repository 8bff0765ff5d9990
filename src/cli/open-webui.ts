import type { Command } from 'commander';
import { pathOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { given } from './given.ts';

interface LinkOptions {
	readonly subject?: string;
	readonly email?: string;
	readonly directory?: string;
	readonly name?: string;
}

interface ConnectionOptions {
	readonly base?: string;
	readonly group?: readonly string[];
}

const COLUMNS = ['id', 'instance', 'subject', 'email', 'oid', 'name'];
const WORKSPACE = { workspace: 'slug of the workspace' };
const LINK = { ...WORKSPACE, instance: 'id of the Open WebUI instance', oid: 'object id of the person' };
const PLACE = { place: 'workspace, or workspace/server for one server' };
const listAt = (workspace: string): string => pathOf('workspaces', workspace, 'open-webui-links');

/** Adds `open-webui link|links|unlink|connection`. */
export function addOpenWebUiCommands(program: Command, io: CommandIo): void {
	const parent = program.command('open-webui').description('say who people of Open WebUI are, and connect it');
	addApiCommand(parent, io, {
		name: 'links',
		about: 'list accounts of Open WebUI and who they are',
		args: WORKSPACE,
		options: withLimit,
		run: async (session, { workspace }) => session.showList(await session.list(listAt(workspace)), COLUMNS, 'link'),
	});
	addApiCommand<LinkOptions, typeof LINK>(parent, io, {
		name: 'link',
		about: 'say who an account of Open WebUI is; give --subject or --email',
		args: LINK,
		options: (command) =>
			command
				.option('--subject <id>', 'id of the account in Open WebUI')
				.option('--email <address>', 'e-mail address of the account; counts for keys that say so')
				.option('--directory <id>', 'the directory they are of; needed where there are several')
				.option('--name <text>', 'name for people'),
		async run(session, { workspace, instance, oid }, options) {
			const made = await session.create(listAt(workspace), { instance, oid, ...linkOf(options) });
			session.show(made, () => `Linked ${options.subject ?? options.email} of ${instance} to ${oid}.`);
		},
	});
	addApiCommand(parent, io, {
		name: 'unlink',
		about: 'make an account of Open WebUI nobody again',
		args: { ...WORKSPACE, id: 'id of the link' },
		async run(session, { workspace, id }) {
			const gone = await session.change('DELETE', listAt(workspace) + pathOf(id));
			session.show(gone, () => `Removed the link ${id}.`);
		},
	});
	addApiCommand<ConnectionOptions, typeof PLACE>(parent, io, {
		name: 'connection',
		about: 'print connections to put into Open WebUI, as JSON; no key is in them',
		args: PLACE,
		options: (command) =>
			command
				.option('--base <address>', 'origin under which Open WebUI reaches the gateway; else its publicUrl')
				.option('--group <id...>', 'groups in Open WebUI who may use it; else its administrators alone'),
		async run(session, { place }, { base, group }) {
			const [workspace = '', server] = place.split('/');
			const asked = new URLSearchParams(given({ server, base, groups: group?.join(',') }));
			const { items } = await session.read(`${pathOf('workspaces', workspace, 'open-webui-connection')}?${asked}`);
			session.show(items, () => JSON.stringify(items, null, 2));
		},
	});
}

// The session's own members are options too.
function linkOf({ subject, email, directory, name }: LinkOptions) {
	return given({ subject, email, directory, name });
}
