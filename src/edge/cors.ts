import type { PublicNames } from '../config/snapshot.ts';

const EXPOSED = 'mcp-session-id, mcp-protocol-version, www-authenticate, x-request-id, retry-after';

/** CORS headers for an answer; none unless the Origin is on the configured list. Cookies are never allowed. */
export function corsHeaders(origin: string | undefined, names: PublicNames): Readonly<Record<string, string>> {
	if (origin === undefined || !names.origins.has(origin)) return NONE;
	return { 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED, vary: 'origin' };
}

const ALLOWED_HEADER = /^(?:authorization|content-type|accept|last-event-id|mcp-[a-z0-9-]+)$/i;

/** Additional headers of the answer to a preflight: of the headers asked for, those that MCP clients send. */
export function preflightHeaders(requested: string | undefined): Readonly<Record<string, string>> {
	const names = (requested ?? '').split(',').map((name) => name.trim());
	return {
		'access-control-allow-methods': 'POST, GET, DELETE',
		'access-control-allow-headers': names.filter((name) => ALLOWED_HEADER.test(name)).join(', '),
		'access-control-max-age': '600',
	};
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});
