import * as z from 'zod';
import { isRecord } from './cross-faults.ts';
import { HIGHEST_RATE } from './limits.ts';
import type { RateLimit, RateLimits } from './snapshot.ts';
import { toolPathFault } from './text-rules.ts';

/** Limits of calls as the file writes them. */
export type RateLimitsEntry = z.output<ReturnType<typeof rateLimitsSchema>>;

const ALWAYS = { when: () => true };
const MINUTES_A_DAY = 1_440;
/** A burst is ten seconds' worth unless something else is said. */
const BURSTS_A_MINUTE = 6;

/** Limits of calls to the servers of a workspace. */
export function rateLimitsSchema() {
	return z.strictObject({
		workspace: rateLimit().exactOptional(),
		principal: rateLimit().exactOptional(),
		key: rateLimit().exactOptional(),
		tool: rateLimit().exactOptional(),
		tools: toolLimits().exactOptional(),
		daily: z.strictObject({ workspace: count().exactOptional(), principal: count().exactOptional() }).exactOptional(),
	});
}

function count() {
	return z.int().min(1).max(HIGHEST_RATE);
}

function rateLimit() {
	return z
		.strictObject({ perMinute: count(), burst: count().exactOptional() })
		.superRefine((limit: unknown, context) => {
			const { perMinute, burst } = isRecord(limit) ? limit : {};
			// A bucket that takes longer to fill could not be told from one that nobody uses any more.
			if (typeof perMinute !== 'number' || typeof burst !== 'number' || burst <= perMinute * MINUTES_A_DAY) return;
			context.addIssue({ code: 'custom', path: ['burst'], message: 'must be at most a day of perMinute' });
		}, ALWAYS);
}

function toolLimits() {
	return z.record(z.string(), rateLimit()).superRefine((entries: unknown, context) => {
		for (const path of isRecord(entries) ? Object.keys(entries) : []) {
			const message = toolPathFault(path);
			if (message !== undefined) context.addIssue({ code: 'custom', path: [path], message, params: { at: 'key' } });
		}
	}, ALWAYS);
}

/** The limits of a workspace: its own and, where it says nothing, those that hold for all; `undefined` where there are none. */
export function buildRateLimits(common: RateLimitsEntry, own: RateLimitsEntry): RateLimits | undefined {
	const { workspace, principal, key, tool } = { ...common, ...own };
	const tools = { ...common.tools, ...own.tools };
	const daily = { ...common.daily, ...own.daily };
	const all = [workspace, principal, key, tool, ...Object.values(tools), ...Object.values(daily)];
	if (all.every((limit) => limit === undefined)) return undefined;
	return {
		workspace: buildRateLimit(workspace),
		principal: buildRateLimit(principal),
		key: buildRateLimit(key),
		tool: buildRateLimit(tool),
		tools: new Map(Object.entries(tools).map(([path, limit]) => [path, buildRateLimit(limit)])),
		daily: { workspace: daily.workspace, principal: daily.principal },
	};
}

type RateEntry = NonNullable<RateLimitsEntry['workspace']>;

function buildRateLimit(entry: RateEntry): RateLimit;
function buildRateLimit(entry: RateEntry | undefined): RateLimit | undefined;
function buildRateLimit(entry: RateEntry | undefined): RateLimit | undefined {
	if (entry === undefined) return undefined;
	const { perMinute, burst = Math.ceil(perMinute / BURSTS_A_MINUTE) } = entry;
	return { perMinute, burst };
}
