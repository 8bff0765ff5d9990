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
	/** Whether the death of the thread that starts the programs ends them. */
	readonly tied: boolean;
	/** What lets them through folders that are closed to the account. */
	readonly passing?: Passing | undefined;
}

/** A capability (capabilities(7)) that opens folders; programs that have one are tied as well. */
export type Passing = (typeof PASSINGS)[number];

/** The second opens more than is needed, but is what root has in a container that was not given the first. */
const PASSINGS = ['dac_read_search', 'dac_override'] as const;

/** A program and its arguments; `dyingWith` is the signal it gets when the thread that started it ends. */
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
 * to drain. A tied program dies with the thread that called this (prctl(2), PR_SET_PDEATHSIG), so that has to be the main
 * one.
 */
export function startProgram(program: Program, ground: Ground): ChildProcess {
	const [command, args] = commandOf(program, ground);
	const { account, passing } = ground;
	return spawn(command, args, {
		cwd: ground.cwd,
		env: ENVIRONMENT,
		detached: true,
		stdio: ['pipe', 'pipe', 'pipe'],
		// A capability is lost with root unless setpriv changes the account itself.
		...(account === undefined || passing !== undefined ? {} : { uid: account.uid, gid: account.gid }),
	});
}

function commandOf({ path, args, dyingWith }: Program, { account, tied, passing }: Ground): [string, string[]] {
	if (!tied) return [path, [...args]];
	const tie = ['--pdeathsig', dyingWith, '--', path, ...args];
	if (account === undefined || passing === undefined) return [SETPRIV, tie];
	const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
	const capabilities = [`--inh-caps=-all,+${passing}`, `--ambient-caps=-all,+${passing}`];
	// Else access(2), by which PostgreSQL looks for its programs, leaves capabilities out of account.
	return [SETPRIV, [...identity, ...capabilities, '--securebits=+no_setuid_fixup', ...tie]];
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

/** Where programs are to run, and whether the way there is closed to their account. */
export interface Place extends Pick<Ground, 'account' | 'cwd'> {
	readonly isClosed: boolean;
}

/**
 * Asks the program for its version on the grounds that come into question, the best first: tied to our life where this
 * machine can do that, and let through closed folders where that is needed. Else how the last attempt ended.
 */
export async function tryGrounds(
	path: string,
	{ isClosed, ...place }: Place,
	signal: AbortSignal | undefined,
): Promise<Trial | ProgramEnd> {
	const question = { path, args: ['--version'], dyingWith: 'TERM' } as const;
	let end: ProgramEnd = { code: null, signal: null, output: `${SETPRIV} is missing` };
	for (const how of isClosed ? waysThrough() : waysHere()) {
		const ground = { ...place, ...how };
		end = await runProgram(question, ground, { signal });
		const version = end.code === 0 ? /\) (\d\S*)/.exec(end.output)?.[1] : undefined;
		if (version !== undefined) return { ground, version };
	}
	return end;
}

const waysHere = (): readonly Pick<Ground, 'tied'>[] =>
	(existsSync(SETPRIV) ? [true, false] : [false]).map((tied) => ({ tied }));

const waysThrough = (): readonly Pick<Ground, 'tied' | 'passing'>[] =>
	existsSync(SETPRIV) ? PASSINGS.map((passing) => ({ tied: true, passing })) : [];
