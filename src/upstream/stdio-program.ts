import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Server, StdioTransport } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { homeNameOf } from '../lib/scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ChildSpec } from './stdio-child.ts';
import type { Target } from './target.ts';

/** What children that are programs of the runtime folder are started with. */
export interface ProgramParts {
	readonly runtime: Pick<Runtime, 'launch'>;
	/** Folder under which each of them has one of its own. */
	readonly homes: string;
}

/** A stdio server, with the credential it is started with. */
export type StdioTarget = Target & { readonly server: Server & { readonly transport: StdioTransport } };

/** What a start is made of. */
export type ChildProgram = Omit<ChildSpec, 'lineBytes'>;

/** In a variable of an installed program: the folder that nobody but this server of this workspace (and person) has. */
const HOME = '{home}';

/**
 * The program of a stdio server. One that the operator wrote runs as written. One of the runtime folder gets a home of its
 * own, for such programs keep tokens and data in the home folder, or beside themselves: what a server of one workspace keeps,
 * that of another must not find.
 */
export async function programOf(
	{ server, credential }: StdioTarget,
	baseEnv: Readonly<Record<string, string>>,
	parts: ProgramParts | undefined,
): Promise<ChildProgram> {
	const { command, args, cwd, runtime } = server.transport;
	if (runtime === undefined) return { command, args, cwd, env: { ...baseEnv, ...credential.env } };
	if (parts === undefined) throw new PortcullisError('PC_RUNTIME_MISSING', { detail: 'there is no runtime folder' });
	const variables = Object.keys(credential.env);
	const launch = await parts.runtime.launch({ program: runtime, args, variables });
	const home = join(resolve(parts.homes), homeNameOf(server, credential.key, `${runtime.runner}:${runtime.package}`));
	await mkdir(join(home, 'tmp'), { recursive: true, mode: 0o700 });
	const given = Object.entries(credential.env).map(([name, value]) => [name, value.replaceAll(HOME, home)]);
	const own = { HOME: home, USERPROFILE: home, TMPDIR: join(home, 'tmp') };
	return { ...launch, cwd: home, env: { ...baseEnv, ...own, ...Object.fromEntries(given) } };
}
