import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketShape, type BucketState, LEASE_MS, type LeaseAsk, leaseFrom } from './bucket.ts';

const askOf = (shape: BucketShape, parts: Partial<LeaseAsk>): LeaseAsk => {
	return { key: 'k', shape, held: 0, returned: 0, least: 0, most: 0, ...parts };
};

/** Processes at one bucket, each with what it holds and until when. */
function world(shape: BucketShape, start = 0) {
	const held = new Map<string, { tokens: number; until: number }>();
	let state: BucketState | undefined;
	let now = start;
	const holds = (holder: string): number => {
		const own = held.get(holder);
		return own !== undefined && own.until > now ? own.tokens : 0;
	};
	const ask = (holder: string, parts: Partial<LeaseAsk>) => {
		const kept = holds(holder) - (parts.returned ?? 0);
		const leased = leaseFrom(state, askOf(shape, { held: kept, ...parts }), { holder, now });
		state = leased.state;
		const { granted, validMs } = leased.reply;
		const spent = Math.min(granted, parts.least ?? 0);
		held.set(holder, { tokens: kept + granted - spent, until: now + validMs });
		return { ...leased.reply, spent };
	};
	return {
		ask,
		holds,
		spend(holder: string, wanted: number): number {
			const spent = Math.min(wanted, holds(holder));
			held.set(holder, { tokens: holds(holder) - spent, until: held.get(holder)?.until ?? 0 });
			return spent;
		},
		pass(ms: number) {
			now += ms;
		},
		now: () => now,
	};
}

const HOLDER = fc.constantFrom('a', 'b', 'c');
const COUNT = fc.integer({ min: 1, max: 16 });
const STEP = fc.oneof(
	fc.record({ kind: fc.constantFrom('call', 'call', 'stock', 'spend', 'return'), holder: HOLDER, count: COUNT }),
	fc.record({
		kind: fc.constant('pass'),
		holder: HOLDER,
		count: fc.constantFrom(500, 4_000, 0.6 * LEASE_MS, LEASE_MS - 1, LEASE_MS, 3 * LEASE_MS),
	}),
);
const CAPACITY = fc.integer({ min: 4, max: 16 });
const RUNS = { numRuns: 3_000 };

function play(at: ReturnType<typeof world>, { kind, holder, count }: { kind: string; holder: string; count: number }) {
	if (kind === 'pass') at.pass(count);
	if (kind === 'call') return at.ask(holder, { least: count }).spent;
	if (kind === 'stock') at.ask(holder, { most: count });
	if (kind === 'return') at.ask(holder, { held: 0, returned: at.holds(holder) });
	return kind === 'spend' ? at.spend(holder, count) : 0;
}

