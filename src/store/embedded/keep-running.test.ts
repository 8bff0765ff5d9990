import { describe, expect, it } from 'vitest';
import { keepRunning } from './keep-running.ts';
import type { ProgramEnd } from './run-program.ts';
import type { RunningServer } from './start-server.ts';

/** A server that ends when it is told to, or dies. */
function createServer(pid: number): RunningServer & { die(): void } {
	let end: (how: ProgramEnd) => void = () => undefined;
	const exited = new Promise<ProgramEnd>((resolve) => {
		end = resolve;
	});
	return {
		pid,
		exited,
		async stop() {
			end({ code: 0, signal: null, output: '' });
		},
		die: () => end({ code: null, signal: 'SIGKILL', output: '' }),
	};
}

describe('a server that is kept running', () => {
	it('is another one after a death, and ends for good when it is stopped', async () => {
		const [first, second] = [createServer(1), createServer(2)];
		const kept = keepRunning({ first, start: async () => second, log: undefined });
		expect(kept.pid).toBe(1);
		first.die();
		await expect.poll(() => kept.pid).toBe(2);
		await kept.stop();
		expect(await kept.exited).toMatchObject({ code: 0 });
		expect(await second.exited).toMatchObject({ code: 0 });
	});

	it('is started ever less often when it keeps ending, or does not start', async () => {
		const first = createServer(1);
		const starts: number[] = [performance.now()];
		const start = async (): Promise<RunningServer> => {
			starts.push(performance.now());
			if (starts.length % 2 === 0) throw new Error('not yet');
			const next = createServer(starts.length);
			next.die();
			return next;
		};
		const kept = keepRunning({ first, start, log: undefined });
		first.die();
		await expect.poll(() => starts.length, { timeout: 10_000 }).toBeGreaterThan(5);
		await kept.stop();
		const waits = starts.slice(1, 6).map((at, index) => at - starts[index]!);
		for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThan(45 * 2 ** index);
		const count = starts.length;
		await kept.exited;
		expect(starts.length).toBe(count);
	});

	it('is not started again by a start that was under way when it was stopped', async () => {
		const [first, second] = [createServer(1), createServer(2)];
		let begun = (): void => undefined;
		const begins = new Promise<void>((resolve) => {
			begun = resolve;
		});
		let ready: (server: RunningServer) => void = () => undefined;
		const start = (): Promise<RunningServer> => {
			begun();
			return new Promise((resolve) => {
				ready = resolve;
			});
		};
		const kept = keepRunning({ first, start, log: undefined });
		first.die();
		await begins;
		const stopped = kept.stop();
		ready(second);
		await stopped;
		expect(await second.exited).toMatchObject({ code: 0 });
	});
});
