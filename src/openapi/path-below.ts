import type { Address } from '../mcp/address.ts';

/** Path of an address as an OpenAPI service. */
export function pathBelow(address: Address): string {
	if (address.kind === 'all') return '';
	if (address.kind === 'workspace') return `/w/${address.workspace}`;
	if (address.kind === 'toolset') return `/w/${address.workspace}/t/${address.toolset}`;
	return `/w/${address.workspace}/s/${address.server}`;
}
