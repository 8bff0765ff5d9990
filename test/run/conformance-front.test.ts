import { once } from 'node:events';
import { createServer, type IncomingMessage, request as openRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startFront } from '../../tools/conformance/front.ts';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0)) await close();
});

/** A front before a server that stands for the gateway; the address of the front. */
async function frontOf(serve: Serve): Promise<URL> {
	const server = createServer(serve).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const front = await startFront({ gatewayUrl, token: 'secret' });
	closers.push(
		front.close,
		() => server.closeAllConnections(),
		() => server.close(),
	);
	return new URL(`http://127.0.0.1:${front.port}/mcp`);
}

describe('the front of the conformance suites', () => {
	it('adds the token and leaves host, origin and body alone', async () => {
		const url = await frontOf((request, response) => {
			const { authorization, host, origin } = request.headers;
			response.setHeader('x-seen', JSON.stringify({ authorization, host, origin, path: request.url }));
			request.pipe(response.writeHead(418));
		});
		const headers = { host: 'evil.example', origin: 'http://evil.example' };
		const request = openRequest(url, { method: 'POST', headers }).end('{"id":1}');
		const [response] = (await once(request, 'response')) as [IncomingMessage];
		const seen = { authorization: 'Bearer secret', host: 'evil.example', origin: 'http://evil.example', path: '/mcp' };
		expect(JSON.parse(String(response.headers['x-seen']))).toEqual(seen);
		expect([response.statusCode, Buffer.concat(await response.toArray()).toString()]).toEqual([418, '{"id":1}']);
	});

	it('passes an event on while the stream is open, and tells the gateway when the caller leaves', async () => {
		let left: () => void = () => undefined;
		const gone = new Promise<void>((resolve) => {
			left = resolve;
		});
		const url = await frontOf((_request, response) => {
			response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
			response.on('close', left);
		});
		const request = openRequest(url).end();
		const [response] = (await once(request, 'response')) as [IncomingMessage];
		expect(String((await once(response, 'data'))[0])).toBe('data: 1\n\n');
		request.destroy();
		await gone;
	});

	it('breaks off towards the caller when the gateway does', async () => {
		const url = await frontOf((_request, response) => {
			response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
			setTimeout(() => response.destroy(), 20);
		});
		const request = openRequest(url).end();
		const [response] = (await once(request, 'response')) as [IncomingMessage];
		await expect(response.toArray()).rejects.toThrow('aborted');
	});
});
