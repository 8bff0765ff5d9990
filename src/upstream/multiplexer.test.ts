import { describe, expect, it } from 'vitest';
import type { UpstreamLimits } from '../config/snapshot.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { createMultiplexer } from './multiplexer.ts';
import { createStamp } from './stamp.ts';
import type { WireNotification, WireRequest } from './wire.ts';

const LIMITS = { firstByteMs: 10_000, idleMs: 10_000, totalMs: 10_000 } as UpstreamLimits;

/** A multiplexer over a stream that goes nowhere: what it writes is noted, what it gets comes from the test. */
function setUp(limits = LIMITS, write?: (text: string) => void) {
	const written: { id?: number; method?: string; params?: unknown; result?: unknown; error?: unknown }[] = [];
	const notified: string[] = [];
	let strays = 0;
	const multiplexer = createMultiplexer({
		write: write ?? ((text) => void written.push(JSON.parse(text))),
		limits,
		events: { onNotification: ({ method }) => notified.push(method), onQuestion: () => false },
		misdirected: () => strays++,
	});
	const ask = (more: Partial<WireRequest> = {}) =>
		multiplexer.request({
			method: 'tools/call',
			paramsFor: (id) => `{"_meta":{"progressToken":${id}}}`,
			headers: {},
			stamp: createStamp('w', 's', 'p'),
			signal: new AbortController().signal,
			...more,
		});
	const receive = (message: object) => multiplexer.receive(JSON.stringify({ jsonrpc: '2.0', ...message }));
	return { multiplexer, written, notified, ask, receive, strays: () => strays };
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'answered', errorCode);

describe('an answer', () => {
	it('reaches the request whose id it carries, in any order, with the stamp of that request', async () => {
		const { ask, receive, written } = setUp();
		const stamps = [1, 2, 3].map(() => createStamp('w', 's', 'p'));
		const asked = stamps.map((stamp) => ask({ stamp }));
		expect(written.map(({ id, params }) => [id, params])).toEqual(
			[1, 2, 3].map((id) => [id, { _meta: { progressToken: id } }]),
		);
		for (const id of [2, 3, 1]) receive({ id, result: { is: id } });
		const answers = await Promise.all(asked);
		expect(answers.map(({ value, stamp }) => [value['result'], stamp])).toEqual(
			stamps.map((stamp, index) => [{ is: index + 1 }, stamp]),
		);
	});

	it('comes back as the text the server wrote, errors too', async () => {
		const { ask, multiplexer } = setUp();
		const text = '{ "id":1, "error":{"code":-32000,"n":1.0} ,"jsonrpc":"2.0"}';
		const asked = ask();
		multiplexer.receive(text);
		expect(await asked).toMatchObject({ text, value: { error: { code: -32_000 } } });
	});

	it.each([{ id: 7 }, { id: '1' }, { id: null }, {}])('to nobody is dropped and counted: %j', async (parts) => {
		const { ask, receive, strays } = setUp();
		const asked = ask();
		receive({ ...parts, result: {} });
		expect(strays()).toBe(1);
		receive({ id: 1, result: {} });
		await asked;
	});

	it('twice is one answer and one stray', async () => {
		const { ask, receive, strays } = setUp();
		const asked = ask();
		receive({ id: 1, result: { first: true } });
		receive({ id: 1, result: { first: false } });
		expect((await asked).value['result']).toEqual({ first: true });
		expect(strays()).toBe(1);
	});

	it('is anything but a line of noise', async () => {
		const { multiplexer, strays, notified } = setUp();
		for (const text of ['', 'hello', '{', '[]', '[{"id":1,"result":{}}]', 'null', '"x"', '1'])
			multiplexer.receive(text);
		expect([strays(), notified]).toEqual([0, []]);
	});
});

