import { createHash } from 'node:crypto';
import type { RateLimit } from '../config/snapshot.ts';
import type { BucketShape, LeaseAsk, LeaseReply } from '../lib/bucket.ts';

/** What a limit counts; the words that callers and metrics see. */
export type LimitKind = 'workspace' | 'principal' | 'key' | 'tool' | 'workspace-daily' | 'principal-daily';

/** One bucket that a call takes a token from. */
export interface Price {
	readonly workspaceId: string;
	readonly kind: LimitKind;
	/** Whose bucket it is within the workspace; empty where there is one of the kind. */
	readonly of: string;
	/** Calls in a minute, or a number of calls a day. */
	readonly limit: RateLimit | number;
}

/** What this process holds of one bucket. It changes with every call; times are on the steady clock. */
export interface Stock {
	readonly workspaceId: string;
	readonly kind: LimitKind;
	/** Names the bucket in the store. */
	readonly key: string;
	limit: Price['limit'];
	shape: BucketShape;
	tokens: number;
	/** When the tokens are void. */
	until: number;
	/** Whether the tokens come from the store that all processes share, and go back there. */
	isShared: boolean;
	/** Whether the store may still count something as ours. */
	isLeased: boolean;
	/** Calls that wait for a token. */
	waiting: number;
	/** Whether more is being asked for. */
	isAsking: boolean;
	/** Until when there is no use in asking. */
	emptyUntil: number;
	/** When there should be a token again. */
	tokenAt: number;
	usedAt: number;
}

/** A small limit is asked for call by call; of a larger one this part of it is kept at hand. */
const AT_HAND = 10;
/** Tokens that are void soon are asked for again while there are some, milliseconds. */
const RENEW_MS = 5_000;
/** How long an empty bucket is believed to be empty at most, milliseconds: another process may give tokens back. */
const EMPTY_MS = 100;

/** Nothing is at hand yet. */
export function createStock({ workspaceId, kind, of, limit }: Price): Stock {
	const never = Number.NEGATIVE_INFINITY;
	return {
		...{ workspaceId, kind, key: keyOf(kind, of), limit, shape: shapeOf(limit), tokens: 0, until: never },
		...{ isShared: true, isLeased: false, waiting: 0, isAsking: false },
		...{ emptyUntil: never, tokenAt: never, usedAt: never },
	};
}

/** What a server may call a tool, and what a store takes as a key, are two things. */
const PLAIN = /^[!-~]{1,200}$/;

// Keys of the store are short, and say of a person no more than is needed to tell them from others.
function keyOf(kind: LimitKind, of: string): string {
	if (of === '') return kind;
	const isShown = kind === 'tool' && PLAIN.test(of) && !of.startsWith('#');
	return `${kind}:${isShown ? of : `#${createHash('sha256').update(of).digest('base64url')}`}`;
}

function shapeOf(limit: Price['limit']): BucketShape {
	if (typeof limit === 'number') return { capacity: limit, perMs: 0 };
	return { capacity: limit.burst, perMs: limit.perMinute / 60_000 };
}

/** A limit that was changed holds from the next call on. */
export function fitStock(stock: Stock, limit: Price['limit']): void {
	if (stock.limit === limit) return;
	stock.limit = limit;
	stock.shape = shapeOf(limit);
	stock.tokens = Math.min(stock.tokens, mostOf(stock));
	stock.emptyUntil = Number.NEGATIVE_INFINITY;
}

/** Tokens at hand that may be spent now. */
export function tokensIn(stock: Stock, now: number): number {
	return now < stock.until ? stock.tokens : 0;
}

/** Whether it is time to ask for more, before calls have to wait for it. */
export function isLow(stock: Stock, now: number): boolean {
	const most = mostOf(stock);
	if (stock.isAsking || most < 2 || now < stock.emptyUntil) return false;
	// By the day everything is void at midnight: nothing that is asked for before lasts longer.
	const isEnding = stock.shape.perMs > 0 && stock.until - now < RENEW_MS;
	return isEnding || tokensIn(stock, now) * 2 < most;
}

/** What to ask the store for. Those that wait are counted as asked for. */
export function askFor(stock: Stock, now: number): LeaseAsk {
	const { key, shape, waiting } = stock;
	const held = tokensIn(stock, now);
	stock.waiting = 0;
	return { key, shape, held, returned: 0, least: Math.max(0, waiting - held), most: Math.max(0, mostOf(stock) - held) };
}

/** What to tell the store of a stock that nobody uses. */
export function returnFor(stock: Stock, now: number): LeaseAsk {
	const { key, shape } = stock;
	const returned = stock.isShared ? tokensIn(stock, now) : 0;
	stock.tokens = 0;
	stock.isLeased = false;
	return { key, shape, held: 0, returned, least: 0, most: 0 };
}

/** A reply as it is taken up. */
export interface Delivery {
	readonly ask: LeaseAsk;
	readonly reply: LeaseReply;
	/** Whether the store replied, or this process by itself. */
	readonly isShared: boolean;
	readonly askedAt: number;
	readonly now: number;
}

/** Puts what was granted into the stock. */
export function takeIn(stock: Stock, { ask, reply, isShared, askedAt, now }: Delivery): void {
	// What the process allowed itself while the store was gone is not the store's to count.
	const kept = stock.isShared || !isShared ? tokensIn(stock, now) : 0;
	stock.tokens = kept + reply.granted;
	stock.until = askedAt + reply.validMs;
	stock.isShared = isShared;
	stock.isLeased = true;
	if (reply.granted >= ask.least && reply.granted > 0) return;
	stock.tokenAt = now + reply.waitMs;
	stock.emptyUntil = now + Math.min(EMPTY_MS, reply.waitMs);
}

function mostOf({ shape }: Stock): number {
	return Math.max(1, Math.floor(shape.capacity / AT_HAND));
}
