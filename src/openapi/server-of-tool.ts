import type { Server, Snapshot } from '../config/snapshot.ts';
import { type Address, prefixesAt } from '../mcp/address.ts';
import { mayHavePrefixes } from '../mcp/names.ts';

/** The server whose tool has this name at an aggregate; a name that was cut may have lost part of its server's. */
export function serverOfTool({ workspaces }: Snapshot, address: Address, tool: string): Server | undefined {
	const among = address.kind === 'all' ? [...workspaces.values()] : [workspaces.get(address.workspace)];
	const servers = among.flatMap((workspace) => [...(workspace?.servers.values() ?? [])]);
	return servers.find((server) => mayHavePrefixes(tool, prefixesAt(address, server)));
}
