import { Pool } from 'undici';
import type { NetworkTransport, OpenApiTransport, Server } from '../config/snapshot.ts';
import type { Attached } from '../credentials/attach-credential.ts';
import { createMachineAvoidingConnect } from '../lib/egress/avoid-machine.ts';
import type { ScopeKey } from '../lib/scope.ts';

const MAX_CONNECTIONS = 256;
const KEEP_ALIVE_MS = 30_000;
/**
 * How long a pool outlives its server's definition or its credential: calls that began before may have steps to go. One
 * that such a late step makes is closed by the second look.
 */
const LINGER_MS = [3_000, 60_000] as const;

/** Keep-alive connections to upstreams, one pool for each scope, so that no connection serves two credentials. */
export interface Pools {
	/** The pool of the credential's scope, made on first use, and the address to ask. */
	poolFor(
		server: Server & { readonly transport: NetworkTransport | OpenApiTransport },
		credential: PoolCredential,
	): Origin;
	/** Closes every pool whose key is not kept, seconds later and after its calls in flight. */
	retire(isKept: (key: ScopeKey) => boolean): void;
	close(): Promise<void>;
}

/** What of a credential decides which connections are used. */
export type PoolCredential = Pick<Attached, 'key' | 'url'>;

/** Connections to the server's origin, and where it answers there. */
export interface Origin {
	readonly pool: Pool;
	readonly url: URL;
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
		poolFor(server, { key, url: ofCredential }) {
			const known = pools.get(key);
			if (known !== undefined) return known;
			const { transport } = server;
			const base = (transport.kind === 'openapi' ? transport.baseUrl : ofCredential) ?? transport.url;
			const url = new URL(base);
			const pool = new Pool(url.origin, {
				connections: MAX_CONNECTIONS,
				pipelining: 1,
				keepAliveTimeout: KEEP_ALIVE_MS,
				connect: createMachineAvoidingConnect({ connectMs: server.limits.connectMs }),
			});
			const origin = { pool, url, path: url.pathname + url.search };
			pools.set(key, origin);
			return origin;
		},
		retire(isKeptNow) {
			isKept = isKeptNow;
			for (const lingerMs of LINGER_MS) setTimeout(closeUnkept, lingerMs).unref();
		},
		async close() {
			const closing = [...pools.values()].map(({ pool }) => pool.destroy());
			pools.clear();
			await Promise.all(closing);
		},
	};
}
