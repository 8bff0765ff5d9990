import { type Command, Option } from 'commander';
import { type JsonObject, pathOf, queryOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { ApiSession } from './api-session.ts';
import type { CommandIo } from './command.ts';
import type { Column } from './output.ts';

/** Filters, by the names of the query parameters. */
interface AuditOptions {
	readonly from?: string;
	readonly to?: string;
	readonly kind?: string;
	readonly outcome?: string;
	readonly code?: string;
	readonly server?: string;
	readonly tool?: string;
	readonly oid?: string;
	readonly request?: string;
}

const FILTERS = ['from', 'to', 'kind', 'outcome', 'code', 'server', 'tool', 'oid', 'request'] as const;
const WORKSPACE = { workspace: 'slug of the workspace; without it, what belongs to none' };

const COLUMNS: readonly Column[] = [
	'time',
	'kind',
	['who', whoOf],
	['what', whatOf],
	['outcome', ({ outcome, code }) => [outcome, code].filter((each) => each !== undefined).join(' ')],
	'request',
];

const auditOf = (workspace: string | undefined): string => {
	return workspace === undefined ? '/platform/audit' : pathOf('workspaces', workspace, 'audit');
};

/** Adds `audit list|verify`. */
export function addAuditCommands(program: Command, io: CommandIo): void {
	const parent = program.command('audit').description('read the audit trail, or prove that it is whole');
	addApiCommand<AuditOptions, Readonly<Record<never, never>>, typeof WORKSPACE>(parent, io, {
		name: 'list',
		about: 'list what happened, newest first',
		optionalArgs: WORKSPACE,
		options: (command) => withFilters(withLimit(command)),
		async run(session, { workspace }, options) {
			const filters = Object.fromEntries(FILTERS.map((name) => [name, options[name]]));
			session.showList(await session.list(auditOf(workspace) + queryOf(filters)), COLUMNS, 'record');
		},
	});
	addApiCommand<object, Readonly<Record<never, never>>, typeof WORKSPACE>(parent, io, {
		name: 'verify',
		about: 'prove that every record is there as it was written; ends with 1 where one is not',
		optionalArgs: WORKSPACE,
		async run(session, { workspace }) {
			const verdict = await verify(session, `${auditOf(workspace)}/verification`);
			session.show(verdict, () => verdictWords(verdict));
			if (verdict['intact'] !== true) process.exitCode = 1;
		},
	});
}

function withFilters(command: Command): Command {
	return command
		.option('--from <time>', 'not before, as 2026-01-31T09:00:00Z')
		.option('--to <time>', 'before')
		.addOption(new Option('--kind <kind>', 'intent, outcome, gap, change or platform'))
		.option('--outcome <outcome>', 'how it ended')
		.option('--code <code>', 'of a refusal or failure')
		.option('--server <slug>', 'of calls')
		.option('--tool <name>', 'by the name its server gives it')
		.option('--oid <id>', 'who')
		.option('--request <id>', 'of one request');
}

function whoOf({ principal, actor }: JsonObject): unknown {
	return (principal as { readonly oid?: string } | undefined)?.oid ?? actor;
}

function whatOf({ action, object, server, tool, method, address }: JsonObject): unknown {
	if (action !== undefined) return [action, object].filter((each) => each !== undefined).join(' ');
	const place = [server, tool].filter((each) => each !== undefined && each !== '').join('/');
	return [method, place === '' ? address : place].filter((each) => each !== undefined).join(' ');
}

/** Follows the chain to its end, part after part; the records that were looked at add up. */
async function verify(session: ApiSession, path: string): Promise<JsonObject> {
	let records = 0;
	let cursor: string | undefined;
	for (;;) {
		const part = await session.read(path + queryOf({ cursor }));
		records += Number(part['records'] ?? 0);
		if (part['intact'] !== true || typeof part['next'] !== 'string') return { ...part, records };
		cursor = part['next'];
	}
}

function verdictWords({ intact, records, seq, head, fault }: JsonObject): string {
	if (intact === true) return `Intact: ${records} records, the last is ${seq}.\nhead ${head ?? '-'}`;
	return `Broken at record ${seq} (${fault}); ${records} records before it are right.`;
}
