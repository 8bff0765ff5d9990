import { pathOf } from './api-client.ts';
import { readTarget } from './given.ts';

/** Path of the servers of a workspace. */
export function serversPath(workspace: string): string {
	return pathOf('workspaces', workspace, 'servers');
}

/** Path of a server that is named as `workspace/server`, with what may follow. */
export function serverPath(server: string, ...rest: readonly string[]): string {
	const { workspace, name } = readTarget(server, 'server');
	return serversPath(workspace) + pathOf(name, ...rest);
}
