import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import { openSseStream, type SseStream } from './sse-stream.ts';

const open: (() => void)[] = [];
afterEach(() => {
	for (const close of open.splice(0)) close();
});

interface Pair {
	readonly stream: SseStream;
	readonly response: ServerResponse;
	readonly socket: Socket;
	/** What the client has taken so far. */
	read(): string;
}

/** A stream and its client, who reads only while its socket is not paused. */
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
	const response = await arrived;
	return { response, socket, stream: openSseStream(response, { headers: {}, endpoint: '/m' }), read: () => text };
}

const soon = <T>(get: () => T) => expect.poll(get, { timeout: 5_000, interval: 10 });

describe('openSseStream', () => {
	it('says where to post, and then what it is given', async () => {
		const { stream, read } = await openPair();
		await stream.send('{"a":1}');
		await soon(read).toContain('event: endpoint\ndata: /m\n\n');
		await soon(read).toContain('event: message\ndata: {"a":1}\n\n');
	});

	it('waits for a client that does not read, with no more than one message ahead, and loses nothing', async () => {
		const { stream, socket, response, read } = await openPair();
		socket.pause();
		const size = 64 * 1024;
		let sent = 0;
		const sending = Promise.all(
			Array.from({ length: 400 }, (_, index) => stream.send(`${index}:${'x'.repeat(size)}`).then(() => sent++)),
		);
		await sleep(300);
		expect(sent).toBeLessThan(400);
		expect(response.writableLength).toBeLessThan(3 * size);
		expect(response.listenerCount('drain')).toBeLessThan(3);
		socket.resume();
		await sending;
		await soon(() => read().split('event: message').length - 1).toBe(400);
	});

	it('tells everybody who waits, or comes later, that the client has gone', async () => {
		const { stream, socket } = await openPair();
		socket.pause();
		const outcomes: unknown[] = [];
		const sending = Array.from({ length: 300 }, () => stream.send('x'.repeat(64 * 1024)));
		const ended = Promise.all(sending.map((each) => each.catch((error) => outcomes.push(errorCode(error)))));
		await sleep(100);
		socket.destroy();
		await ended;
		expect(new Set(outcomes)).toEqual(new Set(['PC_CALL_CANCELLED']));
		await expect(stream.send('late')).rejects.toThrow('cancelled');
	});

	it('ends once, and leaves nothing behind', async () => {
		const { stream, response, socket } = await openPair();
		const closed = new Promise((resolve) => response.once('close', resolve));
		stream.end();
		stream.end();
		await closed;
		await expect(stream.send('late')).rejects.toThrow('cancelled');
		expect(response.listenerCount('close')).toBe(0);
		expect(socket.destroyed).toBe(false);
	});
});
