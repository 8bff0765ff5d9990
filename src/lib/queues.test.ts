import { describe, expect, it } from 'vitest';
import { createQueues } from './queues.ts';

describe('queues', () => {
	it('run tasks of one key one after the other, in their order, and others meanwhile', async () => {
		const queues = createQueues();
		const log: string[] = [];
		const task = (name: string) => async () => {
			log.push(`${name} begins`);
			await new Promise((resolve) => setImmediate(resolve));
			log.push(`${name} ends`);
			return name;
		};
		const all = [queues('a', task('one')), queues('a', task('two')), queues('b', task('other'))];
		expect(await Promise.all(all)).toEqual(['one', 'two', 'other']);
		expect(log.filter((line) => !line.startsWith('other'))).toEqual([
			...['one begins', 'one ends', 'two begins', 'two ends'],
		]);
		expect(log.indexOf('other begins')).toBeLessThan(log.indexOf('one ends'));
	});

	it('go on after a task that fails, and each caller is told of their own', async () => {
		const queues = createQueues();
		const first = queues('a', () => Promise.reject(new Error('first')));
		const second = queues('a', async () => 'second');
		await expect(first).rejects.toThrow('first');
		expect(await second).toBe('second');
		expect(await queues('a', async () => 'third')).toBe('third');
	});
});
