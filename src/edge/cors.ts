import type { PublicNames } from '../config/snapshot.ts';

const EXPOSED = 'mcp-session-id, mcp-protocol-version, www-authenticate, x-request-id, retry-after';

/** CORS headers for an answer; none unless the Origin is on the configured list. Cookies are never allowed. */
export function corsHeaders(origin: string | undefined, names: PublicNames): Readonly<Record<string, string>> {
	if (origin === undefined || !names.origins.has(origin)) return NONE;
	return { 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED, vary: 'origin' };
}

/** Additional headers of the answer to a preflight request; they name what an MCP client in a page sends. */
export const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
	'access-control-allow-methods': 'POST, GET, DELETE',
	'access-control-allow-headers':
		'authorization, content-type, accept, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, last-event-id',
	'access-control-max-age': '600',
};

const NONE: Readonly<Record<string, string>> = Object.freeze({});
