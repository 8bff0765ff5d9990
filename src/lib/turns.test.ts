import { describe, expect, it } from 'vitest';
import { createTurns } from './turns.ts';

describe('turns', () => {
	it('run tasks of one key one after the other, in their order, and others meanwhile', async () => {
		const turns = createTurns();
		const log: string[] = [];
		const task = (name: string) => async () => {
			log.push(`${name} begins`);
			await new Promise((resolve) => setImmediate(resolve));
			log.push(`${name} ends`);
			return name;
		};
		const all = [turns('a', task('one')), turns('a', task('two')), turns('b', task('other'))];
		expect(await Promise.all(all)).toEqual(['one', 'two', 'other']);
		expect(log.filter((line) => !line.startsWith('other'))).toEqual([
			...['one begins', 'one ends', 'two begins', 'two ends'],
		]);
		expect(log.indexOf('other begins')).toBeLessThan(log.indexOf('one ends'));
	});

	it('go on after a task that fails, and each caller is told of their own', async () => {
		const turns = createTurns();
		const first = turns('a', () => Promise.reject(new Error('first')));
		const second = turns('a', async () => 'second');
		await expect(first).rejects.toThrow('first');
		expect(await second).toBe('second');
		expect(await turns('a', async () => 'third')).toBe('third');
	});
});
