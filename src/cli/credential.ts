import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type JsonObject, pathOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';
import { given } from './given.ts';
import { serverPath } from './server-path.ts';

interface WhoseOptions {
	readonly own?: boolean;
}

interface SetOptions extends WhoseOptions {
	readonly file?: string;
	readonly name: string;
	readonly values?: boolean;
}

const SERVER = { server: 'workspace/server, as google/jira' };
const COLUMNS = ['server', 'owner', 'kind', 'names', 'state', 'keyId', 'version', 'updatedAt', 'id'];
const STDIN = 0;

const placeOf = (server: string, { own = false }: WhoseOptions): string =>
	serverPath(server, own ? 'own-credential' : 'credential');

/** Adds `credential list|show|set|rotate|test|delete|rewrap|client`. */
export function addCredentialCommands(program: Command, io: CommandIo): void {
	const parent = program
		.command('credential')
		.description('keep secrets for calls to servers; nothing shows them again');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the credentials of a workspace; your own where you do not administer it',
		args: { workspace: 'slug of the workspace' },
		options: withLimit,
		async run(session, { workspace }) {
			session.showList(await session.list(pathOf('workspaces', workspace, 'credentials')), COLUMNS, 'credential');
		},
	});
	addApiCommand<WhoseOptions, typeof SERVER>(parent, io, {
		name: 'show',
		about: 'show what is known of a credential; its values are shown to nobody',
		args: SERVER,
		options: withOwn,
		run: async (session, { server }, options) => session.show(await session.read(placeOf(server, options))),
	});
	for (const name of ['set', 'rotate']) addSet(parent, io, name);
	addUses(parent, io);
	addClient(parent, io);
}

interface ClientOptions {
	readonly clientId: string;
	readonly file?: string;
	readonly public?: boolean;
	readonly privateKeyFile?: string;
	readonly alg: string;
	readonly kid?: string;
	readonly authMethod?: string;
}

function addClient(parent: Command, io: CommandIo): void {
	addApiCommand<ClientOptions, typeof SERVER>(parent, io, {
		name: 'client',
		about: 'keep the OAuth client that the gateway is at the service of a server',
		args: SERVER,
		options: (command) =>
			command
				.requiredOption('--client-id <id>', 'id of the client, as the service gave it')
				.option('--file <path>', 'file that holds its secret; standard input unless given')
				.option('--public', 'it has no secret')
				.option('--private-key-file <path>', 'it signs with this key instead, in PEM (PKCS #8)')
				.addOption(
					new Option('--alg <algorithm>', 'how it signs').choices(['RS256', 'PS256', 'ES256']).default('RS256'),
				)
				.option('--kid <id>', 'what the service calls the key')
				.option('--auth-method <method>', 'how it proves itself; what the service offers first unless given'),
		async run(session, { server }, options) {
			const { clientId, authMethod } = options;
			const body = { clientId, ...given({ authMethod }), ...proofOf(options) };
			const kept = await session.post(serverPath(server, 'oauth-client'), body);
			session.show(kept, () => `Kept the client ${clientId} of ${server} at ${String(kept['issuer'])}.`);
		},
	});
}

function proofOf(options: ClientOptions): JsonObject {
	const { privateKeyFile, alg, kid } = options;
	if (privateKeyFile !== undefined) {
		return { privateKey: { pem: readSecret({ file: privateKeyFile }), alg, ...given({ kid }) } };
	}
	return options.public === true ? {} : { clientSecret: readSecret(options) };
}

function addSet(parent: Command, io: CommandIo, name: string): void {
	const about = name === 'set' ? 'keep a secret for a server' : 'replace the secret that is kept for a server';
	addApiCommand<SetOptions, typeof SERVER>(parent, io, {
		name,
		about: `${about}; it comes from standard input, or from a file`,
		args: SERVER,
		options: (command) =>
			withOwn(command)
				.option('--file <path>', 'file that holds it; standard input unless given')
				.option('--name <name>', 'what the server calls it, as ${secret:NAME}', 'token')
				.option('--values', 'it is a JSON object of several, by name'),
		async run(session, { server }, options) {
			const values = valuesOf(readSecret(options), options);
			const kept = await session.put(placeOf(server, options), (before) => {
				if (name === 'rotate' && before === undefined) throw usageFault('There is nothing to replace; use set.');
				return { values };
			});
			session.show(kept, () => `Kept the credential of ${server}: ${Object.keys(values).sort().join(', ')}.`);
		},
	});
}

function addUses(parent: Command, io: CommandIo): void {
	addApiCommand(parent, io, {
		name: 'test',
		about: 'ask a server for its tools with the credential that you would call it with',
		args: SERVER,
		async run(session, { server }) {
			session.show(await session.create(serverPath(server, 'credential', 'test'), undefined));
		},
	});
	addApiCommand<WhoseOptions, typeof SERVER>(parent, io, {
		name: 'delete',
		about: 'destroy a credential, and everything that was opened with it',
		args: SERVER,
		options: withOwn,
		async run(session, { server }, options) {
			const gone = await session.change('DELETE', placeOf(server, options));
			session.show(gone, () => `Destroyed the credential of ${server}.`);
		},
	});
	addApiCommand(parent, io, {
		name: 'rewrap',
		about: 'seal every secret with the current wrapping key, while calls go on',
		args: {},
		run: async (session) => session.show(await session.create(pathOf('platform', 'rewrap'), undefined)),
	});
}

function withOwn(command: Command): Command {
	return command.option('--own', "your own, and not the workspace's");
}

// Never on the command line, which everybody on the machine can read.
function readSecret({ file }: Pick<SetOptions, 'file'>): string {
	if (file === undefined && process.stdin.isTTY) throw usageFault('Send the secret on standard input, or give --file.');
	try {
		const text = readFileSync(file ?? STDIN, 'utf8').replace(/\r?\n$/, '');
		if (text !== '') return text;
	} catch (error) {
		throw usageFault(`The secret cannot be read (${(error as NodeJS.ErrnoException).code}).`);
	}
	throw usageFault('The secret is empty.');
}

function valuesOf(text: string, { name, values }: SetOptions): JsonObject {
	if (values !== true) return { [name]: text };
	try {
		const parsed: unknown = JSON.parse(text);
		if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
	} catch {
		// Whatever it is, it is not repeated.
	}
	throw usageFault('--values takes a JSON object of names and values.');
}
