import { type Command, Option } from 'commander';
import { type JsonObject, pathOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { ApiSession } from './api-session.ts';
import type { CommandIo } from './command.ts';
import { failed, usageFault } from './command-error.ts';

interface MatchOptions {
	readonly group?: string;
	readonly role?: string;
	readonly directory?: string;
}

interface AddOptions extends MatchOptions {
	readonly access: string;
}

const COLUMNS = ['claim', 'value', 'level', 'directory', 'managedBy', 'id'];
const WORKSPACE = { workspace: 'slug of the workspace, or * for every workspace' };

const listAt = (workspace: string): string => {
	return workspace === '*' ? '/platform/grants' : pathOf('workspaces', workspace, 'grants');
};

/** Adds `grant list|add|remove`. */
export function addGrantCommands(program: Command, io: CommandIo): void {
	const parent = program.command('grant').description('say which groups and app roles hold what in a workspace');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the grants of a workspace',
		args: WORKSPACE,
		options: withLimit,
		run: async (session, { workspace }) => session.showList(await session.list(listAt(workspace)), COLUMNS, 'grant'),
	});
	addApiCommand<AddOptions, typeof WORKSPACE>(parent, io, {
		name: 'add',
		about: 'give a group or an app role a level in a workspace',
		args: WORKSPACE,
		options: (command) => withMatch(command).addOption(withLevel()),
		async run(session, { workspace }, options) {
			const { claim, value } = matchOf(options);
			const body = { claim, value, level: options.access, directory: options.directory ?? null };
			const made = await session.create(listAt(workspace), body);
			session.show(made, () => `Granted ${options.access} in ${workspace} to the ${claim} ${value}.`);
		},
	});
	addApiCommand<MatchOptions, typeof WORKSPACE, { grant: string }>(parent, io, {
		name: 'remove',
		about: 'take a grant away',
		args: WORKSPACE,
		optionalArgs: { grant: 'its id; or name its group or role' },
		options: withMatch,
		async run(session, { workspace, grant }, options) {
			const list = listAt(workspace);
			const id = grant ?? String((await findGrant(session, list, options))['id']);
			const gone = await session.change('DELETE', list + pathOf(id));
			session.show(gone, () => `Took the grant ${id} away.`);
		},
	});
}

/** `--access`, of grants and members. */
export function withLevel(): Option {
	return new Option('--access <level>', 'what is held').choices(['read', 'write', 'admin']).makeOptionMandatory();
}

function withMatch(command: Command): Command {
	return command
		.option('--group <name or id>', 'a group of the directory')
		.option('--role <name>', 'an app role of the directory')
		.option('--directory <id>', 'whose group or role it is; needed where there are several');
}

function matchOf({ group, role }: MatchOptions): { readonly claim: 'group' | 'role'; readonly value: string } {
	if (group !== undefined && role === undefined) return { claim: 'group', value: group };
	if (role !== undefined && group === undefined) return { claim: 'role', value: role };
	throw usageFault('Give either --group or --role.');
}

async function findGrant(session: ApiSession, list: string, options: MatchOptions): Promise<JsonObject> {
	const { claim, value } = matchOf(options);
	const found = (await session.all(list)).filter(
		(grant) =>
			grant['claim'] === claim &&
			grant['value'] === value &&
			(options.directory === undefined || grant['directory'] === options.directory),
	);
	const [only, ...others] = found;
	if (only === undefined) throw failed(`There is no grant for the ${claim} ${value} there.`);
	if (others.length > 0) throw failed(`There are several grants for the ${claim} ${value}; name its --directory.`);
	return only;
}
