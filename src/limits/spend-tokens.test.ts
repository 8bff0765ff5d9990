import { afterEach, describe, expect, it } from 'vitest';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type BucketState, type LeaseAsk, type LeaseTokens, leaseFrom } from '../lib/bucket.ts';
import { createGuardedLease, type WithoutStore } from './guarded-lease.ts';
import { createSpending, type Spending } from './spend-tokens.ts';
import type { LimitKind, Price } from './stock.ts';

interface World {
	readonly spending: Spending;
	/** What the store was asked, in order. */
	readonly asked: (readonly LeaseAsk[])[];
	readonly limited: LimitKind[];
	readonly troubles: unknown[];
	isGone: boolean;
	now: number;
}

const opened: Spending[] = [];
afterEach(async () => {
	for (const spending of opened.splice(0)) await spending.close();
});

/** Spending over a store in this test, with a clock of its own. */
function open(withoutStore: WithoutStore = 'refuse', processes = 1): World {
	const states = new Map<string, BucketState>();
	const world = { asked: [], limited: [], troubles: [], isGone: false, now: 1_000_000 } as unknown as World;
	const tokens: LeaseTokens = async (workspaceId, holder, asks) => {
		(world.asked as (readonly LeaseAsk[])[]).push(asks);
		if (world.isGone) throw new PortcullisError('PC_STORE_UNAVAILABLE');
		return asks.map((ask) => {
			const key = `${workspaceId} ${ask.key}`;
			const { state, reply } = leaseFrom(states.get(key), ask, { holder, now: world.now });
			states.set(key, state);
			return reply;
		});
	};
	const steadyNow = (): number => world.now;
	const onTrouble = (error: unknown): void => void world.troubles.push(error);
	const lease = createGuardedLease({ tokens, holder: 'p', withoutStore, processes, steadyNow, onTrouble });
	const onLimited = (kind: LimitKind): void => void world.limited.push(kind);
	const spending = createSpending({ lease, steadyNow, onLimited });
	opened.push(spending);
	return Object.assign(world, { spending });
}

const price = (kind: LimitKind, limit: Price['limit'], of = ''): Price => ({ workspaceId: 'w', kind, of, limit });
const rate = (burst: number, perMinute = 1) => ({ burst, perMinute });

async function outcomeOf(spend: () => Promise<void> | undefined): Promise<string> {
	try {
		await spend();
		return 'spent';
	} catch (error) {
		return (error as PortcullisError).code;
	}
}

const LIMITED = 'PC_RATE_LIMITED';

