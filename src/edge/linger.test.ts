import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { linger } from './linger.ts';

const closers: (() => void)[] = [];
afterEach(() => {
	for (const close of closers.splice(0)) close();
});

/** Sends a body of so many bytes, as fast as it is taken; tells what was answered and how much was read. */
async function send(bytes: number, read: (incoming: IncomingMessage) => Promise<void>): Promise<number> {
	const server = createServer(async (incoming, response) => {
		await read(incoming);
		response.writeHead(413, { connection: 'close' }).end('too large');
	});
	closers.push(
		() => server.closeAllConnections(),
		() => server.close(),
	);
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	return new Promise((resolve, reject) => {
		const sent = request(
			{ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': bytes } },
			(answer) => {
				answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
			},
		);
		sent.once('error', reject);
		sent.end(Buffer.alloc(bytes));
	});
}

it('reads a refused body to its end before its sender is answered', async () => {
	let isRead = false;
	const read = async (incoming: IncomingMessage): Promise<void> => {
		await linger(incoming);
		isRead = incoming.readableEnded;
	};
	expect([await send(900_000, read), isRead]).toEqual([413, true]);
});

it('gives up a body that does not end', async () => {
	let left = 0;
	const read = async (incoming: IncomingMessage): Promise<void> => {
		await linger(incoming);
		left = incoming.isPaused() ? 1 : 0;
	};
	await send(64 * 1024 * 1024, read).catch(() => undefined);
	expect(left).toBe(1);
});

it('does not wait for a body that was read already', async () => {
	const read = async (incoming: IncomingMessage): Promise<void> => {
		for await (const _ of incoming);
		await linger(incoming);
	};
	expect(await send(10, read)).toBe(413);
});
