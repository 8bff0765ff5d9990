import { type Command, InvalidArgumentError } from 'commander';
import { type ApiOptions, type ApiSession, runApi } from './api-session.ts';
import type { CommandIo } from './command.ts';

/** Names of arguments and what they are, in order. */
type ArgumentWords = Readonly<Record<string, string>>;

type ValuesOf<Required extends ArgumentWords, Optional extends ArgumentWords> = {
	readonly [Name in keyof Required]: string;
} & { readonly [Name in keyof Optional]: string | undefined };

/** A command that asks the management API. */
export interface ApiCommand<Options, Required extends ArgumentWords, Optional extends ArgumentWords> {
	readonly name: string;
	readonly about: string;
	readonly args?: Required;
	readonly optionalArgs?: Optional;
	/** Its own options, beside those that every such command has. */
	options?(command: Command): Command;
	run(session: ApiSession, args: ValuesOf<Required, Optional>, options: Options & ApiOptions): Promise<void>;
}

/** Adds a command that asks the management API, with the options that say whom to ask and how to answer. */
export function addApiCommand<
	Options = ApiOptions,
	Required extends ArgumentWords = Readonly<Record<never, never>>,
	Optional extends ArgumentWords = Readonly<Record<never, never>>,
>(parent: Command, io: CommandIo, definition: ApiCommand<Options, Required, Optional>): void {
	const { name, about, options = (same) => same } = definition;
	const command = options(parent.command(name).description(about));
	const required: ArgumentWords = definition.args ?? {};
	const optional: ArgumentWords = definition.optionalArgs ?? {};
	for (const [argument, words] of Object.entries(required)) command.argument(`<${argument}>`, words);
	for (const [argument, words] of Object.entries(optional)) command.argument(`[${argument}]`, words);
	const names = [...Object.keys(required), ...Object.keys(optional)];
	withApiOptions(command).action((...given: unknown[]) => {
		const values = Object.fromEntries(names.map((each, index) => [each, given[index]]));
		const chosen = command.opts() as Options & ApiOptions;
		return runApi(io, chosen, (session) => definition.run(session, values as ValuesOf<Required, Optional>, chosen));
	});
}

/** Adds the options of every command that asks the management API. */
export function withApiOptions(command: Command): Command {
	return command
		.option('--url <address>', 'the gateway to ask (PORTCULLIS_URL)')
		.option('--token-file <file>', 'file with the access token to sign in with (PORTCULLIS_TOKEN)')
		.option('--json', 'print what the management API answers');
}

/** Adds `--limit`, for lists. */
export function withLimit(command: Command): Command {
	return command.option('--limit <count>', 'at most so many', readCount);
}

/** Adds `--yes`, for what is not done unasked. */
export function withConsent(command: Command): Command {
	return command.option('--yes', 'do not ask');
}

function readCount(text: string): number {
	if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
	throw new InvalidArgumentError('It must be a whole number above 0.');
}
