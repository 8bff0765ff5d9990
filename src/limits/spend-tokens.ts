import { LRUCache } from 'lru-cache';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { GuardedLease } from './guarded-lease.ts';
import { createLeaseRounds } from './lease-rounds.ts';
import { createStock, fitStock, isLow, type LimitKind, type Price, type Stock, tokensIn } from './stock.ts';

/** What spending is made of. */
export interface SpendingParts {
	readonly lease: GuardedLease;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
	/** Told which limit refused a call. */
	onLimited(kind: LimitKind): void;
}

/** Tokens of all buckets, as far as this process has them. */
export interface Spending {
	/**
	 * Takes one token from each bucket or none from any: at once where they are at hand, otherwise a promise. Throws or
	 * rejects with PC_RATE_LIMITED or PC_LIMITS_UNAVAILABLE.
	 */
	spend(prices: readonly Price[]): Promise<void> | undefined;
	/** Gives everything back, as far as the store can be reached. */
	close(): Promise<void>;
}

/** Buckets of which this process remembers what it holds. */
const MAX_STOCKS = 20_000;
/** Tokens that nobody has wanted for this long go back, milliseconds. */
const IDLE_MS = 5_000;
const SWEEP_MS = 1_000;
/** How often a call waits for the store: others may take what it was waiting for. */
const ROUNDS = 5;

/** Nothing is at hand yet; the first call of each bucket asks the store. */
export function createSpending({ lease, steadyNow, onLimited }: SpendingParts): Spending {
	const rounds = createLeaseRounds({ lease, steadyNow });
	const stocks = new LRUCache<string, Stock>({
		max: MAX_STOCKS,
		dispose: (stock, _, reason) => void (reason === 'evict' && rounds.giveBack([stock])),
	});
	const sweep = setInterval(() => {
		const idle = idleIn(stocks, steadyNow() - IDLE_MS);
		if (idle.length > 0) void rounds.giveBack(idle);
	}, SWEEP_MS).unref();

	function takeAll(wanted: readonly Stock[], now: number): void {
		for (const stock of wanted) {
			stock.tokens -= 1;
			// What fails here is told to the call that has to wait.
			if (isLow(stock, now)) rounds.refill(stock).catch(() => undefined);
		}
	}

	async function spendLater(wanted: readonly Stock[]): Promise<void> {
		let lacking = lackingIn(wanted, steadyNow());
		for (let round = 0; round < ROUNDS && lacking.length > 0; round++) {
			await Promise.all(
				lacking.map((stock) => {
					stock.waiting += 1;
					return rounds.refill(stock);
				}),
			);
			const now = steadyNow();
			lacking = lackingIn(wanted, now);
			refuseEmpty(lacking, { now, onLimited });
		}
		const [first] = lacking;
		if (first === undefined) return takeAll(wanted, steadyNow());
		onLimited(first.kind);
		throw limited(first, steadyNow());
	}

	return {
		spend(prices) {
			const now = steadyNow();
			const wanted = prices.map((price) => stockFor(stocks, price, now));
			const lacking = lackingIn(wanted, now);
			refuseEmpty(lacking, { now, onLimited });
			if (lacking.length > 0) return spendLater(wanted);
			takeAll(wanted, now);
		},
		async close() {
			clearInterval(sweep);
			await rounds.giveBack([...stocks.values()].filter(({ isLeased }) => isLeased));
		},
	};
}

function stockFor(stocks: LRUCache<string, Stock>, price: Price, now: number): Stock {
	const key = `${price.workspaceId} ${price.kind} ${price.of}`;
	const known = stocks.get(key);
	const stock = known ?? createStock(price);
	if (known === undefined) stocks.set(key, stock);
	fitStock(stock, price.limit);
	stock.usedAt = now;
	return stock;
}

interface Refusing extends Pick<SpendingParts, 'onLimited'> {
	readonly now: number;
}

function refuseEmpty(lacking: readonly Stock[], { now, onLimited }: Refusing): void {
	const empty = lacking.find(({ emptyUntil }) => now < emptyUntil);
	if (empty === undefined) return;
	onLimited(empty.kind);
	throw limited(empty, now);
}

function lackingIn(wanted: readonly Stock[], now: number): readonly Stock[] {
	return wanted.filter((stock) => tokensIn(stock, now) < 1);
}

// The cache knows the order in which stocks were used.
function idleIn(stocks: LRUCache<string, Stock>, before: number): readonly Stock[] {
	const idle: Stock[] = [];
	for (const stock of stocks.rvalues()) {
		if (stock === undefined || stock.usedAt > before) break;
		if (stock.isLeased && !stock.isAsking) idle.push(stock);
	}
	return idle;
}

function limited({ kind, tokenAt }: Stock, now: number): PortcullisError {
	const seconds = Math.max(1, Math.ceil((tokenAt - now) / 1_000));
	const data = { limit: kind, retry_after: seconds };
	return new PortcullisError('PC_RATE_LIMITED', { data, detail: kind, retryAfterSeconds: seconds });
}
