import type { Command } from 'commander';
import { pathOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { ApiSession } from './api-session.ts';
import type { CommandIo } from './command.ts';
import { failed } from './command-error.ts';
import { given } from './given.ts';
import { withLevel } from './grant.ts';

interface AddOptions {
	readonly access: string;
	readonly directory?: string;
	readonly name?: string;
}

interface RemoveOptions {
	readonly directory?: string;
}

const COLUMNS = ['oid', 'name', 'level', 'directory', 'managedBy', 'id'];
const WORKSPACE = { workspace: 'slug of the workspace' };
const PERSON = { ...WORKSPACE, oid: 'object id of the person in the directory' };
const listAt = (workspace: string): string => pathOf('workspaces', workspace, 'members');
const withDirectory = (command: Command): Command =>
	command.option('--directory <id>', 'the directory they are of; needed where there are several');

/** Adds `member list|add|remove`. */
export function addMemberCommands(program: Command, io: CommandIo): void {
	const parent = program.command('member').description('name people one by one as members of a workspace');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the people who are named one by one',
		args: WORKSPACE,
		options: withLimit,
		run: async (session, { workspace }) => session.showList(await session.list(listAt(workspace)), COLUMNS, 'member'),
	});
	addApiCommand<AddOptions, typeof PERSON>(parent, io, {
		name: 'add',
		about: 'give one person a level in a workspace',
		args: PERSON,
		options: (command) => withDirectory(command).option('--name <text>', 'name for people').addOption(withLevel()),
		async run(session, { workspace, oid }, { access, directory, name }) {
			const made = await session.create(listAt(workspace), { oid, level: access, ...given({ directory, name }) });
			session.show(made, () => `Granted ${access} in ${workspace} to ${name ?? oid}.`);
		},
	});
	addApiCommand<RemoveOptions, typeof PERSON>(parent, io, {
		name: 'remove',
		about: 'take away what a person holds by themselves',
		args: { ...PERSON, oid: 'object id of the person, or the id of the member' },
		options: withDirectory,
		async run(session, { workspace, oid }, options) {
			const id = await findMember(session, workspace, { oid, ...options });
			const gone = await session.change('DELETE', listAt(workspace) + pathOf(id));
			session.show(gone, () => `Took the membership of ${oid} away.`);
		},
	});
}

async function findMember(
	session: ApiSession,
	workspace: string,
	{ oid, directory }: RemoveOptions & { readonly oid: string },
): Promise<string> {
	const all = await session.all(listAt(workspace));
	const found = all.filter(
		(member) =>
			[member['id'], member['oid']].includes(oid) && (directory === undefined || member['directory'] === directory),
	);
	const [only, ...others] = found;
	if (only === undefined) throw failed(`There is no member ${oid} in ${workspace}.`);
	if (others.length > 0) throw failed(`There are several members ${oid}; name the --directory.`);
	return String(only['id']);
}
