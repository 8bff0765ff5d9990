import type { PublicNames } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { identityNameOf } from './identity-headers.ts';

/** The headers of one request that the data plane looks at; everything else is left alone and never travels. */
export interface EdgeHeaders {
	readonly host: string;
	readonly origin: string | undefined;
	readonly accept: string | undefined;
	readonly contentType: string | undefined;
	readonly contentEncoding: string | undefined;
	readonly contentLength: string | undefined;
	/** MCP's own and `Last-Event-ID`, by lower-case name. */
	readonly mcp: ReadonlyMap<string, string>;
}

const ONCE = new Set([
	'host',
	'origin',
	'authorization',
	'content-type',
	'content-length',
	'content-encoding',
	'last-event-id',
	'if-match',
	'if-none-match',
	'idempotency-key',
]);

/**
 * Reads the headers that matter. Throws PC_HEADER_INVALID when one that must stand once stands twice: node:http keeps
 * the first and some proxies the last, and the two must not see different requests. What says who somebody is must stand
 * once in all its spellings together.
 */
export function readHeaders(rawHeaders: readonly string[]): EdgeHeaders {
	const found = new Map<string, string>();
	const mcp = new Map<string, string>();
	for (let index = 0; index < rawHeaders.length; index += 2) {
		const sent = (rawHeaders[index] as string).toLowerCase();
		const identity = identityNameOf(sent);
		const name = identity ?? sent;
		const isMcp = name.startsWith('mcp-');
		const isOnce = isMcp || identity !== undefined || ONCE.has(name);
		if (isOnce && found.has(name)) throw new PortcullisError('PC_HEADER_INVALID', { detail: name });
		found.set(name, rawHeaders[index + 1] as string);
		if (isMcp || name === 'last-event-id') mcp.set(name, rawHeaders[index + 1] as string);
	}
	const host = found.get('host')?.toLowerCase();
	if (host === undefined) throw new PortcullisError('PC_HEADER_INVALID', { detail: 'host' });
	return {
		host,
		origin: found.get('origin'),
		accept: found.get('accept'),
		contentType: found.get('content-type'),
		contentEncoding: found.get('content-encoding'),
		contentLength: found.get('content-length'),
		mcp,
	};
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

/** Refuses other hosts' names (DNS rebinding) and other sites' pages; the two are checked each by itself. */
export function checkNames({ host, origin }: Pick<EdgeHeaders, 'host' | 'origin'>, names: PublicNames): void {
	if (!isOwnHost(host, names)) throw new PortcullisError('PC_HOST_REFUSED');
	if (origin !== undefined && !isAllowedOrigin(origin, names)) throw new PortcullisError('PC_ORIGIN_REFUSED');
}

function isOwnHost(host: string, names: PublicNames): boolean {
	return LOOPBACK.test(host) || names.hosts.has(host) || (names.url !== undefined && new URL(names.url).host === host);
}

function isAllowedOrigin(origin: string, names: PublicNames): boolean {
	if (names.origins.has(origin)) return true;
	return URL.canParse(origin) && isOwnHost(new URL(origin).host, names);
}
