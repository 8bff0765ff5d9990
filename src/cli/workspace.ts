import { type Command, Option } from 'commander';
import { pathOf } from './api-client.ts';
import { addApiCommand, withConsent, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { given, someGiven } from './given.ts';

interface WorkspaceOptions {
	readonly title: string | undefined;
	readonly audit: string | undefined;
	readonly mcpo: string | undefined;
	readonly coercion: string | undefined;
	readonly embeds: string | undefined;
}

const COLUMNS = ['slug', 'title', 'audit', 'level'];
const SLUG = { workspace: 'its slug' };
const at = (slug: string): string => pathOf('workspaces', slug);

/** Adds `workspace list|show|create|update|delete`. */
export function addWorkspaceCommands(program: Command, io: CommandIo): void {
	const parent = program.command('workspace').description('list, show, make, change or delete workspaces');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the workspaces',
		options: withLimit,
		run: async (session) => session.showList(await session.list('/workspaces'), COLUMNS, 'workspace'),
	});
	addApiCommand(parent, io, {
		name: 'show',
		about: 'show one workspace',
		args: SLUG,
		run: async (session, { workspace }) => session.show(await session.read(at(workspace))),
	});
	addApiCommand<WorkspaceOptions, typeof SLUG>(parent, io, {
		name: 'create',
		about: 'make a workspace',
		args: { workspace: 'its slug: 1 to 63 of a-z 0-9 -' },
		options: withContent,
		async run(session, { workspace }, options) {
			const made = await session.create('/workspaces', { slug: workspace, ...given(contentOf(options)) });
			session.show(made, () => `Made the workspace ${workspace}.`);
		},
	});
	addApiCommand<WorkspaceOptions, typeof SLUG>(parent, io, {
		name: 'update',
		about: 'change the title of a workspace, its audit, or its OpenAPI addresses',
		args: SLUG,
		options: withContent,
		async run(session, { workspace }, options) {
			const changed = await session.change('PATCH', at(workspace), someGiven(contentOf(options)));
			session.show(changed, () => `Changed the workspace ${workspace}.`);
		},
	});
	addDelete(parent, io);
}

function addDelete(parent: Command, io: CommandIo): void {
	addApiCommand(parent, io, {
		name: 'delete',
		about: 'delete a workspace with everything in it',
		args: SLUG,
		options: withConsent,
		async run(session, { workspace }) {
			await session.read(at(workspace));
			const text = `This deletes the workspace ${workspace} with its servers, grants, members and toolsets.`;
			await session.confirm({ text, expected: workspace });
			const gone = await session.change('DELETE', at(workspace));
			session.show(gone, () => `Deleted the workspace ${workspace}.`);
		},
	});
}

function withContent(command: Command): Command {
	return command
		.option('--title <text>', 'name for people')
		.addOption(new Option('--audit <mode>', 'whether calls go on without a record').choices(['strict', 'best-effort']))
		.addOption(new Option('--mcpo <mode>', 'OpenAPI: better than mcpo, or exactly as it').choices(['fixed', 'strict']))
		.addOption(new Option('--coercion <mode>', 'OpenAPI: whether "7" is taken for 7').choices(['allow', 'deny']))
		.addOption(new Option('--embeds <mode>', 'OpenAPI: whether tools may show pages').choices(['allow', 'deny']));
}

function contentOf({ title, audit, ...openApi }: WorkspaceOptions): object {
	const settings = given({ mcpo: openApi.mcpo, coercion: openApi.coercion, embeds: openApi.embeds });
	return { title, audit, openApi: Object.keys(settings).length === 0 ? undefined : settings };
}
