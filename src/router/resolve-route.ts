import { isUsable } from '../config/is-usable.ts';
import { isWithin } from '../config/is-within.ts';
import type { Server, Snapshot, SnapshotSource, Toolset, Workspace } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Grant, Principal } from '../identity/principal.ts';
import type { Address } from '../mcp/address.ts';
import { asObject, type Call } from '../mcp/call.ts';
import { CLIENT_FEATURES, narrowedProfile } from '../mcp/client-features.ts';
import { isSessionOf, profileOf, type SessionClaim, type SessionIds } from '../mcp/legacy/session.ts';
import { effectOf, isForeignTo, listKindOf } from '../mcp/methods.ts';
import { META } from '../mcp/modern/envelope.ts';
import { bearsSealed, type RestoredCall } from '../mcp/modern/restore-call.ts';
import type { Era } from '../mcp/revisions.ts';
import type { CatalogItem, CatalogQuery, UpstreamDirectory } from './catalog.ts';
import { createItemFinder, type ItemFinder, type ItemSearch, unknownItem } from './find-item.ts';
import { concernsChanges, type FindResource, resolveChanges } from './resolve-changes.ts';
import type { LocalRoute, Route } from './route.ts';

/** One call on its way to a route. */
export interface RouteQuery {
	readonly address: Address;
	readonly principal: Principal;
	readonly call: Call;
}

/** What the router works with. */
export interface RouterParts {
	readonly snapshots: SnapshotSource;
	readonly directory: UpstreamDirectory;
	readonly sessions: SessionIds;
}

/** Finds the route of a call, or throws or rejects; what the caller may not use is as unknown as what does not exist. */
export type ResolveRoute = (query: RouteQuery) => Promise<Route>;

/** What an address leads to. */
interface Reach {
	readonly servers: readonly Server[];
	readonly toolset: Toolset | undefined;
}

interface Place extends RouteQuery, Reach {
	readonly session: SessionClaim | undefined;
	readonly profile: string;
}

/** Builds the router. */
export function createResolveRoute(parts: RouterParts): ResolveRoute {
	const finder = createItemFinder(parts.directory);
	return (query) => {
		const { servers, toolset } = reachAt(parts.snapshots.current(), query);
		const session = sessionOf(parts.sessions, query, servers);
		const { address, principal, call } = query;
		const place: Place = {
			address,
			principal,
			call,
			servers,
			toolset,
			session,
			profile: declaredProfile(call, session),
		};
		if (isOpening(call)) return Promise.resolve(openingRoute(place));
		if (call.kind === 'request' && isForeignTo(call.method, call.era)) throw unknownMethod();
		if (address.kind !== 'server') return resolveAggregate(finder, place);
		return resolveServer(parts.directory, place, servers[0] as Server);
	};
}

function reachAt(snapshot: Snapshot, { address, principal }: RouteQuery): Reach {
	if (address.kind === 'all') {
		const servers = [...principal.grants].flatMap(([slug, grant]) => openIn(snapshot.workspaces.get(slug), grant));
		return { servers, toolset: undefined };
	}
	const workspace = snapshot.workspaces.get(address.workspace);
	if (workspace === undefined) throw unknownAddress('workspace-unknown');
	const grant = principal.grants.get(address.workspace);
	if (grant === undefined) throw unknownAddress('workspace-not-granted');
	if (address.kind === 'workspace') return { servers: openIn(workspace, grant), toolset: undefined };
	if (address.kind === 'toolset') return reachOfToolset(workspace, grant, address.toolset);
	const server = workspace.servers.get(address.server);
	if (server === undefined) throw unknownAddress('server-unknown');
	if (!isWithin(grant, server)) throw unknownAddress('server-outside-key');
	if (!isUsable(server)) throw unknownAddress(server.enabled ? 'server-faulty' : 'server-disabled');
	return { servers: [server], toolset: undefined };
}

function reachOfToolset(workspace: Workspace, grant: Grant, slug: string): Reach {
	const toolset = workspace.toolsets.get(slug);
	if (toolset === undefined) throw unknownAddress('toolset-unknown');
	return { servers: openIn(workspace, grant).filter((server) => toolset.tools.has(server.slug)), toolset };
}

function openIn(workspace: Workspace | undefined, grant: Grant): readonly Server[] {
	return [...(workspace?.servers.values() ?? [])].filter((server) => isUsable(server) && isWithin(grant, server));
}

// The reason is for the audit alone: every one of them looks the same from outside.
function unknownAddress(detail: string): PortcullisError {
	return new PortcullisError('PC_ADDRESS_UNKNOWN', { detail });
}

function unknownMethod(): PortcullisError {
	return new PortcullisError('PC_METHOD_UNKNOWN');
}

function sessionOf(ids: SessionIds, query: RouteQuery, servers: readonly Server[]): SessionClaim | undefined {
	const { call, address, principal } = query;
	if (call.sessionId === undefined || call.method === 'initialize') return undefined;
	const claim = ids.read(call.sessionId);
	if (claim === undefined || !isSessionOf(claim, principal, address, revisionAt(address, servers))) {
		throw new PortcullisError('PC_SESSION_UNKNOWN');
	}
	return claim;
}

