import type { Server, Snapshot, Workspace } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';

/** The workspace that a path names; throws PC_NOT_FOUND. */
export function knownWorkspace(snapshot: Snapshot, slug: string): Workspace {
	const workspace = snapshot.workspaces.get(slug);
	if (workspace === undefined) throw new PortcullisError('PC_NOT_FOUND');
	return workspace;
}

/** The server that a path names; throws PC_NOT_FOUND. */
export function knownServer(snapshot: Snapshot, at: { readonly workspace: string; readonly server: string }): Server {
	const server = knownWorkspace(snapshot, at.workspace).servers.get(at.server);
	if (server === undefined) throw new PortcullisError('PC_NOT_FOUND');
	return server;
}
