import { type BucketState, type LeaseAsk, type LeaseReply, type LeaseTokens, leaseFrom } from '../lib/bucket.ts';
import { type BucketRow, dropIdleBuckets, lockBuckets, makeBuckets, writeBuckets } from './queries/rate-bucket.ts';
import type { Store } from './store.ts';
import type { WorkspaceTx } from './tx.ts';

const REASON = 'lease-tokens';
/** How often the buckets of one workspace are looked through for idle ones, milliseconds. */
const TIDY_MS = 3_600_000;

/** Buckets in the database, by its clock. Rejects as `WithWorkspace` does. */
export function createStoredTokens(store: Pick<Store, 'withWorkspace'>): LeaseTokens {
	const tidied = new Map<string, number>();
	return (workspaceId, holder, asks) =>
		store.withWorkspace(workspaceId, REASON, async (tx) => {
			const replies = await leaseAll(tx, holder, asks);
			const now = performance.now();
			const last = tidied.get(workspaceId) ?? Number.NEGATIVE_INFINITY;
			if (now - last >= TIDY_MS) {
				tidied.set(workspaceId, now);
				await dropIdleBuckets(tx);
			}
			return replies;
		});
}

async function leaseAll(tx: WorkspaceTx, holder: string, asks: readonly LeaseAsk[]): Promise<readonly LeaseReply[]> {
	const keys = [...new Set(asks.map(({ key }) => key))];
	let locked = await lockBuckets(tx, keys);
	const missing = asks.filter(({ key }) => !locked.rows.some((row) => row.key === key));
	if (missing.length > 0) {
		const full = new Map(missing.map(({ key, shape }) => [key, { tokens: shape.capacity, at: locked.now }]));
		await makeBuckets(
			tx,
			Array.from(full, ([key, made]) => ({ key, ...made, leases: {} })),
		);
		locked = await lockBuckets(tx, keys);
	}
	const states = new Map<string, BucketState>(locked.rows.map((row) => [row.key, row]));
	const replies = asks.map((ask) => {
		const { state, reply } = leaseFrom(states.get(ask.key), ask, { holder, now: locked.now });
		states.set(ask.key, state);
		return reply;
	});
	const written = Array.from(states, ([key, { tokens, at, leases }]): BucketRow => ({ key, tokens, at, leases }));
	await writeBuckets(tx, written);
	return replies;
}
