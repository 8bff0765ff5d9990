import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';

const STOP_GRACE_MS = 2_000;
const EXIT_FLUSH_MS = 100;
const STDERR_RING_CHARS = 64 * 1024;
/** What a launcher ends with when the program cannot be run or is not there (POSIX shell conventions). */
const NOT_STARTED: ReadonlySet<number> = new Set([126, 127]);
const SETPRIV = '/usr/bin/setpriv';

/** A program to run: no shell, exact environment. */
export interface ChildSpec {
	readonly command: string;
	readonly args: readonly string[];
	readonly cwd: string | undefined;
	/** The whole environment of the child. */
	readonly env: Readonly<Record<string, string>>;
	/** Longest line taken from stdout, bytes. */
	readonly lineBytes: number;
}

/** What the child tells its owner. */
export interface ChildEvents {
	/** One complete line of stdout. */
	onLine(line: string): void;
	/** The child has ended, or its stdout broke the line limit and it is being ended; called once. */
	onExit(reason: ChildExit): void;
}

/** Why a child ended. */
export interface ChildExit {
	readonly kind: 'exited' | 'not-started' | 'line-too-long';
	/** Exit code or signal, for the log. */
	readonly detail: string;
}

/** A running child process, leader of its own process group. */
export interface StdioChild {
	readonly pid: number | undefined;
	/** Writes one line to stdin; `false` when the child is gone. */
	writeLine(line: string): boolean;
	/** Last part of what the child wrote to stderr, at most 64 KiB. */
	stderrTail(): string;
	/** Ends the whole process group: stdin closed, SIGTERM, then SIGKILL after 2 s. Resolves when it is gone. */
	stop(): Promise<void>;
}

/** Starts the child. On Linux its death is also tied to ours, so that even a killed gateway leaves no child. */
export function startStdioChild(spec: ChildSpec, events: ChildEvents): StdioChild {
	const [command, args] = tiedToParent(spec);
	const child = spawn(command, args, {
		cwd: spec.cwd,
		env: spec.env,
		stdio: ['pipe', 'pipe', 'pipe'],
		detached: true,
		windowsHide: true,
	});
	const gone = watchExit(child, events);
	const stderr = createRing(STDERR_RING_CHARS);
	child.stderr?.setEncoding('utf8').on('data', stderr.add);
	child.stdin?.on('error', () => undefined);
	readLines(child, spec.lineBytes, events.onLine, () => {
		gone.report({ kind: 'line-too-long', detail: `a line of more than ${spec.lineBytes} bytes` });
		signalGroup(child, 'SIGKILL');
	});
	return {
		pid: child.pid,
		writeLine(line) {
			if (gone.happened() || child.stdin?.writable !== true) return false;
			writeTogether(child.stdin, `${line}\n`);
			return true;
		},
		stderrTail: stderr.text,
		stop: () => stopGroup(child, gone.whenGone),
	};
}

// Lines of calls that go on at the same time leave in one write.
function writeTogether(stdin: Writable, text: string): void {
	if (stdin.writableCorked === 0) {
		stdin.cork();
		process.nextTick(() => stdin.uncork());
	}
	stdin.write(text);
}

function tiedToParent(spec: ChildSpec): [string, string[]] {
	if (process.platform !== 'linux' || !existsSync(SETPRIV)) return [spec.command, [...spec.args]];
	return [SETPRIV, ['--pdeathsig', 'KILL', '--', spec.command, ...spec.args]];
}

interface ExitWatch {
	readonly whenGone: Promise<void>;
	happened(): boolean;
	report(reason: ChildExit): void;
}

function watchExit(child: ChildProcess, events: ChildEvents): ExitWatch {
	let reported = false;
	const report = (reason: ChildExit): void => {
		if (reported) return;
		reported = true;
		events.onExit(reason);
	};
	const whenGone = new Promise<void>((resolve) => {
		const finish = (reason: ChildExit): void => {
			// Grandchildren that outlived their parent still stand in its group.
			signalGroup(child, 'SIGKILL');
			report(reason);
			resolve();
		};
		child.once('error', (error) => finish({ kind: 'not-started', detail: String((error as { code?: string }).code) }));
		child.once('exit', (code, signal) => {
			const kind = code !== null && NOT_STARTED.has(code) ? 'not-started' : 'exited';
			const reason: ChildExit = { kind, detail: signal ?? `exit code ${code}` };
			// Lines written just before the end may still be on their way, but a grandchild may hold the pipe for ever.
			const timer = setTimeout(finish, EXIT_FLUSH_MS, reason);
			child.once('close', () => {
				clearTimeout(timer);
				finish(reason);
			});
		});
	});
	return { whenGone, happened: () => reported, report };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
	if (child.pid === undefined) return;
	try {
		process.kill(-child.pid, signal);
	} catch {
		// Nobody is left in the group.
	}
}

async function stopGroup(child: ChildProcess, whenGone: Promise<void>): Promise<void> {
	child.stdin?.end();
	signalGroup(child, 'SIGTERM');
	const timer = setTimeout(signalGroup, STOP_GRACE_MS, child, 'SIGKILL');
	await whenGone;
	clearTimeout(timer);
}

function readLines(
	child: ChildProcess,
	lineBytes: number,
	onLine: (line: string) => void,
	onTooLong: () => void,
): void {
	let parts: Buffer[] = [];
	let size = 0;
	let broken = false;
	const giveUp = (): void => {
		broken = true;
		parts = [];
		onTooLong();
	};
	child.stdout?.on('data', (chunk: Buffer) => {
		if (broken) return;
		let start = 0;
		for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
			const line =
				parts.length === 0 ? chunk.subarray(start, end) : Buffer.concat([...parts, chunk.subarray(start, end)]);
			parts = [];
			size = 0;
			start = end + 1;
			if (line.length > lineBytes) return giveUp();
			onLine(line.toString('utf8'));
		}
		if (start === chunk.length) return;
		parts.push(chunk.subarray(start));
		size += chunk.length - start;
		if (size > lineBytes) giveUp();
	});
}

function createRing(maxChars: number): { add(text: string): void; text(): string } {
	let kept = '';
	return {
		add(text) {
			kept = (kept + text).slice(-maxChars);
		},
		text: () => kept,
	};
}
