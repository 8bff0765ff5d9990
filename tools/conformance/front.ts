import { createServer, type IncomingMessage, request as openRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A front that is running. */
export interface Front {
	readonly port: number;
	close(): Promise<void>;
}

/** Where a front passes requests on to, and as whom. */
export interface FrontOptions {
	readonly gatewayUrl: string;
	readonly token: string;
}

/** Of the connection, not of the message: they must not travel to the next one. */
const HOP_HEADERS = new Set(['connection', 'keep-alive']);

/**
 * Starts a server that adds a token to each request and changes nothing else: the suites have none to send. `Host` and
 * `Origin` stay as they came, since the gateway is judged by what it makes of them.
 */
export async function startFront(options: FrontOptions): Promise<Front> {
	const server = createServer((request, response) => passOn(request, response, options));
	server.keepAliveTimeout = 60_000; // longer than the pauses of any scenario, so that no request meets a closing socket
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const close = () =>
		new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
	return { port: (server.address() as AddressInfo).port, close };
}

function passOn(request: IncomingMessage, response: ServerResponse, { gatewayUrl, token }: FrontOptions): void {
	const { hostname, port } = new URL(gatewayUrl);
	const headers = [...endToEnd(request.rawHeaders), 'authorization', `Bearer ${token}`];
	const { method, url: path } = request;
	const onward = openRequest({ hostname, port, method, path, headers, setHost: false, agent: false });
	onward.on('response', (answer) => {
		response.writeHead(answer.statusCode ?? 502, endToEnd(answer.rawHeaders));
		response.flushHeaders();
		answer.on('error', () => response.destroy());
		answer.pipe(response);
	});
	onward.on('error', () => response.destroy());
	// Whoever leaves must be seen to leave: for a modern caller that is how a request is cancelled.
	response.on('close', () => onward.destroy());
	request.pipe(onward);
}

function endToEnd(rawHeaders: readonly string[]): string[] {
	const kept: string[] = [];
	for (let index = 0; index < rawHeaders.length; index += 2) {
		const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
		if (!HOP_HEADERS.has(name.toLowerCase())) kept.push(name, value);
	}
	return kept;
}
