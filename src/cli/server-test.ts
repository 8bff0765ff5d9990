import { type Command, InvalidArgumentError } from 'commander';
import type { JsonObject } from './api-client.ts';
import { addApiCommand } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { counted } from './output.ts';
import { serverPath } from './server-path.ts';

interface TestOptions {
	readonly arguments?: JsonObject;
}

const SERVER = { server: 'workspace/server, as google/files' };

/** Adds `server test`: whether a server answers, and with a tool's name, a call of it as whoever asks. */
export function addServerTest(parent: Command, io: CommandIo): void {
	addApiCommand<TestOptions, typeof SERVER, { tool: string }>(parent, io, {
		name: 'test',
		about: 'ask a server for its tools, or call one as yourself',
		args: SERVER,
		optionalArgs: { tool: 'a tool to call, by the name the server gives it' },
		options: (command) => command.option('--arguments <json>', 'arguments of the call', readArguments),
		async run(session, { server, tool }, options) {
			if (tool === undefined) {
				const tools = await session.all(serverPath(server, 'tools'));
				return session.show({ items: tools }, () => `The server ${server} answers: ${counted(tools.length, 'tool')}.`);
			}
			const body = { arguments: options.arguments ?? {} };
			const answer = await session.post(serverPath(server, 'tools', tool, 'call'), body);
			session.show(answer);
			if (isFailure(answer)) process.exitCode = 1;
		},
	});
}

function isFailure({ error, result }: JsonObject): boolean {
	return error !== undefined || (result as JsonObject | undefined)?.['isError'] === true;
}

function readArguments(text: string): JsonObject {
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
	} catch {
		// Told below, without the text: it may hold what is secret.
	}
	throw new InvalidArgumentError('It must be a JSON object.');
}
