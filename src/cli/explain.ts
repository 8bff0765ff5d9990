import type { Command } from 'commander';
import type { JsonObject } from './api-client.ts';
import { withApiOptions } from './api-command.ts';
import { type ApiOptions, type ApiSession, runApi } from './api-session.ts';
import { type CommandIo, guarded } from './command.ts';
import { usageFault } from './command-error.ts';
import { explainByFile } from './explain-file.ts';
import { given } from './given.ts';

interface ExplainOptions extends ApiOptions {
	readonly tool: string;
	readonly as?: string;
	readonly config?: string;
	readonly group?: readonly string[];
	readonly role?: readonly string[];
	readonly directory?: string;
	readonly oid?: string;
}

/** Adds `explain`: why a person may or may not use a tool, in words, by the very function that decides. */
export function addExplainCommand(program: Command, io: CommandIo): void {
	const command = program
		.command('explain')
		.description('say why a person may or may not use a tool: the rules that matched, in words')
		.requiredOption('--tool <workspace/server/tool>', 'the tool, as google/files/read_text_file')
		.option(
			'--as <email>',
			'by the configuration file: a person of the demo directory, or - for a token on standard input',
		)
		.option('--config <file>', 'configuration file (PORTCULLIS_CONFIG; the demo’s where there is no other)')
		.option('--group <names...>', 'by the management API: somebody in these groups')
		.option('--role <names...>', 'with these app roles')
		.option('--oid <id>', 'with this object id, for memberships')
		.option('--directory <id>', 'of this directory; needed where there are several');
	withApiOptions(command).action((options: ExplainOptions) => {
		const { as, tool, config } = options;
		if (as !== undefined) {
			return guarded(io, () => explainByFile({ as, tool, ...given({ config }) }, io));
		}
		if (config === undefined) return runApi(io, options, (session) => explainByApi(session, options));
		return guarded(io, () => Promise.reject(usageFault('Say with --as who is meant by a configuration file.')));
	});
}

async function explainByApi(session: ApiSession, options: ExplainOptions): Promise<void> {
	const { group: groups, role: roles, directory, oid } = options;
	const [workspace = '', server = '', ...rest] = options.tool.split('/');
	const tool = rest.join('/');
	if (tool === '') throw usageFault('Name the tool as workspace/server/tool, for example google/files/read_text_file.');
	const question = { workspace, server, tool, ...given({ groups, roles, directory, oid }) };
	const explained = await session.post('/explain', question);
	session.show(explained, () => wordsOf(explained as unknown as Explanation).join('\n'));
	if (explained['allowed'] !== true) process.exitCode = 1;
}

interface Explanation {
	readonly verdict: string;
	readonly level: string | null;
	readonly rules: readonly string[];
	readonly reasons: readonly { readonly reason: string; readonly sentence: string }[];
	readonly credential: { readonly id: string } | null;
	readonly spoken: JsonObject | null;
	readonly definitionDigest: string | null;
}

function wordsOf(explained: Explanation): readonly string[] {
	const { verdict, level, rules, reasons, credential, spoken, definitionDigest } = explained;
	const held =
		level === null ? 'They hold nothing in the workspace.' : `They hold ${level}, by ${rules.join(' and ')}.`;
	return [
		held,
		'',
		verdict,
		...reasons.map(({ reason, sentence }) => `  ${reason}: ${sentence}`),
		...(credential === null ? [] : [`  credential: ${credential.id}.`]),
		...(spoken === null ? [] : [`  spoken: MCP ${spoken['revision']} over ${spoken['way']}.`]),
		...(definitionDigest === null ? [] : [`  definition: The definitionDigest is ${definitionDigest}.`]),
	];
}
