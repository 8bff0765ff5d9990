import type { Command } from 'commander';
import { pathOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { given, readTarget, someGiven } from './given.ts';

interface ToolsetOptions {
	readonly title?: string;
	readonly tool?: readonly string[];
}

const COLUMNS = ['slug', 'title', 'tools', 'managedBy'];
const TOOLSET = { toolset: 'workspace/toolset, as google/daily' };
const listAt = (workspace: string): string => pathOf('workspaces', workspace, 'toolsets');

function placeOf(toolset: string): { readonly list: string; readonly slug: string; readonly path: string } {
	const { workspace, name } = readTarget(toolset, 'toolset');
	const list = listAt(workspace);
	return { list, slug: name, path: list + pathOf(name) };
}

/** Adds `toolset list|show|create|update|delete`. */
export function addToolsetCommands(program: Command, io: CommandIo): void {
	const parent = program.command('toolset').description('select tools of a workspace for an address of their own');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the toolsets of a workspace',
		args: { workspace: 'slug of the workspace' },
		options: withLimit,
		run: async (session, { workspace }) => session.showList(await session.list(listAt(workspace)), COLUMNS, 'toolset'),
	});
	addApiCommand(parent, io, {
		name: 'show',
		about: 'show one toolset',
		args: TOOLSET,
		run: async (session, { toolset }) => session.show(await session.read(placeOf(toolset).path)),
	});
	addChanges(parent, io);
}

function addChanges(parent: Command, io: CommandIo): void {
	addApiCommand<ToolsetOptions, typeof TOOLSET>(parent, io, {
		name: 'create',
		about: 'make a toolset',
		args: TOOLSET,
		options: withContent,
		async run(session, { toolset }, { title, tool = [] }) {
			const { list, slug } = placeOf(toolset);
			const made = await session.create(list, { slug, tools: tool, ...given({ title }) });
			session.show(made, () => `Made the toolset ${toolset}.`);
		},
	});
	addApiCommand<ToolsetOptions, typeof TOOLSET>(parent, io, {
		name: 'update',
		about: 'change the title or the tools of a toolset',
		args: TOOLSET,
		options: withContent,
		async run(session, { toolset }, { title, tool }) {
			const changed = await session.change('PATCH', placeOf(toolset).path, someGiven({ title, tools: tool }));
			session.show(changed, () => `Changed the toolset ${toolset}.`);
		},
	});
	addApiCommand(parent, io, {
		name: 'delete',
		about: 'delete a toolset; its tools stay',
		args: TOOLSET,
		async run(session, { toolset }) {
			const gone = await session.change('DELETE', placeOf(toolset).path);
			session.show(gone, () => `Deleted the toolset ${toolset}.`);
		},
	});
}

function withContent(command: Command): Command {
	return command
		.option('--title <text>', 'name for people')
		.option('--tool <server/tool...>', 'the tools, all of them, each as server/tool');
}
