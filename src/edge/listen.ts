import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where to listen; port 0 takes any free one. */
export interface ListenAt {
	readonly host: string;
	readonly port: number;
}

/** A listening socket. */
export interface Listener {
	readonly port: number;
	/** Stops accepting, lets running requests end until the signal aborts, then cuts what is left. */
	drain(signal: AbortSignal): Promise<void>;
}

const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
const SWEEP_MS = 1_000;

/** Starts an HTTP server with limits against slow and oversized requests. */
export async function listen(at: ListenAt, handler: RequestListener): Promise<Listener> {
	const server = createServer(
		{
			headersTimeout: HEADERS_MS,
			requestTimeout: REQUEST_MS,
			keepAliveTimeout: KEEP_ALIVE_MS,
			connectionsCheckingInterval: SWEEP_MS,
			maxHeaderSize: 32 * 1024,
			requireHostHeader: true,
			noDelay: true,
		},
		handler,
	);
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(at.port, at.host, resolve);
	});
	return { port: (server.address() as AddressInfo).port, drain: (signal) => drain(server, signal) };
}

/** Something for callers, and the same for operators. */
export interface Both<T> {
	readonly public: T;
	readonly operator: T;
}

/** Starts both servers, or neither: half a gateway must not go on listening. */
export async function listenBoth(at: Both<ListenAt>, handlers: Both<RequestListener>) {
	const front = await listen(at.public, handlers.public);
	try {
		return { front, operator: await listen(at.operator, handlers.operator) };
	} catch (error) {
		await front.drain(AbortSignal.abort());
		throw error;
	}
}

function drain(server: HttpServer, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const cut = (): void => server.closeAllConnections();
		// Answers that are still running close their connection when they end.
		const sweep = setInterval(() => server.closeIdleConnections(), 100);
		server.close(() => {
			clearInterval(sweep);
			signal.removeEventListener('abort', cut);
			resolve();
		});
		server.closeIdleConnections();
		if (signal.aborted) cut();
		else signal.addEventListener('abort', cut, { once: true });
	});
}
