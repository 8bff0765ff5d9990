import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A program that works for a while and ends. */
export interface Work {
	readonly command: string;
	readonly args: readonly string[];
	readonly cwd: string;
	/** Its whole environment. */
	readonly env: Readonly<Record<string, string>>;
	/** Ends the program and everything it started. */
	readonly signal?: AbortSignal | undefined;
}

/** How it ended. */
export interface WorkEnd {
	readonly code: number | null;
	/** Why it could not be started, such as `ENOENT`. */
	readonly startFault: string | undefined;
	/** The last part of what it wrote, at most 16 KiB. */
	readonly output: string;
}

const OUTPUT_CHARS = 16 * 1024;
const SETPRIV = '/usr/bin/setpriv';
const KILL_AFTER_MS = 2_000;

/** Runs a program to its end; on Linux it dies with us. Never rejects. */
export function runToEnd(work: Work): Promise<WorkEnd> {
	return new Promise((resolve) => {
		const [command, args] = tied(work);
		const child = spawn(command, args, {
			cwd: work.cwd,
			env: work.env,
			stdio: ['ignore', 'pipe', 'pipe'],
			detached: true,
			windowsHide: true,
		});
		let output = '';
		for (const stream of [child.stdout, child.stderr]) {
			stream.setEncoding('utf8').on('data', (text: string) => {
				output = (output + text).slice(-OUTPUT_CHARS);
			});
		}
		const stop = (): void => endGroup(child.pid);
		work.signal?.addEventListener('abort', stop, { once: true });
		if (work.signal?.aborted) stop();
		const finish = (end: Omit<WorkEnd, 'output'>): void => {
			work.signal?.removeEventListener('abort', stop);
			resolve({ ...end, output });
		};
		child.once('error', (error) => finish({ code: null, startFault: String((error as { code?: string }).code) }));
		child.once('close', (code) => finish({ code, startFault: undefined }));
	});
}

function tied({ command, args }: Work): [string, string[]] {
	if (process.platform !== 'linux' || !existsSync(SETPRIV)) return [command, [...args]];
	return [SETPRIV, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

function endGroup(pid: number | undefined): void {
	const send = (signal: NodeJS.Signals): void => {
		try {
			if (pid !== undefined) process.kill(-pid, signal);
		} catch {
			// Nobody is left in the group.
		}
	};
	send('SIGTERM');
	setTimeout(send, KILL_AFTER_MS, 'SIGKILL').unref();
}
