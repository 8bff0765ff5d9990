import type { EdgeLimits, UpstreamLimits } from './snapshot.ts';

/** Limits towards a server for which the file says nothing else. */
export const DEFAULT_UPSTREAM_LIMITS: UpstreamLimits = Object.freeze({
	connectMs: 3_000,
	startMs: 120_000,
	firstByteMs: 30_000,
	idleMs: 60_000,
	totalMs: 300_000,
	resultBytes: 10 * 1024 * 1024,
	frameBytes: 4 * 1024 * 1024,
	childIdleMs: 600_000,
	listAgeMs: 300_000,
	questionMs: 600_000,
	concurrency: 200,
});

/** Limits towards callers for which the file says nothing else. */
export const DEFAULT_EDGE_LIMITS: EdgeLimits = Object.freeze({
	bodyBytes: 1024 * 1024,
	jsonDepth: 64,
	jsonNodes: 20_000,
	batchMessages: 50,
	listDeadlineMs: 5_000,
	drainMs: 30_000,
	openApiCallMs: 285_000,
});

/** What the file may say at most. Depth and nodes bound the work one body can cause before anyone is asked for. */
export const HIGHEST_EDGE_LIMITS: EdgeLimits = Object.freeze({
	bodyBytes: 8 * 1024 * 1024,
	jsonDepth: 512,
	jsonNodes: 1_000_000,
	batchMessages: 1_000,
	listDeadlineMs: 300_000,
	drainMs: 3_600_000,
	openApiCallMs: 3_600_000,
});

/** What the file may allow at most, and what is more than anybody needs. */
export const HIGHEST_RATE = 1_000_000_000;

/** Timers of Node.js count in 32 bits and fire at once beyond that. */
export const HIGHEST_UPSTREAM_LIMIT = 2 ** 31 - 1;
