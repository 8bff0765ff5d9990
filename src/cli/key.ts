import { type Command, Option } from 'commander';
import { pathOf } from './api-client.ts';
import { addApiCommand, withLimit } from './api-command.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';
import { given, someGiven } from './given.ts';
import { withLevel } from './grant.ts';

interface Bounds {
	readonly server?: readonly string[];
	readonly network?: readonly string[];
	readonly expires?: string;
}

interface CreateOptions extends Bounds {
	readonly access: string;
	readonly personal?: boolean;
	readonly openWebui?: string;
	readonly plain?: boolean;
	readonly linkByEmail?: boolean;
}

interface UpdateOptions extends Bounds {
	readonly name?: string;
	readonly access?: string;
}

const COLUMNS = ['id', 'kind', 'name', 'level', 'prefix', 'servers', 'expiresAt', 'lastUsedAt'];
const WORKSPACE = { workspace: 'slug of the workspace' };
const KEY = { ...WORKSPACE, id: 'id of the key' };
const listAt = (workspace: string): string => pathOf('workspaces', workspace, 'keys');
const placeOf = ({ workspace, id }: Readonly<Record<keyof typeof KEY, string>>): string =>
	listAt(workspace) + pathOf(id);

/** Adds `key list|show|create|update|revoke`. */
export function addKeyCommands(program: Command, io: CommandIo): void {
	const parent = program.command('key').description('make and revoke API keys of a workspace');
	addApiCommand(parent, io, {
		name: 'list',
		about: 'list the keys of a workspace; your own where you do not administer it',
		args: WORKSPACE,
		options: withLimit,
		run: async (session, { workspace }) => session.showList(await session.list(listAt(workspace)), COLUMNS, 'key'),
	});
	addApiCommand(parent, io, {
		name: 'show',
		about: 'show what is known of one key; the key itself is kept nowhere',
		args: KEY,
		run: async (session, key) => session.show(await session.read(placeOf(key))),
	});
	addApiCommand<CreateOptions, typeof WORKSPACE & { readonly name: string }>(parent, io, {
		name: 'create',
		about: 'make a key and print it, this once',
		args: { ...WORKSPACE, name: 'what it is for' },
		options: (command) =>
			withTrust(
				withBounds(command).addOption(withLevel()).option('--personal', 'it speaks for you, and not for itself'),
			),
		async run(session, { workspace, name }, options) {
			const body = { name, level: options.access, ...kindOf(options), ...given(boundsOf(options)) };
			const made = await session.create(listAt(workspace), body);
			session.show(made, () => wordsOf(made));
		},
	});
	addChanges(parent, io);
}

function addChanges(parent: Command, io: CommandIo): void {
	addApiCommand<UpdateOptions, typeof KEY>(parent, io, {
		name: 'update',
		about: 'change what a key may do; "all", "any" and "never" take a bound away',
		args: KEY,
		options: (command) =>
			withBounds(command)
				.option('--name <text>', 'what it is for')
				.addOption(new Option('--access <level>', 'the most it gives').choices(['read', 'write', 'admin'])),
		async run(session, key, { name, access, ...bounds }) {
			const body = someGiven({ name, level: access, ...boundsOf(bounds) });
			const changed = await session.change('PATCH', placeOf(key), body);
			session.show(changed, () => `Changed the key ${key.id}.`);
		},
	});
	addApiCommand(parent, io, {
		name: 'revoke',
		about: 'revoke a key, for good',
		args: KEY,
		async run(session, key) {
			const gone = await session.change('DELETE', placeOf(key));
			session.show(gone, () => `Revoked the key ${key.id}.`);
		},
	});
}

function withBounds(command: Command): Command {
	return command
		.option('--server <slug...>', 'the only servers it is for, all of them; "all": no such bound')
		.option('--network <cidr...>', 'the only networks it may come from, as 10.0.0.0/8; "any": no such bound')
		.option('--expires <time>', 'when it ends, as 2031-01-31T00:00:00Z; "never": when it is revoked');
}

function withTrust(command: Command): Command {
	return command
		.option('--open-webui <instance>', 'it speaks for whom this Open WebUI instance names')
		.option('--plain', 'believes headers of the instance that are not signed; needs --network')
		.option('--link-by-email', 'finds people also by their e-mail address there');
}

function kindOf({ personal = false, openWebui, plain = false, linkByEmail = false }: CreateOptions) {
	if (openWebui === undefined) return { kind: personal ? 'personal' : 'service' };
	if (personal) throw usageFault('Give either --personal or --open-webui.');
	return { kind: 'open-webui', openWebUi: { instance: openWebui, plain, linkByEmail } };
}

function boundsOf({ server, network, expires }: Bounds) {
	return {
		servers: server?.join() === 'all' ? null : server,
		networks: network?.join() === 'any' ? null : network,
		expiresAt: expires === 'never' ? null : expires,
	};
}

// A creation whose first answer was lost is made, but nobody has the key.
function wordsOf({ id, key }: Readonly<Record<string, unknown>>): string {
	if (typeof key === 'string')
		return `${key}\nThis is key ${id}. It is shown this once; keep it where nobody reads it.`;
	return `Made the key ${id}, but its text was shown in an answer that got lost: revoke it and make another.`;
}