/** Revision that sessions of this address are bound to: the server's, or none at aggregates. */
export function revisionAt(address: Address, servers: readonly Server[]): string {
	return address.kind === 'server' ? (servers[0]?.revision ?? '') : '';
}

function declaredProfile(call: Call, session: SessionClaim | undefined): string {
	if (call.era === 'modern') return profileOf(asObject(asObject(call.params['_meta'])?.[META.clientCapabilities]));
	if (call.method === 'initialize') return profileOf(asObject(call.params['capabilities']));
	return session?.profile ?? '{}';
}

// HTTP+SSE (mcp 2024-11-05) opens its stream before there is a session: the address must be the caller's, no more.
function isOpening(call: Call): boolean {
	return call.kind === 'listen' && call.sessionId === undefined;
}

function openingRoute({ address, servers, session, profile }: Place): LocalRoute {
	return { address, servers, session, profile, kind: 'local', answer: 'accepted' };
}

async function resolveServer(directory: UpstreamDirectory, place: Place, server: Server): Promise<Route> {
	const { call, principal } = place;
	const known = directory.spokenBy({ principal, server });
	const { era, way } = known instanceof Promise ? await known : known;
	const { address, servers, session } = place;
	// Where messages pass as they are, a server could ask anything: with limits to that the gateway holds the session.
	const isOpen = server.clientFeatures.length === CLIENT_FEATURES.length;
	const raw = way === 'http' && isOpen && era === call.era && !isUnbound(call, session);
	// Where the gateway holds the session, the server is told what it may ask of this caller and no more.
	const profile = raw ? place.profile : narrowedProfile(place.profile, server.clientFeatures);
	const toolset = undefined;
	if (call.method === 'tools/list') return { address, servers, session, kind: 'list', list: 'tools', profile, toolset };
	const concernsTask = call.method.startsWith('tasks/');
	const passesTasks = (raw || (era === 'modern' && call.era === 'modern')) && isTaskMethodOf(call, session);
	if (concernsTask && !passesTasks) throw unknownMethod();
	// Before the tool is looked for: a state that nobody gave out must not tell hidden tools from those that do not exist.
	const bears = (raw || concernsTask) && isSealedCall(call);
	const restored = bears ? directory.restore({ principal, server }, call) : undefined;
	const query = { principal, server, kind: 'tools', profile } as const;
	// A notification calls nothing, and must not tell the tools that are hidden from those that do not exist.
	const callsTool = call.kind === 'request' && call.method === 'tools/call';
	const called = callsTool ? await toolOf(directory, query, textParam(call, 'name')) : undefined;
	const tool = restored?.tool === undefined ? called : await taskTool(directory, query, restored.tool);
	if (raw) return { address, servers, session, kind: 'raw', server, tool, profile, restored };
	const base = { address, servers, session };
	if (concernsChanges(call)) return resolveChanges(place, async (uri) => ({ server, uri }));
	const local = localAnswer(call);
	if (local !== undefined) return { kind: 'local', answer: local, profile: place.profile, ...base };
	const list = listKindOf(call.method);
	if (list !== undefined) return { kind: 'list', list, profile, toolset, ...base };
	if (effectOf(call.method) === 'unknown' && era !== call.era) throw unknownMethod();
	return { kind: 'held', server, tool, changes: taskChange(restored), profile, restored, toolset, ...base };
}

// These name a call or a question by a number that other callers are using too; without a session of the upstream's own
// it could not tell whose is meant, and one caller would end the call of another.
function isUnbound(call: Call, session: SessionClaim | undefined): boolean {
	return session?.upstream === undefined && (call.kind === 'response' || call.method === 'notifications/cancelled');
}

function taskChange(restored: RestoredCall | undefined): Readonly<Record<string, string>> {
	const [id] = restored?.taskIds?.keys() ?? [];
	return id === undefined ? {} : { taskId: JSON.stringify(id) };
}

function isSealedCall(call: Call): boolean {
	return call.era === 'modern' && call.kind === 'request' && bearsSealed(call);
}

const TASK_METHODS: Readonly<Record<Era, readonly string[]>> = {
	modern: ['tasks/get', 'tasks/update', 'tasks/cancel'],
	legacy: ['tasks/get', 'tasks/result', 'tasks/cancel'],
};

// Modern ids are the person's own. Legacy ones are the server's, which has to know one person's session from another's;
// a list of tasks is never passed, since behind one credential a server may take everybody for one person.
function isTaskMethodOf(call: Call, session: SessionClaim | undefined): boolean {
	const isBound = call.era === 'modern' || session?.upstream !== undefined;
	return isBound && call.kind === 'request' && TASK_METHODS[call.era].includes(call.method);
}

