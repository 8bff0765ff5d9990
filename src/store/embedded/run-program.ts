import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Account } from './account.ts';

const SETPRIV = '/usr/bin/setpriv';
const OUTPUT_CHARS = 8 * 1024;
/** Nothing of our own environment, which holds secrets. Messages stay in English, times in UTC. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** How the programs of PostgreSQL are run. */
export interface Ground {
	readonly account: Account | undefined;
	/** A folder the account can enter. */
	readonly cwd: string;
	/** Whether the death of this process ends the programs. */
	readonly tied: boolean;
}

/** A program and its arguments; `dyingWith` is the signal it gets when this process dies. */
export interface Program {
	readonly path: string;
	readonly args: readonly string[];
	readonly dyingWith: 'INT' | 'TERM';
}

/** How a program ended. */
export interface ProgramEnd {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	/** The last part of what it wrote, at most 8 KiB; the reason when it could not be started. */
	readonly output: string;
}

/**
 * Starts a program in a process group of its own: Ctrl-C at a terminal is for the gateway, which still needs its database
 * to drain.
 */
export function startProgram(program: Program, ground: Ground): ChildProcess {
	const { account } = ground;
	const [command, args] = ground.tied
		? [SETPRIV, ['--pdeathsig', program.dyingWith, '--', program.path, ...program.args]]
		: [program.path, [...program.args]];
	return spawn(command, args, {
		cwd: ground.cwd,
		env: ENVIRONMENT,
		detached: true,
		stdio: ['pipe', 'pipe', 'pipe'],
		...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
	});
}

/** Runs a program to its end, with `input` on its stdin; an abort ends it with SIGTERM. */
export async function runProgram(
	program: Program,
	ground: Ground,
	{ input = '', signal }: { readonly input?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<ProgramEnd> {
	signal?.throwIfAborted();
	const child = startProgram(program, ground);
	const tail = keepTail(child);
	const stop = (): void => void child.kill('SIGTERM');
	signal?.addEventListener('abort', stop, { once: true });
	child.stdin?.on('error', () => undefined).end(input);
	const end = await ended(child, 'close');
	signal?.removeEventListener('abort', stop);
	signal?.throwIfAborted();
	return { ...end, output: `${tail()}${end.output}` };
}

/** Resolves when the program has ended (`close`: and all it wrote was read), or could not be started; never rejects. */
export function ended(child: ChildProcess, event: 'exit' | 'close'): Promise<ProgramEnd> {
	return new Promise((resolve) => {
		child.once('error', (error) => resolve({ code: null, signal: null, output: error.message }));
		child.once(event, (code: number | null, signal: NodeJS.Signals | null) => resolve({ code, signal, output: '' }));
	});
}

/** Keeps the last part of what a program writes; each piece is also handed to `onText`. */
export function keepTail(child: ChildProcess, onText: (text: string) => void = () => undefined): () => string {
	let kept = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding('utf8').on('data', (text: string) => {
			kept = (kept + text).slice(-OUTPUT_CHARS);
			onText(text);
		});
	}
	return () => kept;
}

/** The ground on which a program runs, and what it said of its version. */
export interface Trial {
	readonly ground: Ground;
	readonly version: string;
}

/** Asks the program for its version, tied to our life where this machine can do that; else how the attempt ended. */
export async function tryGround(
	path: string,
	place: Omit<Ground, 'tied'>,
	signal: AbortSignal | undefined,
): Promise<Trial | ProgramEnd> {
	const question = { path, args: ['--version'], dyingWith: 'TERM' } as const;
	const ask = async (tied: boolean): Promise<Trial | ProgramEnd> => {
		const ground = { ...place, tied };
		const end = await runProgram(question, ground, { signal });
		const version = end.code === 0 ? /\) (\d\S*)/.exec(end.output)?.[1] : undefined;
		return version === undefined ? end : { ground, version };
	};
	const tied = existsSync(SETPRIV) ? await ask(true) : undefined;
	return tied !== undefined && 'ground' in tied ? tied : ask(false);
}
