import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ScopeKey } from '../lib/scope.ts';
import { createChangeFeed, type Told } from './change-feed.ts';

const [ONE, TWO] = ['one', 'two'] as unknown as [ScopeKey, ScopeKey];
const resource = (uri: string, params: object = {}) => ({ kind: 'resource', uri, params: { ...params } }) as const;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A sink that keeps what it is told; slow ones wait until they are let go. */
function createSink(behaviour: 'quick' | 'slow' | 'gone' = 'quick') {
	const told: Told[] = [];
	let letGo = (): void => undefined;
	const write = async (each: Told): Promise<void> => {
		if (behaviour === 'gone') throw new Error('gone');
		told.push(each);
		if (behaviour === 'slow') await new Promise<void>((resolve) => (letGo = resolve));
	};
	return { write, told, letGo: () => letGo() };
}

const later = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe('changes of lists', () => {
	it('within 50 ms are told once for each list', async () => {
		const feed = createChangeFeed();
		const sink = createSink();
		feed.attach(sink);
		for (let count = 0; count < 20; count++) {
			feed.addList(ONE, 'tools');
			feed.addList(TWO, 'prompts');
			await later(2);
		}
		expect(sink.told).toEqual([]);
		await later(50);
		expect(sink.told).toEqual(['tools', 'prompts'].map((list) => ({ kind: 'list', list })));
		feed.addList(ONE, 'tools');
		await later(50);
		expect(sink.told).toHaveLength(3);
	});

	it('are forgotten when every server they come from is gone, and only then', async () => {
		const feed = createChangeFeed();
		feed.addList(ONE, 'tools');
		feed.addList(TWO, 'tools');
		feed.addList(ONE, 'prompts');
		feed.addResource(ONE, resource('a:1'), 'a:1');
		feed.retain((key) => key === TWO);
		await later(50);
		const sink = createSink();
		feed.attach(sink);
		await later();
		expect(sink.told).toEqual([{ kind: 'list', list: 'tools' }]);
	});
});

describe('a changed resource', () => {
	it('is told at once, and once with its latest words while the caller is slow', async () => {
		const feed = createChangeFeed();
		const sink = createSink('slow');
		feed.attach(sink);
		for (const version of [1, 2, 3]) feed.addResource(ONE, resource('a:1', { version }), 'a:1');
		await later();
		expect(sink.told).toEqual([resource('a:1', { version: 1 })]);
		sink.letGo();
		await later();
		expect(sink.told.slice(1)).toEqual([resource('a:1', { version: 3 })]);
	});

	it('among too many that wait is named by what is watched', async () => {
		const feed = createChangeFeed();
		for (let at = 0; at < 5_000; at++) feed.addResource(ONE, resource(`a:/${at}`), 'a:');
		const sink = createSink();
		feed.attach(sink);
		await later();
		expect(sink.told).toHaveLength(1_001);
		expect(sink.told.at(-1)).toEqual(resource('a:'));
	});

	it('waits for somebody to hear it, and is lost by nobody who leaves', async () => {
		const feed = createChangeFeed();
		feed.addResource(ONE, resource('a:1'), 'a:1');
		feed.attach(createSink('gone'));
		await later();
		const sink = createSink();
		feed.attach(sink);
		await later();
		expect(sink.told).toEqual([resource('a:1')]);
	});
});

describe('several sinks', () => {
	it('share: the newest is told, and the one before when that is gone', async () => {
		const feed = createChangeFeed();
		const [first, second] = [createSink(), createSink()];
		feed.attach(first);
		const detach = feed.attach(second);
		feed.addResource(ONE, resource('a:1'), 'a:1');
		await later();
		feed.attach(createSink('gone'));
		feed.addResource(ONE, resource('a:2'), 'a:2');
		await later();
		detach();
		feed.addResource(ONE, resource('a:3'), 'a:3');
		await later();
		expect(second.told).toEqual([resource('a:1'), resource('a:2')]);
		expect(first.told).toEqual([resource('a:3')]);
	});
});

describe('a closed feed', () => {
	it('tells nothing and keeps no timer', async () => {
		const feed = createChangeFeed();
		const sink = createSink();
		feed.attach(sink);
		feed.addList(ONE, 'tools');
		feed.close();
		expect(vi.getTimerCount()).toBe(0);
		await later(100);
		expect(sink.told).toEqual([]);
	});
});