describe('giving up a request', () => {
	it('tells the server, and its late answer is no stray', async () => {
		const { ask, receive, written, strays, multiplexer } = setUp();
		const aborter = new AbortController();
		const asked = ask({ signal: aborter.signal });
		aborter.abort();
		expect(await codeOf(asked)).toBe('PC_CALL_CANCELLED');
		expect(written.at(-1)).toEqual({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
		expect(multiplexer.inFlight).toBe(0);
		receive({ id: 1, result: {} });
		expect(strays()).toBe(0);
		receive({ id: 1, result: {} });
		expect(strays()).toBe(1);
	});

	it('passes on our own reason, and asks nothing that was given up before', async () => {
		const { ask, written } = setUp();
		const signal = AbortSignal.abort(new PortcullisError('PC_SHUTTING_DOWN'));
		expect(await codeOf(ask({ signal }))).toBe('PC_SHUTTING_DOWN');
		expect(written).toEqual([]);
	});

	it('happens by itself after too long a silence or too long in all', async () => {
		for (const limits of [
			{ ...LIMITS, firstByteMs: 10 },
			{ ...LIMITS, totalMs: 10 },
		]) {
			const { ask, written } = setUp(limits);
			expect(await codeOf(ask())).toBe('PC_UPSTREAM_TIMEOUT');
			expect(written.at(-1)).toMatchObject({ method: 'notifications/cancelled' });
		}
	});

	it('does not cancel a handshake, which cannot be cancelled', async () => {
		const { ask, written } = setUp({ ...LIMITS, totalMs: 10 });
		expect(await codeOf(ask({ method: 'initialize' }))).toBe('PC_UPSTREAM_TIMEOUT');
		expect(written).toHaveLength(1);
	});
});

describe('a notification', () => {
	it('about progress reaches the request whose token it carries, and no other', async () => {
		const { ask, receive, notified } = setUp();
		const heard: [number, WireNotification][] = [];
		const asked = [1, 2].map((id) => ask({ onNotification: (each) => heard.push([id, each]) }));
		const progress = (progressToken: unknown) => ({
			method: 'notifications/progress',
			params: { progressToken, progress: 1 },
		});
		for (const token of [2, 3, '1', undefined]) receive(progress(token));
		expect(heard).toEqual([[2, { ...progress(2) }]]);
		expect(notified).toEqual(Array(3).fill('notifications/progress'));
		for (const id of [1, 2]) receive({ id, result: {} });
		await Promise.all(asked);
		receive(progress(2));
		expect(heard).toHaveLength(1);
	});

	it('about anything else belongs to the connection, log messages included', () => {
		const { receive, notified } = setUp();
		receive({ method: 'notifications/tools/list_changed' });
		receive({ method: 'notifications/message', params: { level: 'error', data: 'whose?' } });
		expect(notified).toEqual(['notifications/tools/list_changed', 'notifications/message']);
	});
});

describe('a question of the server', () => {
	it('is answered at once: a ping with nothing, everything else with a refusal', () => {
		const { receive, written } = setUp();
		receive({ id: 'q-1', method: 'ping' });
		receive({ id: 5, method: 'elicitation/create', params: {} });
		expect(written).toMatchObject([
			{ id: 'q-1', result: {} },
			{ id: 5, error: { code: -32_601 } },
		]);
	});

	it('does no harm when the stream is gone', () => {
		const { receive } = setUp(LIMITS, () => {
			throw new PortcullisError('PC_UPSTREAM_CRASHED');
		});
		expect(() => receive({ id: 'q-1', method: 'ping' })).not.toThrow();
	});
});

describe('the end of the stream', () => {
	it('fails every request that waits, and every later one at once', async () => {
		const { ask, multiplexer, written } = setUp();
		const asked = [ask(), ask()];
		multiplexer.fail(new PortcullisError('PC_UPSTREAM_CRASHED'));
		multiplexer.fail(new PortcullisError('PC_UPSTREAM_TOO_LARGE'));
		expect(await Promise.all(asked.map(codeOf))).toEqual(['PC_UPSTREAM_CRASHED', 'PC_UPSTREAM_CRASHED']);
		expect(await codeOf(ask())).toBe('PC_UPSTREAM_CRASHED');
		expect(written).toHaveLength(2);
		expect(multiplexer.inFlight).toBe(0);
	});

	it('noticed in the middle of writing fails that request', async () => {
		const { ask, multiplexer } = setUp(LIMITS, () => {
			throw new PortcullisError('PC_UPSTREAM_CRASHED');
		});
		expect(await codeOf(ask())).toBe('PC_UPSTREAM_CRASHED');
		expect(multiplexer.inFlight).toBe(0);
	});
});
