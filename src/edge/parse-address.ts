import { PortcullisError } from '../errors/portcullis-error.ts';
import { isSlug } from '../lib/slug.ts';
import type { Address } from '../mcp/address.ts';

/**
 * The MCP address a request target names. Compared as sent: nothing is decoded, so no encoding of a slash or dot can
 * mean two things. Both slash forms answer. Throws PC_ADDRESS_UNKNOWN.
 */
export function parseAddress(target: string): Address {
	const query = target.indexOf('?');
	const path = query === -1 ? target : target.slice(0, query);
	const parts = (path.endsWith('/') ? path.slice(0, -1) : path).split('/');
	if (parts[0] !== '' || parts[parts.length - 1] !== 'mcp') throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	const [, w, workspace = '', s, server = ''] = parts;
	if (parts.length === 2) return { kind: 'all' };
	if (w !== 'w' || !isSlug(workspace)) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	if (parts.length === 4) return { kind: 'workspace', workspace };
	if (parts.length !== 6 || s !== 's' || !isSlug(server)) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	return { kind: 'server', workspace, server };
}
