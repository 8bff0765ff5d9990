import { type ChildProcess, fork, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadOrder, LoadReport, LoadResult } from './load-wire.ts';

const STOP_GRACE_MS = 10_000;

/** A child of the bench that listens on a port of 127.0.0.1. */
export interface ServerProcess {
	readonly pid: number;
	readonly port: number;
}

/** Everything the bench has started; `stop` ends it in reverse order. */
export interface Processes {
	/** Starts a node process and, for a server, waits for the line with its port. */
	startServer(args: readonly string[]): Promise<ServerProcess>;
	start(args: readonly string[], options: SpawnOptions): ChildProcess;
	startGenerator(script: string): (order: LoadOrder) => Promise<LoadResult>;
	/** Has something closed at the end. */
	onStop(close: () => Promise<void> | void): void;
	stop(): Promise<void>;
}

/** Asks a process to end, and ends it when it does not. */
async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exited = once(child, 'exit').then(() => true);
	child.kill('SIGTERM');
	if (!(await Promise.race([exited, sleep(STOP_GRACE_MS, false, { ref: false })]))) child.kill('SIGKILL');
	await exited;
}

async function readPort(child: ChildProcess): Promise<number> {
	if (!child.stdout) throw new Error('a server needs a pipe for its output');
	const lines = createInterface({ input: child.stdout });
	const died = once(child, 'exit').then(([code]) => {
		throw new Error(`${child.spawnargs.join(' ')} ended with ${code} before it listened`);
	});
	const [line] = (await Promise.race([once(lines, 'line'), died])) as [string];
	died.catch(() => undefined);
	return (JSON.parse(line) as { port: number }).port;
}

function takeOrders(generator: ChildProcess): (order: LoadOrder) => Promise<LoadResult> {
	return async (order) => {
		const settled = new AbortController();
		const { signal } = settled;
		const answered = once(generator, 'message', { signal }).then(([report]) => report as LoadReport);
		const died = once(generator, 'exit', { signal }).then(() => ({ error: 'the load generator died' }));
		generator.send(order);
		const report = await Promise.race([answered, died]);
		// Takes the other listener off; its promise rejects and nobody waits for it any more.
		Promise.allSettled([answered, died]);
		settled.abort();
		if ('error' in report) throw new Error(report.error);
		return report.result;
	};
}

/** Keeps track of the children of one bench run. */
export function createProcesses(): Processes {
	const closers: (() => Promise<void> | void)[] = [];

	function start(args: readonly string[], options: SpawnOptions): ChildProcess {
		const child = spawn(process.execPath, [...args], options);
		closers.push(() => end(child));
		return child;
	}

	return {
		start,
		async startServer(args) {
			// The children end when their stdin does, so that not even a killed bench leaves them behind.
			const child = start(args, { stdio: ['pipe', 'pipe', 'inherit'] });
			return { pid: child.pid ?? 0, port: await readPort(child) };
		},
		startGenerator(script) {
			const generator = fork(script, { execArgv: [], stdio: 'inherit' });
			closers.push(async () => {
				if (generator.connected) generator.disconnect();
				if (generator.exitCode === null) await Promise.race([once(generator, 'exit'), sleep(1_000)]);
				await end(generator);
			});
			return takeOrders(generator);
		},
		onStop: (close) => void closers.push(close),
		async stop() {
			for (const close of closers.splice(0).reverse()) await close();
		},
	};
}
