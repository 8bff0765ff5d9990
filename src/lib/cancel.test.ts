import { describe, expect, it } from 'vitest';
import { createCancel } from './cancel.ts';

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
