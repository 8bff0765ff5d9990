import type { Server, Toolset } from '../config/snapshot.ts';
import type { Address } from '../mcp/address.ts';
import type { ChangedList } from '../mcp/changes.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import type { ListKind } from '../mcp/methods.ts';
import type { RestoredCall } from '../mcp/modern/restore-call.ts';
import type { CatalogItem } from './catalog.ts';

interface RouteBase {
	readonly address: Address;
	/** Every server the call may touch; policy judges them all. */
	readonly servers: readonly Server[];
	/** The caller's session; legacy only. */
	readonly session: SessionClaim | undefined;
	/** Client capabilities the call comes with, canonical JSON text. */
	readonly profile: string;
}

/** The call goes to one server, its message as it is: same era over http at the server's own address. */
export interface RawRoute extends RouteBase {
	readonly kind: 'raw';
	readonly server: Server;
	/** The tool that is called, or that began the task the call is about. */
	readonly tool: CatalogItem | undefined;
	/** What of the message changes on the way; `undefined` for all but few calls. */
	readonly restored: RestoredCall | undefined;
}

/** The call goes to one server through a session the gateway holds: other eras, other transports, aggregates. */
export interface HeldRoute extends RouteBase {
	readonly kind: 'held';
	readonly server: Server;
	readonly tool: CatalogItem | undefined;
	/** `params` members that change on the way, JSON text by key. */
	readonly changes: Readonly<Record<string, string>>;
	/** Of a call about a task: the caller's ids of it. */
	readonly restored: RestoredCall | undefined;
	/** The only tools there are at this address; `undefined`: all of the servers. */
	readonly toolset: Toolset | undefined;
}

/** A list, answered from the cached lists of the servers. */
export interface ListRoute extends RouteBase {
	readonly kind: 'list';
	readonly list: ListKind;
	/** The only tools there are at this address; `undefined`: all of the servers. */
	readonly toolset: Toolset | undefined;
}

/** The gateway answers by itself. */
export interface LocalRoute extends RouteBase {
	readonly kind: 'local';
	readonly answer:
		| 'initialize'
		| 'discover'
		| 'pong'
		| 'set-level'
		| 'cancel'
		| 'unsubscribe'
		| 'accepted'
		| 'session-ended';
}

/** A stream without end that tells of changes at all servers here: a modern subscription, or a session's GET stream. */
export interface ListenRoute extends RouteBase {
	readonly kind: 'listen';
	readonly lists: readonly ChangedList[];
	/** Resources the call names, with their servers' own URIs and the ones the caller uses. */
	readonly resources: readonly { readonly server: Server; readonly uri: string; readonly exposed: string }[];
}

/** A legacy session wants to hear of one resource of one server. */
export interface SubscribeRoute extends RouteBase {
	readonly kind: 'subscribe';
	readonly session: SessionClaim;
	readonly server: Server;
	readonly uri: string;
	readonly exposed: string;
}

/** Where a call goes: made before policy looks, so that what was allowed is what is called. */
export type Route = RawRoute | HeldRoute | ListRoute | LocalRoute | ListenRoute | SubscribeRoute;

/** What the audit says of a route: its kind and, where it goes to one server, which server and tool. */
export interface RouteSubject {
	readonly route: Route['kind'];
	readonly workspace?: string;
	readonly workspaceId?: string;
	readonly server?: string;
	readonly tool?: string;
}

/** The audit's view of a route. */
export function subjectOf(route: Route): RouteSubject {
	if (!('server' in route)) return { route: route.kind, ...workspaceOf(route) };
	const { kind, server } = route;
	const tool = kind === 'subscribe' ? undefined : route.tool;
	const { workspace, workspaceId, slug } = server;
	if (tool === undefined) return { route: kind, workspace, workspaceId, server: slug };
	return { route: kind, workspace, workspaceId, server: slug, tool: tool.name };
}

// Of an address within one workspace everything is that workspace's, also what no single server answers.
function workspaceOf({ address, servers }: Route): Pick<RouteSubject, 'workspace' | 'workspaceId'> {
	const [first] = servers;
	if (address.kind === 'all' || first === undefined) return {};
	return { workspace: first.workspace, workspaceId: first.workspaceId };
}
