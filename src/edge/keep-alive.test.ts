import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, FrameSink } from '../mcp/answer.ts';
import { KEEP_ALIVE_MS } from './keep-alive.ts';
import { type Sending, sendAnswer } from './send-answer.ts';
import { openSseStream } from './sse-stream.ts';

const open: (() => void)[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => {
	vi.useRealTimers();
	for (const close of open.splice(0)) close();
});

interface Pair {
	readonly response: ServerResponse;
	readonly socket: Socket;
	/** What the client has taken so far. */
	read(): string;
}

/** A response and its client, who reads only while its socket is not paused. */
async function openPair(): Promise<Pair> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const arrived = new Promise<ServerResponse>((resolve) => server.once('request', (_, response) => resolve(response)));
	const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
	let text = '';
	socket.on('data', (chunk) => {
		text += String(chunk);
	});
	socket.on('error', () => undefined);
	socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
	open.push(() => {
		socket.destroy();
		server.close();
		server.closeAllConnections();
	});
	return { response: await arrived, socket, read: () => text };
}

/** A streamed answer, and the way to say what it says. */
function startAnswer(response: ServerResponse) {
	let sink: FrameSink | undefined;
	let settle: { readonly end: () => void; readonly fail: (error: Error) => void } | undefined;
	const answer: Answer = {
		kind: 'stream',
		headers: {},
		pump: (given) =>
			new Promise((resolve, reject) => {
				sink = given;
				settle = { end: () => resolve('open-ended'), fail: reject };
			}),
	};
	const refuse: Sending['refuse'] = () => ({ status: 502, headers: {}, body: '{"error":1}' });
	const sent = sendAnswer({ response, common: {}, refuse }, answer);
	return { sent, sink: sink as FrameSink, ...(settle as NonNullable<typeof settle>) };
}

/** More than any socket takes on for a client that does not read. */
const A_LOT = 'x'.repeat(32 * 1024 * 1024);

const COMMENT = ': keep-alive\n\n';
const soon = <T>(get: () => T) => expect.poll(get, { timeout: 5_000, interval: 10 });
const commentsIn = (text: string): number => text.split(COMMENT).length - 1;

describe('a stream on which nothing happens', () => {
	it('says at least every 25 seconds that it lives', () => expect(KEEP_ALIVE_MS).toBeLessThanOrEqual(25_000));

	it.each([
		['of an answer', (response: ServerResponse) => void startAnswer(response)],
		['of HTTP+SSE', (response: ServerResponse) => void openSseStream(response, { headers: {}, endpoint: '/m' })],
	])('%s: a comment each time, none before, none once it is closed', async (_, start) => {
		const { response, socket, read } = await openPair();
		start(response);
		await soon(read).toContain('text/event-stream');
		vi.advanceTimersByTime(KEEP_ALIVE_MS - 1);
		vi.advanceTimersByTime(1);
		await soon(() => commentsIn(read())).toBe(1);
		vi.advanceTimersByTime(3 * KEEP_ALIVE_MS);
		await soon(() => commentsIn(read())).toBe(4);
		const closed = new Promise((resolve) => response.once('close', resolve));
		socket.destroy();
		await closed;
		expect(vi.getTimerCount()).toBe(0);
	});

	it('has its comments between events, never inside one', async () => {
		const { response, read } = await openPair();
		const { sink, end, sent } = startAnswer(response);
		const data = '{"a":1,\n"b":2}';
		for (let round = 0; round < 3; round++) {
			await sink.write({ data, id: String(round) });
			vi.advanceTimersByTime(KEEP_ALIVE_MS);
		}
		end();
		await sent;
		await soon(() => commentsIn(read())).toBe(3);
		// HTTP puts each write into a chunk of its own, between lines of length and end.
		const body = read().slice(read().indexOf('\r\n\r\n') + 4);
		const written = body.split('\r\n').filter((_, index) => index % 2 === 1 && index > 0);
		const event = (id: number) => `event: message\nid: ${id}\ndata: {"a":1,\ndata: "b":2}\n\n`;
		expect(written.join('')).toBe([0, 1, 2].map((id) => event(id) + COMMENT).join(''));
		expect(vi.getTimerCount()).toBe(0);
	});

	it('is not filled for a client that does not read', async () => {
		const { response, socket } = await openPair();
		startAnswer(response);
		socket.pause();
		response.write(A_LOT);
		const before = response.writableLength;
		vi.advanceTimersByTime(1_000 * KEEP_ALIVE_MS);
		expect(response.writableLength).toBe(before);
	});
});

describe('a stream that was ended while its client does not read', () => {
	async function endedPair() {
		const pair = await openPair();
		const answer = startAnswer(pair.response);
		pair.socket.pause();
		const errors: unknown[] = [];
		pair.response.on('error', (error) => errors.push(error));
		pair.response.write(A_LOT);
		pair.response.end();
		return { ...pair, ...answer, errors };
	}

	it('is not written to any more', async () => {
		const { response, errors } = await endedPair();
		vi.advanceTimersByTime(2 * KEEP_ALIVE_MS);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect([response.destroyed, errors]).toEqual([false, []]);
	});

	it('takes no error either', async () => {
		const { fail, sent, errors, response } = await endedPair();
		fail(new Error('the upstream is gone'));
		await sent;
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect([response.destroyed, errors]).toEqual([false, []]);
	});
});

describe('an answer that is no stream', () => {
	it('has no comments', async () => {
		const { response, read } = await openPair();
		const refuse: Sending['refuse'] = () => ({ status: 502, headers: {}, body: '' });
		await sendAnswer(
			{ response, common: {}, refuse },
			{ kind: 'message', status: 200, body: '{}', headers: {}, failed: false },
		);
		expect(vi.getTimerCount()).toBe(0);
		await soon(read).toContain('{}');
	});
});
