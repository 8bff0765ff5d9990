import { PortcullisError } from '../errors/portcullis-error.ts';
import { isSlug } from '../lib/slug.ts';
import type { Address } from '../mcp/address.ts';

/** Last word of an address: Streamable HTTP, or the stream and the messages of HTTP+SSE (mcp 2024-11-05: transports). */
export type Door = 'mcp' | 'sse' | 'messages';

/** The door a request target names; all that is no door of HTTP+SSE counts as `mcp`, and is judged there. */
export function doorOf(target: string): Door {
	// Nearly every target ends here.
	if (target.endsWith('/mcp') && !target.includes('?')) return 'mcp';
	const last = partsOf(target).pop();
	return last === 'sse' || last === 'messages' ? last : 'mcp';
}

function partsOf(target: string): string[] {
	const query = target.indexOf('?');
	const path = query === -1 ? target : target.slice(0, query);
	return (path.endsWith('/') ? path.slice(0, -1) : path).split('/');
}

/**
 * The MCP address a request target names, reached through this door. Compared as sent: nothing is decoded, so no encoding of a slash or dot can
 * mean two things. Both slash forms answer. Throws PC_ADDRESS_UNKNOWN.
 */
export function parseAddress(target: string, door: Door = 'mcp'): Address {
	const parts = partsOf(target);
	if (parts[0] !== '' || parts[parts.length - 1] !== door) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	const [, w, workspace = '', kind, slug = ''] = parts;
	if (parts.length === 2) return { kind: 'all' };
	if (w !== 'w' || !isSlug(workspace)) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	if (parts.length === 4) return { kind: 'workspace', workspace };
	if (parts.length !== 6 || !isSlug(slug)) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	if (kind === 's') return { kind: 'server', workspace, server: slug };
	if (kind === 't') return { kind: 'toolset', workspace, toolset: slug };
	throw new PortcullisError('PC_ADDRESS_UNKNOWN');
}
