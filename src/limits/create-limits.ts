import { randomUUID } from 'node:crypto';
import type { Server, SnapshotSource } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { LeaseTokens } from '../lib/bucket.ts';
import type { Answer } from '../mcp/answer.ts';
import type { Call } from '../mcp/call.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Route } from '../router/route.ts';
import { createBulkhead } from './bulkhead.ts';
import { createGuardedLease, type WithoutStore } from './guarded-lease.ts';
import { createMemoryTokens } from './memory-tokens.ts';
import { isWork, pricesOf } from './prices-of.ts';
import { createSpending } from './spend-tokens.ts';

/** How limits are kept by several processes together. */
export interface Sharing {
	/** Buckets that all processes share; those of this process alone where it is absent. */
	readonly tokens?: LeaseTokens | undefined;
	/** `refuse` unless told. */
	readonly withoutStore?: WithoutStore;
	/** How many processes there are, where each goes on with its part while the store is gone. */
	readonly processes?: number;
}

/** What the limits stage is made of. */
export interface LimitsParts {
	readonly snapshots: SnapshotSource;
	readonly sharing: Sharing;
	readonly log: Log;
	readonly metrics: Metrics;
}

/** The limits stage. */
export interface Limits {
	/**
	 * Counts a call that was allowed; nothing to wait for where tokens are at hand. Throws or rejects with
	 * PC_RATE_LIMITED and PC_LIMITS_UNAVAILABLE.
	 */
	spend(principal: Principal, route: Route, call: Call): Promise<void> | undefined;
	/** Carries the call on while its server has room for it. Rejects with PC_SERVER_BUSY. */
	within(route: Route, call: Call, carryOn: () => Promise<Answer>): Promise<Answer>;
	/** Calls under way to servers. */
	inFlight(): number;
	/** Gives back what was not spent. */
	close(): Promise<void>;
}

/** How often a store that cannot be reached is told to the log at most, milliseconds. */
const TELL_MS = 10_000;

/** Assembles buckets and bulkheads over the current snapshot. */
export function createLimits({ snapshots, sharing, log, metrics }: LimitsParts): Limits {
	const steadyNow = (): number => performance.now();
	const { tokens = createMemoryTokens(), withoutStore = 'refuse', processes = 1 } = sharing;
	const onTrouble = createTelling(log, metrics);
	const lease = createGuardedLease({ tokens, holder: randomUUID(), withoutStore, processes, steadyNow, onTrouble });
	const spending = createSpending({ lease, steadyNow, onLimited: metrics.limited });
	const bulkhead = createBulkhead(() => metrics.limited('server'));
	const limitsOf = ({ workspace }: Server) => snapshots.current().workspaces.get(workspace)?.rateLimits;
	return {
		spend(principal, route, call) {
			if (!isWork(route, call)) return;
			const limits = limitsOf(route.server);
			if (limits === undefined) return;
			const prices = pricesOf(principal, route, limits);
			return prices.length === 0 ? undefined : spending.spend(prices);
		},
		within: (route, call, carryOn) => (isWork(route, call) ? bulkhead.within(route.server, carryOn) : carryOn()),
		inFlight: bulkhead.inFlight,
		close: spending.close,
	};
}

function createTelling(log: Log, metrics: Metrics): (error: unknown) => void {
	let toldAt = Number.NEGATIVE_INFINITY;
	return (error) => {
		metrics.rateStoreFailed();
		const now = performance.now();
		if (now - toldAt < TELL_MS) return;
		toldAt = now;
		log.error({ code: (error as { code?: unknown }).code }, 'the store of the limits cannot be reached');
	};
}
