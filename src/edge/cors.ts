import type { PublicNames } from '../config/snapshot.ts';

const EXPOSED =
	'mcp-session-id, mcp-protocol-version, www-authenticate, x-request-id, retry-after, etag, location, idempotency-replayed';

/** CORS headers for an answer; none unless the Origin is on the configured list. Cookies are never allowed. */
export function corsHeaders(origin: string | undefined, names: PublicNames): Readonly<Record<string, string>> {
	if (origin === undefined || !names.origins.has(origin)) return NONE;
	return { 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED, vary: 'origin' };
}

/** What pages may send to one part of the gateway. */
export interface Surface {
	readonly methods: string;
	/** Of the headers a page asks for, those that clients of this part send. */
	readonly header: RegExp;
}

/** The MCP addresses. */
export const MCP_SURFACE: Surface = {
	methods: 'POST, GET, DELETE',
	header: /^(?:authorization|content-type|accept|last-event-id|mcp-[a-z0-9-]+)$/i,
};

/** The management API. */
export const API_SURFACE: Surface = {
	methods: 'GET, POST, PUT, PATCH, DELETE',
	header: /^(?:authorization|content-type|accept|if-match|if-none-match|idempotency-key)$/i,
};

/** Additional headers of the answer to a preflight. */
export function preflightHeaders(requested: string | undefined, surface: Surface): Readonly<Record<string, string>> {
	const names = (requested ?? '').split(',').map((name) => name.trim());
	return {
		'access-control-allow-methods': surface.methods,
		'access-control-allow-headers': names.filter((name) => surface.header.test(name)).join(', '),
		'access-control-max-age': '600',
	};
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});
