import type { Call } from '../mcp/call.ts';
import { checkParamHeaders } from '../mcp/modern/param-headers.ts';
import type { Route } from './route.ts';

/**
 * Compares the arguments that a tool wants mirrored in headers with the headers (mcp 2026-07-28: transports). Throws
 * PC_HEADER_MISMATCH. Asked after policy: whoever may not use a tool must not learn from its headers that it is there.
 * Calls that pass as they are carry their own headers to the server, which compares them itself.
 */
export function checkMirroredHeaders(route: Route, call: Call): void {
	if (route.kind !== 'held' || call.era !== 'modern' || call.method !== 'tools/call') return;
	if (route.tool !== undefined) checkParamHeaders(route.tool.paramHeaders, call);
}
