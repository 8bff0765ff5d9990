import type { GuardedLease } from './guarded-lease.ts';
import { askFor, returnFor, type Stock, takeIn } from './stock.ts';

/** Asks the store for tokens in rounds: within a workspace one question at a time, for all that is wanted by then. */
export interface LeaseRounds {
	/** Resolves when the store has been asked on behalf of this stock. Rejects with PC_LIMITS_UNAVAILABLE. */
	refill(stock: Stock): Promise<void>;
	/** Gives back what nobody uses; never rejects. */
	giveBack(stocks: Iterable<Stock>): Promise<void>;
}

interface Round {
	readonly wanted: Set<Stock>;
	readonly returned: Set<Stock>;
	readonly done: Promise<void>;
}

interface Place {
	/** The round that has not begun. */
	next: Round | undefined;
	/** The end of the one that has. */
	busy: Promise<unknown>;
}

/** What rounds are made of. */
export interface LeaseRoundsParts {
	readonly lease: GuardedLease;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
}

/** Rounds over one way to the store. */
export function createLeaseRounds(parts: LeaseRoundsParts): LeaseRounds {
	const places = new Map<string, Place>();

	function open(workspaceId: string): Round {
		const place = places.get(workspaceId) ?? { next: undefined, busy: Promise.resolve() };
		places.set(workspaceId, place);
		if (place.next !== undefined) return place.next;
		const begin = async (): Promise<void> => {
			place.next = undefined;
			await run(parts, workspaceId, round);
		};
		const done = place.busy.then(begin);
		const round: Round = { wanted: new Set(), returned: new Set(), done };
		const busy = done
			.catch(() => undefined)
			.then(() => {
				if (place.next === undefined && place.busy === busy) places.delete(workspaceId);
			});
		place.next = round;
		place.busy = busy;
		return round;
	}

	return {
		refill(stock) {
			const round = open(stock.workspaceId);
			round.wanted.add(stock);
			stock.isAsking = true;
			return round.done;
		},
		async giveBack(stocks) {
			const rounds = new Set<Round>();
			for (const stock of stocks) {
				const round = open(stock.workspaceId);
				round.returned.add(stock);
				rounds.add(round);
			}
			await Promise.allSettled(Array.from(rounds, ({ done }) => done));
		},
	};
}

async function run(parts: LeaseRoundsParts, workspaceId: string, { wanted, returned }: Round): Promise<void> {
	const { lease, steadyNow } = parts;
	const askedAt = steadyNow();
	const stocks = [...wanted];
	const gone = [...returned].filter((stock) => !wanted.has(stock));
	const asks = stocks.map((stock) => askFor(stock, askedAt));
	try {
		const { replies, isShared } = await lease(workspaceId, [
			...asks,
			...gone.map((stock) => returnFor(stock, askedAt)),
		]);
		const now = steadyNow();
		for (const [index, stock] of stocks.entries()) {
			const [ask, reply] = [asks[index], replies[index]];
			if (ask !== undefined && reply !== undefined) takeIn(stock, { ask, reply, isShared, askedAt, now });
		}
	} finally {
		for (const stock of stocks) stock.isAsking = false;
	}
}
