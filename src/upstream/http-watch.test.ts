import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { JsonObject } from '../mcp/call.ts';
import type { EventFeed } from './event-feed.ts';
import type { HttpReply } from './http-exchange.ts';
import { createHttpWatch } from './http-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A stream that the test writes. */
function createStream() {
	const events: ({ data: string } | 'end' | 'break')[] = [];
	let wake = (): void => undefined;
	let cancelled = false;
	const push = async (event: { data: string } | 'end' | 'break'): Promise<void> => {
		events.push(event);
		wake();
		await vi.advanceTimersByTimeAsync(0);
	};
	const feed: EventFeed = {
		async next() {
			while (events.length === 0 && !cancelled) await new Promise<void>((resolve) => (wake = resolve));
			const event = events.shift();
			if (cancelled || event === 'break') throw new PortcullisError('PC_UPSTREAM_FAILED');
			if (event === undefined || event === 'end') return undefined;
			return { ...event, event: undefined, id: undefined, retry: undefined };
		},
		cancel() {
			cancelled = true;
			wake();
		},
	};
	const say = (message: object): Promise<void> => push({ data: JSON.stringify(message) });
	const acknowledge = (params: object = {}) => say({ method: 'notifications/subscriptions/acknowledged', params });
	return { feed, say, acknowledge, push, isCancelled: () => cancelled };
}

function setUp() {
	const streams: ReturnType<typeof createStream>[] = [];
	const opened: string[] = [];
	const taken: unknown[] = [];
	const told = { reopened: 0, lost: 0 };
	let refuses = false;
	const watch = createHttpWatch({
		async open(params) {
			opened.push(params);
			const stream = createStream();
			streams.push(stream);
			return { events: refuses ? undefined : stream.feed } as unknown as HttpReply;
		},
		take: (message: JsonObject) => void taken.push(message['n'] ?? message['method']),
		onReopened: () => told.reopened++,
		onLost: () => told.lost++,
	});
	const refuse = (): void => {
		refuses = true;
	};
	return { watch, streams, opened, taken, told, refuse };
}

const later = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe('a subscription over http', () => {
	it('is replaced without a gap: the old one tells until the new one stands, and not after', async () => {
		const { watch, streams, taken } = setUp();
		const first = watch.watch('1');
		await later();
		await streams[0]!.acknowledge({ notifications: {} });
		expect(await first).toEqual({ notifications: {} });
		const second = watch.watch('2');
		await later();
		await streams[0]!.say({ method: 'm', n: 1 });
		expect(streams[0]!.isCancelled()).toBe(false);
		await streams[1]!.acknowledge();
		await second;
		expect(streams[0]!.isCancelled()).toBe(true);
		await streams[0]!.say({ method: 'm', n: 2 });
		await streams[1]!.push({ data: 'no JSON' });
		await streams[1]!.say({ method: 'm', n: 3 });
		expect(taken).toEqual([1, 3]);
	});

	it('that is refused leaves the one before as it is', async () => {
		const { watch, streams, taken, told, refuse } = setUp();
		void watch.watch('1');
		await later();
		await streams[0]!.acknowledge();
		refuse();
		expect(await watch.watch('2')).toBeUndefined();
		await streams[0]!.say({ method: 'm', n: 1 });
		expect([taken, told]).toEqual([[1], { reopened: 0, lost: 0 }]);
	});

	it('that is never acknowledged is given up where there is one already, and heard where there is none', async () => {
		const { watch, streams, taken } = setUp();
		const first = watch.watch('1');
		await later(5_000);
		expect(await first).toBeUndefined();
		await streams[0]!.say({ method: 'm', n: 1 });
		const second = watch.watch('2');
		await later(5_000);
		expect(await second).toBeUndefined();
		expect(streams.map((stream) => stream.isCancelled())).toEqual([false, true]);
		expect(taken).toEqual([1]);
	});

	it('that the server ends in order is opened again; one that breaks is lost', async () => {
		const { watch, streams, opened, told } = setUp();
		void watch.watch('1');
		await later();
		await streams[0]!.acknowledge();
		await streams[0]!.say({ id: 1, result: {} });
		await later(1_000);
		await streams[1]!.acknowledge();
		expect([opened, told]).toEqual([['1', '1'], { reopened: 1, lost: 0 }]);
		await streams[1]!.push('end');
		await later(1_000);
		await streams[2]!.acknowledge();
		await streams[2]!.push('break');
		expect(told).toEqual({ reopened: 2, lost: 1 });
		await later(10_000);
		expect(opened).toHaveLength(3);
	});

	it('is lost when it cannot be opened again', async () => {
		const { watch, streams, told, refuse } = setUp();
		void watch.watch('1');
		await later();
		await streams[0]!.acknowledge();
		refuse();
		await streams[0]!.push('end');
		await later(1_000);
		expect(told).toEqual({ reopened: 0, lost: 1 });
	});

	it('leaves neither stream nor timer when it is closed', async () => {
		const { watch, streams } = setUp();
		void watch.watch('1');
		await later();
		watch.close();
		expect([streams[0]!.isCancelled(), vi.getTimerCount()]).toEqual([true, 0]);
	});
});