async function toolOf(directory: UpstreamDirectory, query: CatalogQuery, name: string): Promise<CatalogItem> {
	const listed = directory.list(query);
	const known = (listed instanceof Promise ? await listed : listed).byName.get(name);
	const tool = known ?? (await directory.listAgain(query)).byName.get(name);
	if (tool === undefined) throw unknownItem('tool');
	return tool;
}

// A call about a task is judged by the tool that began it; when that is listed no more, as a tool that changes things.
async function taskTool(directory: UpstreamDirectory, query: CatalogQuery, name: string): Promise<CatalogItem> {
	const known = (await directory.list(query)).byName.get(name);
	return known ?? { name, text: '{}', readOnly: false, digest: undefined, paramHeaders: [] };
}

function textParam(call: Call, member: string): string {
	const value = call.params[member];
	if (typeof value === 'string') return value;
	throw new PortcullisError('PC_PARAMS_INVALID');
}

const LOCAL: Readonly<Record<string, LocalRoute['answer']>> = {
	initialize: 'initialize',
	'server/discover': 'discover',
	ping: 'pong',
	'logging/setLevel': 'set-level',
	'notifications/cancelled': 'cancel',
};

function localAnswer(call: Call): LocalRoute['answer'] | undefined {
	if (call.kind === 'end') return 'session-ended';
	if (call.kind === 'response') return 'accepted';
	const known = Object.hasOwn(LOCAL, call.method) ? LOCAL[call.method] : undefined;
	return known ?? (call.kind === 'notification' ? 'accepted' : undefined);
}

async function resolveAggregate(finder: ItemFinder, place: Place): Promise<Route> {
	const { call, toolset } = place;
	const base = { address: place.address, servers: place.servers, session: place.session, profile: place.profile };
	// A toolset has tools and nothing else: no server of it offers a prompt or a resource there.
	const others = toolset === undefined ? place : { ...place, servers: [] };
	if (concernsChanges(call)) return resolveChanges(place, findResource(finder, others));
	const local = localAnswer(call);
	if (local !== undefined) return { kind: 'local', answer: local, ...base };
	const list = listKindOf(call.method);
	if (list !== undefined) {
		return { kind: 'list', list, ...base, servers: list === 'tools' ? place.servers : others.servers, toolset };
	}
	const among = call.method === 'tools/call' ? place : others;
	const { server, tool, changes } = await findTarget(finder, { kind: 'tools', ...among }, call);
	const profile = narrowedProfile(place.profile, server.clientFeatures);
	const found = { server, tool, changes, profile, restored: undefined, toolset };
	return { ...base, kind: 'held', servers: [server], ...found };
}

function findResource(finder: ItemFinder, place: Place): FindResource {
	const search: ItemSearch = { kind: 'resources', ...place };
	return (uri) => finder.byUri(search, uri);
}

interface AggregateTarget {
	readonly server: Server;
	readonly tool: CatalogItem | undefined;
	readonly changes: Readonly<Record<string, string>>;
}

async function findTarget(finder: ItemFinder, search: ItemSearch, call: Call): Promise<AggregateTarget> {
	if (call.method === 'tools/call' || call.method === 'prompts/get') return findNamed(finder, search, call);
	if (call.method === 'resources/read') {
		const found = await finder.byUri(search, textParam(call, 'uri'));
		if (found === undefined) throw unknownItem('resource');
		return { server: found.server, tool: undefined, changes: { uri: JSON.stringify(found.uri) } };
	}
	if (call.method === 'completion/complete') return findReference(finder, search, call);
	throw unknownMethod();
}

async function findNamed(finder: ItemFinder, search: ItemSearch, call: Call): Promise<AggregateTarget> {
	const isTool = call.method === 'tools/call';
	const kind = isTool ? 'tools' : 'prompts';
	const found = await finder.byName({ ...search, kind }, textParam(call, 'name'));
	if (found === undefined) throw unknownItem(isTool ? 'tool' : 'prompt');
	const changes = { name: JSON.stringify(found.item.name) };
	return { server: found.server, tool: isTool ? found.item : undefined, changes };
}

async function findReference(finder: ItemFinder, search: ItemSearch, call: Call): Promise<AggregateTarget> {
	const ref = asObject(call.params['ref']);
	if (ref?.['type'] === 'ref/prompt' && typeof ref['name'] === 'string') {
		const found = await finder.byName({ ...search, kind: 'prompts' }, ref['name']);
		if (found === undefined) throw unknownItem('prompt');
		const changes = { ref: JSON.stringify({ ...ref, name: found.item.name }) };
		return { server: found.server, tool: undefined, changes };
	}
	if (ref?.['type'] !== 'ref/resource' || typeof ref['uri'] !== 'string')
		throw new PortcullisError('PC_PARAMS_INVALID');
	const found = await finder.byTemplate({ ...search, kind: 'templates' }, ref['uri']);
	if (found === undefined) throw unknownItem('resource');
	return { server: found.server, tool: undefined, changes: {} };
}
