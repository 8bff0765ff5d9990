import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { LeaseAsk, LeaseReply, LeaseTokens } from '../lib/bucket.ts';
import { createMemoryTokens } from './memory-tokens.ts';

/** What happens to calls while the store of the buckets is gone and what was leased is spent. */
export type WithoutStore = 'refuse' | 'share';

/** What stands between this process and the store of the buckets. */
export interface GuardedLeaseParts {
	readonly tokens: LeaseTokens;
	/** Names this process among those that share the store. */
	readonly holder: string;
	readonly withoutStore: WithoutStore;
	/** Of how many processes this is one, where each goes on with its part of the limits. */
	readonly processes: number;
	readonly steadyNow: () => number;
	/** Told of each failure to lease. */
	onTrouble(error: unknown): void;
}

/** Replies in the order of the asks, and whether they come from the store. */
export interface Leased {
	readonly replies: readonly LeaseReply[];
	readonly isShared: boolean;
}

/** Leases within a limited time. Rejects with PC_LIMITS_UNAVAILABLE. */
export type GuardedLease = (workspaceId: string, asks: readonly LeaseAsk[]) => Promise<Leased>;

/** How long calls wait for the store, milliseconds. */
const PATIENCE_MS = 2_000;
/** How long a store that failed is left alone, milliseconds. */
const RETRY_MS = 500;
/** Questions that a silent store may owe the answer to, so that they do not use up all its connections. */
const MOST_PENDING = 4;

/** The store's leases; while it is gone a refusal, or leases of this process's own part of each limit. */
export function createGuardedLease(parts: GuardedLeaseParts): GuardedLease {
	const { tokens, holder, withoutStore, processes, steadyNow, onTrouble } = parts;
	const alone = createMemoryTokens();
	let goneUntil = Number.NEGATIVE_INFINITY;
	let overdue = 0;
	const askStore = async (workspaceId: string, asks: readonly LeaseAsk[]): Promise<readonly LeaseReply[]> => {
		const asked = tokens(workspaceId, holder, asks);
		const settle = (): void => void overdue--;
		const onLate = (): void => {
			overdue++;
			void asked.then(settle, settle);
		};
		return within(asked, onLate);
	};
	return async (workspaceId, asks) => {
		let cause: unknown;
		if (steadyNow() >= goneUntil && overdue < MOST_PENDING) {
			try {
				return { replies: await askStore(workspaceId, asks), isShared: true };
			} catch (error) {
				cause = error;
				onTrouble(error);
				// Anything else is the trouble of one workspace, such as one that was just deleted.
				if (errorCode(error) === 'PC_STORE_UNAVAILABLE') goneUntil = steadyNow() + RETRY_MS;
			}
		}
		if (withoutStore === 'refuse') throw new PortcullisError('PC_LIMITS_UNAVAILABLE', {}, { cause });
		return { replies: await alone(workspaceId, holder, asks.map(partOf(processes))), isShared: false };
	};
}

function partOf(processes: number): (ask: LeaseAsk) => LeaseAsk {
	return ({ shape: { capacity, perMs }, ...ask }) => {
		return { ...ask, shape: { capacity: capacity / processes, perMs: perMs / processes } };
	};
}

async function within<T>(answer: Promise<T>, onLate: () => void): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => {
			onLate();
			reject(new PortcullisError('PC_STORE_UNAVAILABLE', { detail: 'the store of the limits is silent' }));
		}, PATIENCE_MS);
	});
	try {
		return await Promise.race([answer, late]);
	} finally {
		clearTimeout(timer);
	}
}