describe('a bucket that processes share', () => {
	it('lets no span of time pass more than burst and rate allow, whatever processes hoard, spend, return or forget', () => {
		fc.assert(
			fc.property(
				CAPACITY,
				fc.integer({ min: 1, max: 600 }),
				fc.array(STEP, { maxLength: 40 }),
				(capacity, perMinute, steps) => {
					const perMs = perMinute / 60_000;
					const at = world({ capacity, perMs });
					const spent: { at: number; count: number }[] = [];
					for (const step of steps) spent.push({ count: play(at, step), at: at.now() });
					for (const [from, first] of spent.entries()) {
						let sum = 0;
						for (const { at: then, count } of spent.slice(from)) {
							sum += count;
							expect(sum).toBeLessThanOrEqual(capacity + perMs * (then - first.at) + 1e-3);
						}
					}
				},
			),
			RUNS,
		);
	});

	it('by the day gives no more than its capacity between two midnights', () => {
		fc.assert(
			fc.property(CAPACITY, fc.array(STEP, { maxLength: 40 }), (capacity, steps) => {
				const at = world({ capacity, perMs: 0 }, 86_400_000 - LEASE_MS);
				const days = new Map<number, number>();
				for (const step of steps) {
					const day = Math.floor(at.now() / 86_400_000);
					days.set(day, (days.get(day) ?? 0) + play(at, step));
				}
				for (const sum of days.values()) expect(sum).toBeLessThanOrEqual(capacity);
			}),
			RUNS,
		);
	});

	it('gives single calls all there is: limit - 1, limit, and not limit + 1', () => {
		const at = world({ capacity: 3, perMs: 0.001 });
		expect([1, 2, 3, 4].map(() => at.ask('a', { least: 1 }).granted)).toEqual([1, 1, 1, 0]);
	});

	it('says when there will be a token, and then there is one', () => {
		const at = world({ capacity: 1, perMs: 1 / 60_000 });
		at.ask('a', { least: 1 });
		at.pass(15_000);
		const { granted, waitMs } = at.ask('b', { least: 1 });
		expect([granted, waitMs]).toEqual([0, 45_000]);
		at.pass(waitMs - 10);
		expect(at.ask('b', { least: 1 }).granted).toBe(0);
		at.pass(10);
		expect(at.ask('b', { least: 1 }).granted).toBe(1);
	});

	it('by the day says midnight, and is full again then', () => {
		const at = world({ capacity: 2, perMs: 0 }, 86_400_000 - 5_000);
		expect(at.ask('a', { least: 5 })).toMatchObject({ granted: 2, waitMs: 5_000 });
		at.pass(5_000);
		expect(at.ask('a', { least: 5 })).toMatchObject({ granted: 2, waitMs: 86_400_000 });
	});

	it('takes back what was not spent, and forgets whoever is silent for the time of a lease', () => {
		const at = world({ capacity: 40, perMs: 1e-9 });
		expect(at.ask('a', { most: 40 }).granted).toBe(10);
		expect(at.ask('a', { held: 0, returned: 10 }).granted).toBe(0);
		expect(at.ask('b', { least: 41 }).granted).toBe(40);
		const full = world({ capacity: 40, perMs: 1 });
		full.ask('a', { most: 40 });
		full.pass(LEASE_MS - 1);
		expect(full.ask('b', { least: 41 }).granted).toBe(30);
		full.pass(LEASE_MS);
		expect(full.ask('b', { least: 41 }).granted).toBe(40);
	});

	it('does not fill up while its tokens lie in a stock: what is spent of that comes back only from then on', () => {
		const at = world({ capacity: 40, perMs: 0.01 });
		expect(at.ask('a', { most: 40 }).granted).toBe(10);
		at.pass(10_000);
		expect(at.spend('a', 10)).toBe(10);
		expect(at.ask('a', { least: 40 }).granted).toBe(30);
		at.pass(500);
		expect(at.ask('a', { least: 40 }).granted).toBe(5);
	});

	it('gives nothing a second time when the clock is set back', () => {
		const at = world({ capacity: 10, perMs: 0.001 }, 100_000);
		expect(at.ask('a', { least: 10 }).granted).toBe(10);
		at.pass(-5_000);
		expect(at.ask('a', { least: 10 }).granted).toBe(0);
		at.pass(5_000);
		expect(at.ask('a', { least: 10 }).granted).toBe(0);
		at.pass(1_000);
		expect(at.ask('a', { least: 10 }).granted).toBe(1);
	});

	it('that was forgotten is full but for what whoever asks still holds', () => {
		const at = world({ capacity: 40, perMs: 0.01 });
		expect(at.ask('a', { held: 15, least: 40 }).granted).toBe(25);
	});

	it('shrinks what goes into stock as it empties, to nothing, while calls still get the last token', () => {
		const at = world({ capacity: 16, perMs: 0 });
		const stocked = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(() => at.ask('a', { most: 100 }).granted);
		expect(stocked).toEqual([4, 3, 2, 1, 1, 1, 1, 0, 0]);
		expect(at.ask('b', { least: 5 }).granted).toBe(3);
	});

	it('goes by the shape it is asked with: a lower limit holds at once, a higher one fills up', () => {
		const big = askOf({ capacity: 100, perMs: 0.01 }, { least: 10 });
		const { state } = leaseFrom(undefined, big, { holder: 'a', now: 0 });
		const small = { ...big, shape: { capacity: 5, perMs: 0.01 } };
		expect(leaseFrom(state, small, { holder: 'a', now: 1 }).reply.granted).toBe(5);
		const more = { ...big, shape: { capacity: 200, perMs: 0.01 }, least: 1_000 };
		expect(leaseFrom(state, more, { holder: 'a', now: 1_000 }).reply.granted).toBe(100);
	});
});
