import { type Command, Option } from 'commander';
import type { JsonObject } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { someGiven } from './given.ts';
import type { Column } from './output.ts';
import { serverPath } from './server-path.ts';

interface RuleOptions {
	readonly enabled?: string;
	readonly minimumLevel?: string;
	readonly readable?: boolean;
	readonly description?: string;
	readonly pin?: string | false;
}

const SERVER = { server: 'workspace/server, as google/files' };
const TOOL = { ...SERVER, tool: 'by the name the server gives it' };
const RULE_COLUMNS = ['tool', 'enabled', 'minimumLevel', 'readable', 'description', 'definitionDigest'];
const TOOL_COLUMNS: readonly Column[] = [
	'name',
	['read only', ({ readOnly }) => readOnly],
	['rule', ({ rule }) => rule !== null],
	...(['read', 'write', 'admin'] as const).map((level): Column => [level, ({ levels }) => mayUse(levels, level)]),
	['why not', ({ levels }) => whyNot(levels)],
	'digest',
];
const RULE_MEMBERS = ['enabled', 'minimumLevel', 'readable', 'description', 'definitionDigest'];

/** Adds `tool list` and `tool rule list|set|remove`. */
export function addToolCommands(program: Command, io: CommandIo): void {
	const parent = program.command('tool').description('see the tools of a server, and rule who may use them');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the tools a server has, and which levels may use them',
		args: SERVER,
		options: withLimit,
		async run(session, { server }) {
			session.showList(await session.list(serverPath(server, 'tools')), TOOL_COLUMNS, 'tool');
		},
	});
	addRuleCommands(parent.command('rule').description('rule who may use a tool, and how it is shown'), io);
}

function addRuleCommands(parent: Command, io: CommandIo): void {
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the tool rules of a server',
		args: SERVER,
		options: withLimit,
		async run(session, { server }) {
			session.showList(await session.list(serverPath(server, 'rules')), RULE_COLUMNS, 'rule');
		},
	});
	addApiCommand<RuleOptions, typeof TOOL>(parent, io, {
		name: 'set',
		about: 'make or change the rule of a tool; what is not named stays as it is',
		args: TOOL,
		options: withRuleOptions,
		async run(session, { server, tool }, options) {
			const path = serverPath(server, 'rules', tool);
			const wanted = someGiven(ruleOf(options));
			const rule = await session.put(path, (before) => merged(before, wanted));
			session.show(rule, () => `Set the rule of ${server}/${tool}.`);
		},
	});
	addApiCommand(parent, io, {
		name: 'remove',
		about: 'remove the rule of a tool',
		args: TOOL,
		async run(session, { server, tool }) {
			const gone = await session.change('DELETE', serverPath(server, 'rules', tool));
			session.show(gone, () => `Removed the rule of ${server}/${tool}.`);
		},
	});
}

type Levels = Readonly<Record<string, { readonly allowed: boolean; readonly reasons: readonly string[] } | undefined>>;

function mayUse(levels: unknown, level: string): boolean {
	return (levels as Levels)[level]?.allowed === true;
}

/** What keeps the first level that may not use it from it. */
function whyNot(levels: unknown): string | undefined {
	const refused = ['admin', 'write', 'read'].map((level) => (levels as Levels)[level]).find((each) => !each?.allowed);
	return refused?.reasons.at(-1);
}

function withRuleOptions(command: Command): Command {
	return command
		.addOption(new Option('--enabled <state>', 'whether it may be used').choices(['yes', 'no', 'default']))
		.addOption(new Option('--minimum-level <level>', 'who sees it').choices(['read', 'write', 'admin']))
		.option('--readable', 'let the level read use it although it does not say that it only reads')
		.option('--no-readable', 'take that back')
		.option('--description <text>', "shown in place of the server's; empty: the server's")
		.option('--pin <digest>', 'let nobody use it once the server defines it otherwise than this')
		.option('--no-pin', 'take that back');
}

const ENABLED: Readonly<Record<string, boolean | null>> = { yes: true, no: false, default: null };

// null takes a member away.
function ruleOf({ enabled, minimumLevel, readable, description, pin }: RuleOptions) {
	return {
		enabled: enabled === undefined ? undefined : ENABLED[enabled],
		minimumLevel,
		readable,
		description: description === '' ? null : description,
		definitionDigest: pin === false ? null : pin,
	};
}

function merged(before: JsonObject | undefined, wanted: JsonObject): JsonObject {
	const known = RULE_MEMBERS.map((name) => [name, wanted[name] === undefined ? before?.[name] : wanted[name]] as const);
	return Object.fromEntries(known.filter(([, value]) => value !== undefined && value !== null));
}
