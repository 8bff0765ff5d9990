/** How much a bucket of tokens holds, and how fast it fills. */
export interface BucketShape {
	/** Most tokens it holds. */
	readonly capacity: number;
	/** Tokens that come back in a millisecond; 0: it is filled anew at each midnight UTC instead. */
	readonly perMs: number;
}

/** What is left of a bucket that several processes share. */
export interface BucketState {
	readonly tokens: number;
	/** When that was so, milliseconds since 1970. */
	readonly at: number;
	/** What processes hold of it, and until when, by process. */
	readonly leases: Readonly<Record<string, Lease>>;
}

type Lease = readonly [tokens: number, until: number];

/** What a process wants of one bucket. */
export interface LeaseAsk {
	/** Names the bucket within its workspace. */
	readonly key: string;
	readonly shape: BucketShape;
	/** Tokens of earlier leases that it has not spent and keeps. */
	readonly held: number;
	/** Tokens of earlier leases that it gives back. */
	readonly returned: number;
	/** Tokens for which calls are waiting: they are spent as soon as they are there. */
	readonly least: number;
	/** Most tokens it would like to have in stock. */
	readonly most: number;
}

/** What a process gets of one bucket. */
export interface LeaseReply {
	readonly granted: number;
	/** How long what it holds may be spent, milliseconds from when it asked. */
	readonly validMs: number;
	/** How long until there is a token, milliseconds; 0 when there was what was wanted. */
	readonly waitMs: number;
}

/**
 * Leases tokens of buckets of one workspace to a process, all at one moment; the replies are in the order of the asks.
 * Rejects with PC_STORE_UNAVAILABLE where the buckets are out of reach.
 */
export type LeaseTokens = (
	workspaceId: string,
	holder: string,
	asks: readonly LeaseAsk[],
) => Promise<readonly LeaseReply[]>;

/** How long a lease lasts without a word of its process, milliseconds. */
export const LEASE_MS = 20_000;
/** Of what there is no lease takes more than this part into stock: the fuller stocks are, the fewer others find. */
const STOCK_SHARE = 4;
const DAY_MS = 86_400_000;
/** Sums of fractions fall short of whole tokens. */
const CRUMB = 1e-6;

/**
 * One lease. A bucket is filled to its capacity less what is out on lease, so that what it holds and what processes hold
 * never come to more than the capacity: in no span of time are more tokens spent than `capacity + perMs × span`. No
 * state is a full bucket.
 */
export function leaseFrom(
	state: BucketState | undefined,
	ask: LeaseAsk,
	{ holder, now }: { readonly holder: string; readonly now: number },
): { readonly state: BucketState; readonly reply: LeaseReply } {
	const { capacity, perMs } = ask.shape;
	// A clock that was set back gives nothing a second time.
	const at = Math.max(now, state?.at ?? now);
	const isNew = state === undefined || (perMs === 0 && endOfDay(state.at) <= at);
	const leases = isNew ? {} : liveLeases(state.leases, at);
	const out = heldIn(leases);
	const others = out - (leases[holder]?.[0] ?? 0);
	const filled = isNew ? capacity : Math.min(state.tokens + (at - state.at) * perMs, capacity - out);
	const level = Math.max(0, Math.min(filled + ask.returned, capacity - others - ask.held));
	const granted = grantOf(Math.floor(level + CRUMB), ask);
	const tokens = Math.max(0, level - granted);
	const until = perMs === 0 ? Math.min(at + LEASE_MS, endOfDay(at)) : at + LEASE_MS;
	// What calls were waiting for is spent at once.
	const stock = ask.held + Math.max(0, granted - ask.least);
	const { [holder]: _, ...rest } = leases;
	const enough = granted >= Math.max(1, ask.least) || ask.most + ask.least === 0;
	return {
		state: { tokens, at, leases: stock > 0 ? { ...rest, [holder]: [stock, until] } : rest },
		reply: { granted, validMs: until - at, waitMs: enough ? 0 : waitOf(tokens, ask.shape, at) },
	};
}

function grantOf(available: number, { least, most }: LeaseAsk): number {
	const stock = Math.min(most, Math.floor(available / STOCK_SHARE));
	return Math.min(available, Math.max(least, stock));
}

function waitOf(tokens: number, { perMs }: BucketShape, at: number): number {
	return Math.ceil(perMs === 0 ? endOfDay(at) - at : Math.max(0, 1 - tokens) / perMs);
}

function liveLeases(leases: BucketState['leases'], at: number): BucketState['leases'] {
	return Object.fromEntries(Object.entries(leases).filter(([, [, until]]) => until > at));
}

function heldIn(leases: BucketState['leases']): number {
	return Object.values(leases).reduce((sum, [tokens]) => sum + tokens, 0);
}

function endOfDay(at: number): number {
	return (Math.floor(at / DAY_MS) + 1) * DAY_MS;
}
