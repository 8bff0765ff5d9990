import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../observe/log.ts';
import { ended, keepTail, type ProgramEnd, startProgram } from './run-program.ts';
import type { StillDatabase } from './single-user.ts';
import { fault } from './start-fault.ts';

const POLL_MS = 5;
const READY_MS = 60_000;
const FAST_MS = 15_000;
const QUICK_MS = 5_000;
const STATUS_LINE = 7;

/** A PostgreSQL server, child of this process. */
export interface RunningServer {
	readonly pid: number;
	/** Resolves when the server has ended, for whatever reason. */
	readonly exited: Promise<ProgramEnd>;
	/** Ends it in order: open transactions are rolled back, everything is written. */
	stop(): Promise<void>;
}

/** Starts the server and waits until it lets people in. */
export async function startServer(
	{ postgres: path, data, settings, ground, signal }: StillDatabase,
	log: Log | undefined,
): Promise<RunningServer> {
	const child = startProgram({ path, args: ['-D', data, ...settings], dyingWith: 'INT' }, ground);
	child.stdin?.on('error', () => undefined).end();
	const tail = keepTail(child, logLines(log));
	const exited = ended(child, 'exit');
	const stop = (): Promise<void> => stopServer(child, exited);
	try {
		const end = await untilReady(child, data, exited, signal);
		if (end !== undefined) throw fault('PostgreSQL did not start', data, { ...end, output: tail() + end.output });
	} catch (error) {
		await stop();
		throw error;
	}
	return { pid: child.pid ?? 0, exited, stop };
}

/** `undefined` when it is ready, else how it ended. */
async function untilReady(
	child: ChildProcess,
	data: string,
	exited: Promise<ProgramEnd>,
	signal: AbortSignal | undefined,
): Promise<ProgramEnd | undefined> {
	for (const deadline = Date.now() + READY_MS; Date.now() < deadline; ) {
		if (isReady(data, child.pid)) return undefined;
		const end = await Promise.race([exited, sleep(POLL_MS, undefined, { signal })]);
		if (end !== undefined) return end;
	}
	return { code: null, signal: null, output: `not ready after ${READY_MS / 1000} seconds` };
}

// The way pg_ctl knows it: the eighth line of postmaster.pid.
function isReady(data: string, pid: number | undefined): boolean {
	try {
		const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
		return Number(lines[0]) === pid && lines[STATUS_LINE]?.trim() === 'ready';
	} catch {
		return false;
	}
}

async function stopServer(child: ChildProcess, exited: Promise<ProgramEnd>): Promise<void> {
	const timers = [
		setTimeout(() => child.kill('SIGQUIT'), FAST_MS),
		setTimeout(() => child.kill('SIGKILL'), FAST_MS + QUICK_MS),
	];
	child.kill('SIGINT');
	await exited;
	for (const timer of timers) clearTimeout(timer);
}

function logLines(log: Log | undefined): (text: string) => void {
	return (text) => {
		for (const line of text.split('\n')) {
			if (/\b(FATAL|PANIC):/.test(line)) log?.warn({ postgres: line }, 'the database says');
			else if (line !== '') log?.debug({ postgres: line }, 'the database says');
		}
	};
}
