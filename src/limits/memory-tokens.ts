import { LRUCache } from 'lru-cache';
import { type BucketState, type LeaseTokens, leaseFrom } from '../lib/bucket.ts';

/** Buckets that are forgotten are full again, so they are many. */
const MAX_BUCKETS = 100_000;

/** Buckets in the memory of this process, for a gateway without a store. */
export function createMemoryTokens(now: () => number = Date.now): LeaseTokens {
	const states = new LRUCache<string, BucketState>({ max: MAX_BUCKETS });
	return async (workspaceId, holder, asks) =>
		asks.map((ask) => {
			const key = JSON.stringify([workspaceId, ask.key]);
			const { state, reply } = leaseFrom(states.get(key), ask, { holder, now: now() });
			states.set(key, state);
			return reply;
		});
}