describe('spending', () => {
	it('asks the store once for calls that come together, and not at all while there are tokens at hand', async () => {
		const world = open();
		const prices = [price('workspace', rate(1_000)), price('principal', rate(1_000), 'ann')];
		await Promise.all(Array.from({ length: 30 }, () => world.spending.spend(prices)));
		expect(world.asked).toHaveLength(1);
		expect(world.asked[0]?.map(({ key, least }) => [key.replace(/:.*/, ''), least])).toEqual([
			['workspace', 30],
			['principal', 30],
		]);
		const before = world.asked.length;
		for (let index = 0; index < 40; index++) expect(world.spending.spend(prices)).toBeUndefined();
		expect(world.asked).toHaveLength(before);
	});

	it('asks for more before it has none, and nobody waits for that', async () => {
		const world = open();
		const prices = [price('workspace', rate(1_000))];
		await world.spending.spend(prices);
		let waits = 0;
		for (let index = 0; index < 300; index++) {
			if (world.spending.spend(prices) !== undefined) waits++;
			await Promise.resolve();
			await new Promise(setImmediate);
		}
		expect(waits).toBe(0);
		expect(world.asked.length).toBeGreaterThan(2);
	});

	it('takes from all buckets or from none', async () => {
		const world = open();
		const both = [price('workspace', rate(9)), price('tool', rate(2), 's/t')];
		const codes: string[] = [];
		for (let index = 0; index < 6; index++) codes.push(await outcomeOf(() => world.spending.spend(both)));
		expect(codes).toEqual(['spent', 'spent', LIMITED, LIMITED, LIMITED, LIMITED]);
		expect(world.limited).toEqual(['tool', 'tool', 'tool', 'tool']);
		const left = [price('workspace', rate(9))];
		const rest = await Promise.all(Array.from({ length: 9 }, () => outcomeOf(() => world.spending.spend(left))));
		expect(rest.filter((code) => code === 'spent')).toHaveLength(7);
	});

	it('says when there will be a token, and asks the store seldom meanwhile', async () => {
		const world = open();
		const one = [price('workspace', rate(1, 6))];
		await world.spending.spend(one);
		world.now += 1_000;
		const refusal = await Promise.resolve(world.spending.spend(one)).catch((error: PortcullisError) => error.facts);
		expect(refusal).toMatchObject({ data: { limit: 'workspace', retry_after: 9 }, retryAfterSeconds: 9 });
		const before = world.asked.length;
		for (let index = 0; index < 50; index++)
			expect(await outcomeOf(async () => world.spending.spend(one))).toBe(LIMITED);
		expect(world.asked).toHaveLength(before);
		world.now += 9_000;
		expect(await outcomeOf(() => world.spending.spend(one))).toBe('spent');
	});

	it('keeps workspaces, persons and kinds apart', async () => {
		const world = open();
		const all: Price[] = [
			price('principal', rate(1), 'ann'),
			price('principal', rate(1), 'bob'),
			price('key', rate(1), 'ann'),
			price('principal-daily', 1, 'ann'),
			{ ...price('principal', rate(1), 'ann'), workspaceId: 'v' },
		];
		for (const each of all) expect(await outcomeOf(() => world.spending.spend([each]))).toBe('spent');
		for (const each of all) expect(await outcomeOf(async () => world.spending.spend([each]))).toBe(LIMITED);
	});

	it('goes by a limit that was changed from the next call on', async () => {
		const world = open();
		await world.spending.spend([price('workspace', rate(1_000))]);
		const codes: string[] = [];
		for (let index = 0; index < 5; index++) {
			codes.push(await outcomeOf(async () => world.spending.spend([price('workspace', rate(3))])));
		}
		expect(codes.filter((code) => code === 'spent').length).toBeLessThanOrEqual(3);
		expect(codes.at(-1)).toBe(LIMITED);
	});

	it('gives everything back when it ends', async () => {
		const world = open();
		await world.spending.spend([price('workspace', rate(1_000))]);
		await world.spending.close();
		expect(world.asked.at(-1)).toMatchObject([{ key: 'workspace', held: 0, returned: 99, least: 0, most: 0 }]);
	});
});

describe('spending without the store', () => {
	it('spends what it has, then refuses, and does not ask again for a while', async () => {
		const world = open();
		const prices = [price('workspace', rate(1_000))];
		await world.spending.spend(prices);
		world.isGone = true;
		const codes: string[] = [];
		for (let index = 0; index < 110; index++) codes.push(await outcomeOf(() => world.spending.spend(prices)));
		expect(codes.filter((code) => code === 'spent')).toHaveLength(99);
		expect(codes.at(-1)).toBe('PC_LIMITS_UNAVAILABLE');
		expect(world.troubles).toHaveLength(1);
		world.isGone = false;
		expect(await outcomeOf(() => world.spending.spend(prices))).toBe('PC_LIMITS_UNAVAILABLE');
		world.now += 500;
		expect(await outcomeOf(() => world.spending.spend(prices))).toBe('spent');
	});

	it('goes on with its part of the limit, where it is told to', async () => {
		const world = open('share', 3);
		world.isGone = true;
		const prices = [price('workspace', rate(30))];
		const codes: string[] = [];
		for (let index = 0; index < 15; index++) codes.push(await outcomeOf(async () => world.spending.spend(prices)));
		expect(codes.filter((code) => code === 'spent')).toHaveLength(10);
		expect(codes.at(-1)).toBe(LIMITED);
	});

	it('does not give the store what it allowed itself', async () => {
		const world = open('share', 1);
		world.isGone = true;
		await world.spending.spend([price('workspace', rate(1_000))]);
		world.isGone = false;
		world.now += 500;
		await world.spending.close();
		expect(world.asked.at(-1)).toMatchObject([{ held: 0, returned: 0 }]);
	});
});
