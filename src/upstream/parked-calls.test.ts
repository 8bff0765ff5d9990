import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { Conversation } from './conversation.ts';
import { createParkedCalls } from './parked-calls.ts';

const MAX_PARKED = 10_000;
const TTL_MS = 1_000;

/** A conversation that only notes why it was cancelled. */
function conversation(scope = 'scope') {
	const cancelled: unknown[] = [];
	const dialogue = { cancel: (error: unknown) => void cancelled.push(errorCode(error)), ended: Promise.resolve() };
	return { cancelled, parked: { dialogue, scope: scope as ScopeKey } as unknown as Conversation };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a parked call', () => {
	it('is taken once, under a name that nobody can guess', () => {
		const calls = createParkedCalls();
		const { parked, cancelled } = conversation();
		const name = calls.park(parked, TTL_MS);
		expect(name).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
		expect(calls.park(conversation().parked, TTL_MS)).not.toBe(name);
		expect([calls.take('another'), calls.take(name), calls.take(name)]).toEqual([undefined, parked, undefined]);
		vi.advanceTimersByTime(2 * TTL_MS);
		expect(cancelled).toEqual([]);
	});

	it.each([
		[TTL_MS - 1, true],
		[TTL_MS, false],
		[TTL_MS + 1, false],
	])('of one second waits after %i ms: %s', (ms, waits) => {
		const calls = createParkedCalls();
		const { parked, cancelled } = conversation();
		const name = calls.park(parked, TTL_MS);
		vi.advanceTimersByTime(ms);
		expect([calls.size, cancelled]).toEqual(waits ? [1, []] : [0, ['PC_QUESTION_UNANSWERED']]);
		expect(calls.take(name)).toBe(waits ? parked : undefined);
		expect(vi.getTimerCount()).toBe(0);
	});

	it('gives way to the ten thousand and first, the oldest first', () => {
		const calls = createParkedCalls();
		const [first, second] = [conversation(), conversation()];
		const names = [first, second].map(({ parked }) => calls.park(parked, TTL_MS));
		for (let count = 2; count < MAX_PARKED - 1; count++) calls.park(conversation().parked, TTL_MS);
		expect(calls.size).toBe(MAX_PARKED - 1);
		calls.park(conversation().parked, TTL_MS);
		expect([calls.size, first.cancelled]).toEqual([MAX_PARKED, []]);
		calls.park(conversation().parked, TTL_MS);
		expect([calls.size, first.cancelled, second.cancelled]).toEqual([MAX_PARKED, ['PC_QUESTION_UNANSWERED'], []]);
		expect(names.map((name) => calls.take(name))).toEqual([undefined, second.parked]);
	});

	it('is cancelled with the scope it belongs to, and with that alone', () => {
		const calls = createParkedCalls();
		const [kept, gone] = [conversation('kept'), conversation('gone')];
		for (const { parked } of [kept, gone]) calls.park(parked, TTL_MS);
		calls.retire((scope) => scope === 'kept');
		expect([calls.size, kept.cancelled, gone.cancelled]).toEqual([1, [], ['PC_QUESTION_UNANSWERED']]);
	});

	it('is cancelled when all are, and leaves no timer', async () => {
		const calls = createParkedCalls();
		const both = [conversation(), conversation()];
		for (const { parked } of both) calls.park(parked, TTL_MS);
		await calls.close();
		expect(both.map(({ cancelled }) => cancelled)).toEqual([['PC_QUESTION_UNANSWERED'], ['PC_QUESTION_UNANSWERED']]);
		expect([calls.size, vi.getTimerCount()]).toEqual([0, 0]);
	});
});
