import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenerSettings, TlsFiles } from '../config/listeners.ts';
import { headersReadBy } from '../identity/edge/edge-headers.ts';
import { createArrive } from './arrive.ts';
import { createTlsServer, type TlsServer } from './tls-server.ts';

/** Where to listen; port 0 takes any free one. */
export interface ListenAt {
	readonly host: string;
	readonly port: number;
	/** Plain HTTP where it is absent. */
	readonly tls?: TlsFiles | undefined;
	readonly edge?: ListenerSettings['edge'];
}

/** A listening socket. */
export interface Listener {
	readonly port: number;
	/** Takes renewed certificates, where there are any; goes on as before, and tells, when they cannot be used. */
	reload(onFault: (message: string) => void): void;
	/** Stops accepting, lets running requests end until the signal aborts, then cuts what is left. */
	drain(signal: AbortSignal): Promise<void>;
}

const OPTIONS = {
	headersTimeout: 10_000,
	requestTimeout: 30_000,
	keepAliveTimeout: 65_000,
	connectionsCheckingInterval: 1_000,
	maxHeaderSize: 32 * 1024,
	requireHostHeader: true,
	noDelay: true,
} as const;

/** Starts an HTTP server with limits against slow and oversized requests. */
export async function listen(at: ListenAt, handler: RequestListener): Promise<Listener> {
	const opened = createAnyServer(at, handler);
	const { server } = opened;
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(at.port, at.host, resolve);
	});
	return {
		port: (server.address() as AddressInfo).port,
		reload: opened.reload,
		drain: (signal) => drain(opened, signal),
	};
}

type AnyServer = Pick<TlsServer, 'reload' | 'cut'> & { readonly server: HttpServer | TlsServer['server'] };

function createAnyServer({ tls, edge }: ListenAt, handler: RequestListener): AnyServer {
	// Where the certificate says who vouches, one that does not count is refused with a sentence, like any other proof.
	const clients = edge?.mechanism === 'client-certificate' ? 'judged-later' : 'verified';
	if (tls !== undefined) return createTlsServer({ files: tls, clients, options: OPTIONS }, handler);
	const server = createServer(OPTIONS, handler);
	return { server, reload: () => undefined, cut: () => server.closeAllConnections() };
}

/** Something for callers, and the same for operators. */
export interface Both<T> {
	readonly public: T;
	readonly operator: T;
}

/** Everything that is listened on. */
export interface Places {
	readonly public: ListenAt;
	/** Nothing is told to operators where it is absent. */
	readonly operator?: ListenAt | undefined;
	/** Networks of the proxies in front of the main listener. */
	readonly trustedProxies?: readonly string[];
	/** Public listeners besides the main one. */
	readonly further?: readonly ListenerSettings[];
}

/** The listening gateway. */
export interface Listening {
	/** All public listeners as one; its port is that of the main one. */
	readonly front: Listener;
	readonly operator: Listener;
	/** Ports of the further public listeners by name. */
	readonly ports: ReadonlyMap<string, number>;
}

/** Starts all servers, or none: half a gateway must not go on listening. */
export async function listenAll(places: Places, handlers: Both<RequestListener>): Promise<Listening> {
	const { further = [], trustedProxies = [] } = places;
	const main: ListenerSettings = { tls: undefined, ...places.public, name: 'main', trustedProxies, edge: undefined };
	const opened: Listener[] = [];
	const open = async (at: ListenAt, handler: RequestListener): Promise<Listener> => {
		const listener = await listen(at, handler);
		opened.push(listener);
		return listener;
	};
	try {
		const front: Listener[] = [];
		for (const settings of [main, ...further]) front.push(await open(settings, arriving(settings, handlers.public)));
		const operator = places.operator === undefined ? NOWHERE : await open(places.operator, handlers.operator);
		const ports = new Map(further.map(({ name }, at) => [name, (front[at + 1] as Listener).port]));
		return { front: asOne(front as [Listener, ...Listener[]]), operator, ports };
	} catch (error) {
		await Promise.all(opened.map((listener) => listener.drain(AbortSignal.abort())));
		throw error;
	}
}

const NOWHERE: Listener = { port: 0, reload: () => undefined, drain: () => Promise.resolve() };

function arriving({ name, trustedProxies, edge }: ListenerSettings, handler: RequestListener): RequestListener {
	const arrive = createArrive({ name, trustedProxies, reads: edge && headersReadBy(edge) });
	return (request, response) => {
		arrive(request);
		handler(request, response);
	};
}

function asOne(listeners: readonly [Listener, ...Listener[]]): Listener {
	return {
		port: listeners[0].port,
		reload(onFault) {
			for (const listener of listeners) listener.reload(onFault);
		},
		drain: async (signal) => void (await Promise.all(listeners.map((listener) => listener.drain(signal)))),
	};
}

function drain({ server, cut }: AnyServer, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
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
