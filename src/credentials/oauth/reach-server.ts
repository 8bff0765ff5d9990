import { secretNames } from '../../config/credential-fault.ts';
import type { OAuthSettings } from '../../config/oauth-settings.ts';
import type { Server, Snapshot, Workspace } from '../../config/snapshot.ts';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { Grant, Principal } from '../../identity/principal.ts';
import type { Identity } from '../../lib/principal-key.ts';
import type { ConnectionWay, ServerName } from './connections.ts';

/** A server that a person may connect, and whose credential that makes. */
export interface Connectable {
	readonly workspace: Workspace;
	readonly server: Server;
	/** `undefined`: the workspace's. */
	readonly owner: Identity | undefined;
}

/** Every server the person may connect, in order of workspace and server. */
export function connectables({ workspaces }: Snapshot, person: Principal): readonly Connectable[] {
	return [...person.grants.values()].flatMap((grant) => {
		const workspace = workspaces.get(grant.workspace);
		if (workspace === undefined || workspace.id !== grant.workspaceId || grant.listsOnly) return [];
		return [...workspace.servers.values()].flatMap((server) => connectable(workspace, server, { grant, person }) ?? []);
	});
}

/** The one of this name; PC_ADDRESS_UNKNOWN where there is none, or not for this person. */
export function reachServer(snapshot: Snapshot, person: Principal, name: ServerName): Connectable {
	const found = connectables(snapshot, person).find(
		({ workspace, server }) => workspace.slug === name.workspace && server.slug === name.server,
	);
	if (found === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	return found;
}

interface Asking {
	readonly grant: Grant;
	readonly person: Principal;
}

function connectable(workspace: Workspace, server: Server, { grant, person }: Asking): Connectable | undefined {
	const isTheirs = server.enabled && grant.servers?.has(server.slug) !== false;
	// A server that takes no secret out of a credential has nothing to be connected with.
	if (!isTheirs || server.credential === 'none' || secretNames(server.transport).size === 0) return undefined;
	if (server.credential !== 'workspace') {
		const { issuer, tid, oid } = person;
		return { workspace, server, owner: { issuer, tid, oid } };
	}
	// What everybody calls with is for those to connect who answer for the workspace.
	return grant.level === 'admin' ? { workspace, server, owner: undefined } : undefined;
}

/** How people sign in for a server; `undefined` where nobody does. */
export function oauthOf({ transport }: Server): OAuthSettings | undefined {
	return transport.kind === 'http' || transport.kind === 'sse' ? transport.oauth : undefined;
}

/** How a server is connected: by signing in, where its definition says so. */
export function wayOf(server: Server): ConnectionWay {
	return oauthOf(server) === undefined ? 'values' : 'oauth';
}

/** Whether it is people who connect it, and not the gateway by itself. */
export function isForPeople({ server }: Connectable): boolean {
	return oauthOf(server)?.grant !== 'client-credentials';
}
