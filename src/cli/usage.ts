import type { Command } from 'commander';
import { pathOf, queryOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';

interface UsageOptions {
	readonly from?: string;
	readonly to?: string;
	readonly server?: string;
}

const COLUMNS = ['hour', 'server', 'tool', 'calls', 'errors', 'refusals', 'durationMs'];
const WORKSPACE = { workspace: 'slug of the workspace' };

/** Adds `usage`: calls by hour, server and tool. */
export function addUsageCommand(program: Command, io: CommandIo): void {
	addApiCommand<UsageOptions, typeof WORKSPACE>(program, io, {
		name: 'usage',
		about: 'count the calls of a workspace by hour, server and tool',
		args: WORKSPACE,
		options: (command) =>
			withLimit(command)
				.option('--from <time>', 'not before, as 2026-01-31T09:00:00Z')
				.option('--to <time>', 'before')
				.option('--server <slug>', 'of one server'),
		async run(session, { workspace }, { from, to, server }) {
			const items = await session.list(pathOf('workspaces', workspace, 'usage') + queryOf({ from, to, server }));
			session.showList(items, COLUMNS, 'call');
		},
	});
}
