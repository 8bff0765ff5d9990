import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStdioWatch } from './stdio-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TAG = 'io.modelcontextprotocol/subscriptionId';

function setUp() {
	const written: { id?: string; method: string; params: { requestId?: string } }[] = [];
	let reopened = 0;
	const watch = createStdioWatch({
		write: (text) => void written.push(JSON.parse(text)),
		onReopened: () => reopened++,
	});
	const about = (id: string, method: string, params: object = {}) =>
		watch.isOwn({ jsonrpc: '2.0', method, params: { ...params, _meta: { [TAG]: id } } });
	const acknowledge = (id: string, params: object = {}) =>
		about(id, 'notifications/subscriptions/acknowledged', params);
	const ids = () => written.filter(({ method }) => method === 'subscriptions/listen').map(({ id }) => id as string);
	const cancelled = () => written.flatMap(({ params }) => (params.requestId === undefined ? [] : [params.requestId]));
	return { watch, acknowledge, about, ids, cancelled, reopened: () => reopened };
}

describe('a subscription over a duplex stream', () => {
	it('stands when it is acknowledged, and takes the place of the one before', async () => {
		const { watch, acknowledge, about, ids, cancelled } = setUp();
		const first = watch.watch('{}');
		acknowledge(ids()[0]!, { notifications: { a: true } });
		expect(await first).toMatchObject({ notifications: { a: true } });
		const second = watch.watch('{"more":1}');
		expect(about(ids()[0]!, 'notifications/tools/list_changed')).toBe(false);
		expect(cancelled()).toEqual([]);
		acknowledge(ids()[1]!);
		await second;
		expect(cancelled()).toEqual([ids()[0]]);
		expect(new Set(ids()).size).toBe(2);
		expect(about(ids()[0]!, 'notifications/tools/list_changed')).toBe(true);
		expect(about(ids()[1]!, 'notifications/tools/list_changed')).toBe(false);
	});

	it('that is never acknowledged is given up, and the one before goes on', async () => {
		const { watch, acknowledge, about, ids, cancelled } = setUp();
		const first = watch.watch('{}');
		acknowledge(ids()[0]!);
		await first;
		const second = watch.watch('{"more":1}');
		await vi.advanceTimersByTimeAsync(5_000);
		expect(await second).toBeUndefined();
		expect(cancelled()).toEqual([ids()[1]]);
		expect(about(ids()[0]!, 'notifications/tools/list_changed')).toBe(false);
	});

	it('that the server refuses is none', async () => {
		const { watch, ids } = setUp();
		const refused = watch.watch('{}');
		expect(watch.isOwn({ id: ids()[0], error: { code: -32601 } })).toBe(true);
		expect(await refused).toBeUndefined();
		await vi.advanceTimersByTimeAsync(10_000);
		expect(ids()).toHaveLength(1);
	});

	it.each([
		['its result', (id: string) => ({ id, result: {} })],
		['a cancellation', (id: string) => ({ method: 'notifications/cancelled', params: { requestId: id } })],
	])('that the server ends with %s is opened again', async (_how, ending) => {
		const { watch, acknowledge, ids, reopened } = setUp();
		void watch.watch('{"x":1}');
		acknowledge(ids()[0]!);
		expect(watch.isOwn(ending(ids()[0]!))).toBe(true);
		await vi.advanceTimersByTimeAsync(1_000);
		expect(ids()).toHaveLength(2);
		acknowledge(ids()[1]!);
		await vi.advanceTimersByTimeAsync(0);
		expect(reopened()).toBe(1);
	});

	it('leaves other messages to others, and no timer behind', () => {
		const { watch, ids } = setUp();
		void watch.watch('{}');
		for (const message of [
			{ id: 1, result: {} },
			{ id: 'portcullis', result: {} },
			{ method: 'notifications/cancelled', params: { requestId: 1 } },
			{ method: 'notifications/progress', params: { progressToken: 1 } },
		])
			expect(watch.isOwn(message)).toBe(false);
		expect(ids()).toHaveLength(1);
		watch.close();
		expect(vi.getTimerCount()).toBe(0);
	});
});
