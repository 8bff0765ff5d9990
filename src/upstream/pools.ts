import { Pool } from 'undici';
import type { NetworkTransport, OpenApiTransport, Server } from '../config/snapshot.ts';
import type { ScopeKey } from '../lib/scope.ts';

const MAX_CONNECTIONS = 256;
const KEEP_ALIVE_MS = 30_000;
/** How long a pool outlives its server's definition: calls that began before may have steps to go. */
const LINGER_MS = 60_000;

/** Keep-alive connections to upstreams, one pool for each scope, so that no connection serves two credentials. */
export interface Pools {
	/** The pool of this scope, made on first use, and the path to ask for. */
	poolFor(key: ScopeKey, server: Server & { readonly transport: NetworkTransport | OpenApiTransport }): Origin;
	/** Closes every pool whose key is not kept, a minute later and after its calls in flight. */
	retire(isKept: (key: ScopeKey) => boolean): void;
	close(): Promise<void>;
}

/** Connections to the server's origin, and where it answers there. */
export interface Origin {
	readonly pool: Pool;
	/** Path and query of the server's address. */
	readonly path: string;
}

/** Pools without redirects (undici follows none unless asked to) and without shared connections. */
export function createPools(): Pools {
	const pools = new Map<ScopeKey, Origin>();
	let isKept: (key: ScopeKey) => boolean = () => true;
	const closeUnkept = (): void => {
		for (const [key, { pool }] of pools) {
			if (isKept(key)) continue;
			pools.delete(key);
			pool.close().catch(() => pool.destroy());
		}
	};
	return {
		poolFor(key, server) {
			const known = pools.get(key);
			if (known !== undefined) return known;
			const { transport } = server;
			const url = new URL((transport.kind === 'openapi' ? transport.baseUrl : undefined) ?? transport.url);
			const pool = new Pool(url.origin, {
				connections: MAX_CONNECTIONS,
				pipelining: 1,
				keepAliveTimeout: KEEP_ALIVE_MS,
				connect: { timeout: server.limits.connectMs },
			});
			const origin = { pool, path: url.pathname + url.search };
			pools.set(key, origin);
			return origin;
		},
		retire(isKeptNow) {
			isKept = isKeptNow;
			setTimeout(closeUnkept, LINGER_MS).unref();
		},
		async close() {
			const closing = [...pools.values()].map(({ pool }) => pool.destroy());
			pools.clear();
			await Promise.all(closing);
		},
	};
}
