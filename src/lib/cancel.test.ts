import { describe, expect, it } from 'vitest';
import { createCancel, firstOf } from './cancel.ts';

describe('a cancel', () => {
	it('tells every listener once, with the first reason', () => {
		const cancel = createCancel();
		const told: unknown[] = [];
		cancel.signal.addEventListener('abort', () => told.push(cancel.signal.reason));
		cancel.signal.addEventListener('abort', () => told.push(cancel.signal.aborted));
		expect(cancel.signal.aborted).toBe(false);
		cancel.abort('first');
		cancel.abort('second');
		expect(told).toEqual(['first', true]);
	});

	it('does not tell who no longer listens', () => {
		const cancel = createCancel();
		const told: string[] = [];
		const listener = (): number => told.push('told');
		cancel.signal.addEventListener('abort', listener);
		cancel.signal.removeEventListener('abort', listener);
		cancel.abort('reason');
		expect(told).toEqual([]);
	});
});

describe('the first of several signals', () => {
	it('aborts with whichever comes first, and with its reason', () => {
		const [one, other] = [createCancel(), createCancel()];
		const { signal } = firstOf([one.signal, undefined, other.signal]);
		expect(signal.aborted).toBe(false);
		other.abort('other');
		one.abort('one');
		expect([signal.aborted, signal.reason]).toEqual([true, 'other']);
	});

	it('has aborted when one of them had', () => {
		const gone = createCancel();
		gone.abort('gone');
		expect(firstOf([undefined, gone.signal]).signal.reason).toBe('gone');
	});

	it('no longer follows them once it is stopped', () => {
		const one = createCancel();
		const { signal, stop } = firstOf([one.signal]);
		stop();
		one.abort('late');
		expect(signal.aborted).toBe(false);
	});
});
