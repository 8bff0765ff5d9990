import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Principal } from '../identity/principal.ts';
import { isExpired, watchExpiry } from './watch-expiry.ts';

const START_MS = Date.UTC(2026, 10, 22, 12);

const until = (expiresAt: number, level = 'read'): Principal =>
	({ expiresAt, grants: new Map([['google', { level }]]) }) as unknown as Principal;

beforeEach(() => {
	vi.useFakeTimers({ now: START_MS, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
	vi.useRealTimers();
});

function watch(principal: Principal, renew: (principal: Principal) => Principal | undefined = () => undefined) {
	let expired = 0;
	const watching = watchExpiry({ principal, renew, onExpired: () => void expired++ });
	return { ...watching, expired: () => expired };
}

describe('a watch', () => {
	it('ends at the moment the principal does, once', () => {
		const watching = watch(until(START_MS + 5_000));
		vi.advanceTimersByTime(4_999);
		expect(watching.expired()).toBe(0);
		vi.advanceTimersByTime(1);
		expect(watching.expired()).toBe(1);
		vi.advanceTimersByTime(100_000);
		expect(watching.expired()).toBe(1);
	});

	it('is not prolonged by a wall clock that is set back', () => {
		const watching = watch(until(START_MS + 5_000));
		const known = watch(until(START_MS + 5_000), (principal) => principal);
		const later = watch(until(START_MS + 5_000));
		vi.setSystemTime(START_MS - 7_200_000);
		later.extend(until(START_MS + 6_000));
		vi.advanceTimersByTime(5_000);
		expect([watching.expired(), known.expired(), later.expired()]).toEqual([1, 1, 0]);
		vi.advanceTimersByTime(1_000);
		expect(later.expired()).toBe(1);
	});

	it('waits longer than a timer can', () => {
		const days = 60 * 86_400_000;
		const watching = watch(until(START_MS + days));
		vi.advanceTimersByTime(days - 1);
		expect(watching.expired()).toBe(0);
		vi.advanceTimersByTime(1);
		expect(watching.expired()).toBe(1);
	});

	it('of somebody who never expires sets no timer, and a stopped one has none left', () => {
		watch(until(Number.POSITIVE_INFINITY));
		expect(vi.getTimerCount()).toBe(0);
		const watching = watch(until(START_MS + 5_000));
		expect(vi.getTimerCount()).toBe(1);
		watching.stop();
		expect(vi.getTimerCount()).toBe(0);
	});

	it('goes on with a later token of the same person, and an earlier one takes nothing away', () => {
		const watching = watch(until(START_MS + 5_000));
		watching.extend(until(START_MS + 9_000));
		watching.extend(until(START_MS + 1_000));
		vi.advanceTimersByTime(8_999);
		expect(watching.expired()).toBe(0);
		vi.advanceTimersByTime(1);
		expect(watching.expired()).toBe(1);
	});

	it('goes on with who is known to hold the same for longer, and not with who holds something else or nothing', () => {
		const renewed = watch(until(START_MS + 5_000), ({ expiresAt }) =>
			expiresAt < START_MS + 9_000 ? until(START_MS + 9_000) : undefined,
		);
		const other = watch(until(START_MS + 5_000), () => until(START_MS + 9_000, 'write'));
		const same = watch(until(START_MS + 5_000), (principal) => principal);
		vi.advanceTimersByTime(5_000);
		expect([renewed.expired(), other.expired(), same.expired()]).toEqual([0, 1, 1]);
		vi.advanceTimersByTime(4_000);
		expect(renewed.expired()).toBe(1);
	});
});

it('nobody is expired before the moment, and everybody from then on', () => {
	expect(isExpired(until(START_MS + 1))).toBe(false);
	expect(isExpired(until(START_MS))).toBe(true);
	expect(isExpired(until(Number.POSITIVE_INFINITY))).toBe(false);
});
