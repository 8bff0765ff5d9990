import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadOrder, LoadResult } from './load-wire.ts';

/** Linux counts CPU time in hundredths of a second on every platform Node supports. */
const MICROS_PER_TICK = 10_000;

/** The calls of one connection (or of one pipe); it keeps calling until stopped. */
export interface Load {
	start(): void;
	/** Resolves when the calls in flight have been answered. */
	stop(): Promise<void>;
	/** Rejects with the first call that failed. */
	readonly failed: Promise<never>;
}

/** A promise that only ever rejects, and the way to reject it. */
export function createFailure(): { readonly failed: Promise<never>; readonly fail: (error: Error) => void } {
	let fail: (error: Error) => void = () => undefined;
	const failed = new Promise<never>((_resolve, reject) => {
		fail = reject;
	});
	return { failed, fail };
}

/** Takes the latency of each call while a measurement runs. */
export interface Meter {
	record(latencyMs: number): void;
}

/** User and system CPU time of a process so far, in microseconds; undefined where /proc is missing. */
export function cpuMicros(pid: number): number | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
		// The second field is a program name in brackets, which may hold spaces.
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
	} catch {
		return undefined;
	}
}

/** Collects latencies and, between `open` and `close`, the CPU time of one process. */
export function createMeter(pid: number): Meter & { open(): void; close(): LoadResult } {
	const latencies = new Float64Array(1_000_000);
	let count = 0;
	let isOpen = false;
	let openedAt = 0;
	let cpuAtOpen: number | undefined;
	return {
		record(latencyMs) {
			if (!isOpen) return;
			latencies[count++] = latencyMs;
		},
		open() {
			isOpen = true;
			openedAt = performance.now();
			cpuAtOpen = cpuMicros(pid);
		},
		close() {
			isOpen = false;
			const elapsedMs = performance.now() - openedAt;
			const cpuAtClose = cpuMicros(pid);
			const sorted = latencies.subarray(0, count).sort();
			const cpu = cpuAtOpen === undefined || cpuAtClose === undefined ? undefined : cpuAtClose - cpuAtOpen;
			return {
				callsPerSecond: (count * 1000) / elapsedMs,
				p50Ms: sorted[Math.floor(count * 0.5)] ?? 0,
				p99Ms: sorted[Math.floor(count * 0.99)] ?? 0,
				cpuMicrosPerCall: cpu === undefined ? undefined : cpu / count,
			};
		},
	};
}

/** Runs the loads through warm-up and measurement; the first failed call fails the whole. */
export async function measure(
	meter: ReturnType<typeof createMeter>,
	loads: readonly Load[],
	{ warmUpMs, measureMs }: LoadOrder,
): Promise<LoadResult> {
	const failed = Promise.race(loads.map((load) => load.failed));
	for (const load of loads) load.start();
	await Promise.race([sleep(warmUpMs), failed]);
	meter.open();
	await Promise.race([sleep(measureMs), failed]);
	const result = meter.close();
	await Promise.race([Promise.all(loads.map((load) => load.stop())), failed]);
	return result;
}
