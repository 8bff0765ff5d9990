import { describe, expect, it } from 'vitest';
import { createFailedAttempts, networkOf } from './failed-attempts.ts';

function open(perMinute: number) {
	let now = 0;
	let refused = 0;
	const onRefused = (): void => {
		refused += 1;
	};
	const attemptsOf = createFailedAttempts({ perMinute, onRefused }, () => now);
	const attempt = (address: string, outcome: 'passed' | 'failed' = 'failed'): boolean => {
		try {
			attemptsOf(address).begin();
		} catch {
			return false;
		}
		attemptsOf(address).end(outcome);
		return true;
	};
	return {
		attemptsOf,
		attempt,
		refused: () => refused,
		pass(ms: number) {
			now += ms;
		},
	};
}

const times = <T>(count: number, fn: () => T): T[] => Array.from({ length: count }, fn);

describe('failed sign-ins', () => {
	it('are let pass up to the limit and not beyond, and again as time passes', () => {
		const world = open(4);
		expect(times(6, () => world.attempt('10.0.0.1'))).toEqual([true, true, true, true, false, false]);
		expect(world.refused()).toBe(2);
		world.pass(15_000);
		expect(times(2, () => world.attempt('10.0.0.1'))).toEqual([true, false]);
	});

	it('say when it is worth trying again', () => {
		const world = open(4);
		times(4, () => world.attempt('10.0.0.1'));
		world.pass(5_000);
		expect(() => world.attemptsOf('10.0.0.1').begin()).toThrow(
			expect.objectContaining({
				code: 'PC_TOO_MANY_FAILURES',
				facts: { data: { limit: 'failures', retry_after: 10 }, retryAfterSeconds: 10 },
			}),
		);
	});

	it('of one address are nothing to another', () => {
		const world = open(2);
		times(3, () => world.attempt('10.0.0.1'));
		expect(world.attempt('10.0.0.2')).toBe(true);
		expect(world.attempt('10.0.0.1')).toBe(false);
	});

	it('are not those that pass, however many come at once', () => {
		const world = open(2);
		expect(times(100, () => world.attempt('10.0.0.1', 'passed')).every(Boolean)).toBe(true);
		const many = open(10);
		for (const each of times(500, () => many.attemptsOf('10.0.0.1'))) each.begin();
		for (const each of times(500, () => many.attemptsOf('10.0.0.1'))) each.end('passed');
		expect(many.attempt('10.0.0.1')).toBe(true);
	});

	it('get no further at once than one after the other, once half are used up', () => {
		const world = open(10);
		times(5, () => world.attempt('10.0.0.1'));
		const begun = times(20, () => {
			try {
				world.attemptsOf('10.0.0.1').begin();
				return true;
			} catch {
				return false;
			}
		});
		expect(begun.filter(Boolean)).toHaveLength(5);
	});
});

describe('a network address', () => {
	it.each([
		['10.1.2.3', '10.1.2.3'],
		['::ffff:10.1.2.3', '10.1.2.3'],
		['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
		['2001:db8:1:2::1', '2001:db8:1:2'],
		['2001:0db8:0001:0002:ffff::', '2001:db8:1:2'],
		['2001:db8::1', '2001:db8:0:0'],
		['::1', '0:0:0:0'],
		['fe80::1%eth0', 'fe80:0:0:0'],
		['', ''],
	])('%s counts as %s', (address, network) => {
		expect(networkOf(address)).toBe(network);
	});

	it('counts two halves of an IPv6 network as two', () => {
		expect(networkOf('2001:db8:1:2::1')).not.toBe(networkOf('2001:db8:1:3::1'));
	});
});
