import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../observe/log.ts';
import type { ProgramEnd } from './run-program.ts';
import type { RunningServer } from './start-server.ts';

/** What a server is kept running with. */
export interface KeepParts {
	/** The server that runs now. */
	readonly first: RunningServer;
	/** Starts another on the same data; rejects when it does not start, or the signal aborts. */
	start(signal: AbortSignal): Promise<RunningServer>;
	readonly log: Log | undefined;
}

/** What is left of a server that was killed goes within this time, mostly; the next one cannot start before. */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 30_000;
/** A server that ran so long did not die of its start. */
const STEADY_MS = 60_000;

/**
 * The same server for ever: one that ends unasked is started again, at once at first and ever less often when it keeps
 * ending. `exited` resolves after `stop` only.
 */
export function keepRunning({ first, start, log }: KeepParts): RunningServer {
	const stopping = new AbortController();
	const { signal } = stopping;
	let current = first;

	const startAgain = async (firstWaitMs: number): Promise<{ server: RunningServer; waitedMs: number } | undefined> => {
		for (let waitMs = firstWaitMs; !signal.aborted; waitMs = nextWait(waitMs)) {
			try {
				await sleep(waitMs, undefined, { signal });
				return { server: await start(signal), waitedMs: waitMs };
			} catch (error) {
				if (!signal.aborted) log?.warn({ reason: (error as Error).message }, 'the database does not start yet');
			}
		}
		return undefined;
	};
	const follow = async (): Promise<ProgramEnd> => {
		for (let waitMs = 0; ; ) {
			const startedAt = performance.now();
			const end = await current.exited;
			if (signal.aborted) return end;
			log?.error({ code: end.code, signal: end.signal }, 'the database ended; it is started again');
			const again = await startAgain(nextWait(performance.now() - startedAt > STEADY_MS ? 0 : waitMs));
			if (again === undefined) return end;
			current = again.server;
			waitMs = again.waitedMs;
			// Told to stop in the moment in which it became ready.
			if (signal.aborted) void current.stop();
			else log?.info('the database runs again');
		}
	};
	const exited = follow();
	return {
		get pid() {
			return current.pid;
		},
		exited,
		async stop() {
			stopping.abort();
			await current.stop();
			await exited;
		},
	};
}

const nextWait = (waitMs: number): number => Math.min(Math.max(waitMs * 2, FIRST_WAIT_MS), LONGEST_WAIT_MS);
