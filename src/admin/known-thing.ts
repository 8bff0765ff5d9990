import { isWithin } from '../config/is-within.ts';
import type { Server, Snapshot, Workspace } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Caller } from './caller.ts';

/** The workspace that a path names; throws PC_NOT_FOUND. */
export function knownWorkspace(snapshot: Snapshot, slug: string): Workspace {
	const workspace = snapshot.workspaces.get(slug);
	if (workspace === undefined) throw new PortcullisError('PC_NOT_FOUND');
	return workspace;
}

/** The server that a path names; one outside the caller's key is as unknown as one that is not there: PC_NOT_FOUND. */
export function knownServer(
	{ snapshot, caller }: { readonly snapshot: Snapshot; readonly caller: Caller },
	at: { readonly workspace: string; readonly server: string },
): Server {
	const server = knownWorkspace(snapshot, at.workspace).servers.get(at.server);
	const grant = caller.principal?.grants.get(at.workspace) ?? {};
	if (server === undefined || !isWithin(grant, server)) throw new PortcullisError('PC_NOT_FOUND');
	return server;
}
