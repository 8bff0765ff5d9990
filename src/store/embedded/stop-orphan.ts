import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../start-error.ts';

const POLL_MS = 50;
const FAST_MS = 10_000;
const QUICK_MS = 5_000;

/**
 * Ends a server that outlived its gateway: whoever starts one owns the folder, so this one is nobody's. A pid file whose
 * process is another program by now (numbers begin anew in every container) is removed; PostgreSQL would believe it.
 */
export async function stopOrphan(data: string, signal: AbortSignal | undefined): Promise<void> {
	const pid = readPid(data);
	if (pid === undefined) return;
	const isGone = (): boolean => !runsOn(data, pid);
	if (isGone()) return rmSync(join(data, 'postmaster.pid'), { force: true });
	send(pid, 'SIGINT');
	if (await waited(isGone, FAST_MS, signal)) return;
	send(pid, 'SIGQUIT');
	if (await waited(isGone, QUICK_MS, signal)) return;
	throw new StartError('PC_STORE_START_FAILED', `Process ${pid} still runs on ${data} and does not end; end it first.`);
}

function send(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch {
		// It is gone, or not ours to end: what comes next tells.
	}
}

// The number is negative while PostgreSQL runs in single-user mode.
function readPid(data: string): number | undefined {
	const file = join(data, 'postmaster.pid');
	if (!existsSync(file)) return undefined;
	const pid = Math.abs(Number.parseInt(readFileSync(file, 'utf8'), 10));
	return pid > 0 ? pid : undefined;
}

function runsOn(data: string, pid: number): boolean {
	const words = commandLine(pid);
	return words.includes('postgres') && words.includes(data);
}

function commandLine(pid: number): string {
	try {
		if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
		return execFileSync('/bin/ps', ['-ww', '-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
	} catch {
		return '';
	}
}

async function waited(isDone: () => boolean, ms: number, signal: AbortSignal | undefined): Promise<boolean> {
	for (const deadline = Date.now() + ms; Date.now() < deadline; ) {
		if (isDone()) return true;
		await sleep(POLL_MS, undefined, { signal });
	}
	return isDone();
}
