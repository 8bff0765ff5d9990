import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Address } from '../mcp/address.ts';
import { asObject, type Call, type JsonObject } from '../mcp/call.ts';
import { ALL_LISTS, CHANGED_LISTS, type ChangedList, RESOURCE_FILTER } from '../mcp/changes.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import { unknownItem } from './find-item.ts';
import type { ListenRoute, Route } from './route.ts';

/** Where a call about changes was made. */
export interface ChangesPlace {
	readonly address: Address;
	readonly call: Call;
	readonly servers: readonly Server[];
	readonly session: SessionClaim | undefined;
	readonly profile: string;
}

/** Whose resource a URI names, and its URI there: the same answer as `resources/read` gets; `undefined`: nobody's. */
export type FindResource = (uri: string) => Promise<{ readonly server: Server; readonly uri: string } | undefined>;

/** More than any session may watch; said before anybody is asked. */
const MAX_NAMED = 1_000;

/** Whether a call asks to be told of changes, or to be told no more. */
export function concernsChanges({ kind, method }: Call): boolean {
	return kind === 'listen' || (kind === 'request' && METHODS.has(method));
}

const METHODS: ReadonlySet<string> = new Set(['subscriptions/listen', 'resources/subscribe', 'resources/unsubscribe']);

/** The route of such a call, where the gateway holds the session with the server. */
export async function resolveChanges(place: ChangesPlace, find: FindResource): Promise<Route> {
	const { call, session, address, profile, servers } = place;
	if (call.kind === 'listen') return listenRoute(place, { lists: listsAt(address), resources: [] });
	if (call.method === 'subscriptions/listen') return listenRoute(place, await filterOf(place, find));
	if (session === undefined) throw new PortcullisError('PC_SESSION_NEEDED');
	const exposed = textParam(call);
	if (call.method === 'resources/unsubscribe') {
		return { kind: 'local', answer: 'unsubscribe', address, servers, session, profile };
	}
	const found = await find(exposed);
	if (found === undefined) throw unknownItem('resource');
	return { kind: 'subscribe', address, profile, session, servers: [found.server], exposed, ...found };
}

type Filter = Pick<ListenRoute, 'lists' | 'resources'>;

function listenRoute({ address, servers, session, profile }: ChangesPlace, filter: Filter): ListenRoute {
	return { kind: 'listen', address, servers, session, profile, lists: filter.lists, resources: filter.resources };
}

function listsAt(address: Address): readonly ChangedList[] {
	return address.kind === 'toolset' ? ['tools'] : ALL_LISTS;
}

function textParam(call: Call): string {
	const uri = call.params['uri'];
	if (typeof uri === 'string') return uri;
	throw new PortcullisError('PC_PARAMS_INVALID');
}

// Members that nobody described are not kept, and the acknowledgement says so by leaving them out.
async function filterOf({ call, address }: ChangesPlace, find: FindResource): Promise<Filter> {
	const wanted = asObject(call.params['notifications']);
	if (wanted === undefined) throw new PortcullisError('PC_PARAMS_INVALID');
	const lists = listsAt(address).filter((list) => wanted[CHANGED_LISTS[list].filter] === true);
	const found = urisIn(wanted).map(async (exposed) => {
		const resource = await find(exposed);
		return resource === undefined ? [] : [{ ...resource, exposed }];
	});
	return { lists, resources: (await Promise.all(found)).flat() };
}

function urisIn(wanted: JsonObject): readonly string[] {
	const uris = wanted[RESOURCE_FILTER] ?? [];
	if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === 'string'))
		throw new PortcullisError('PC_PARAMS_INVALID');
	const different = [...new Set<string>(uris)];
	if (different.length > MAX_NAMED) throw new PortcullisError('PC_SUBSCRIPTIONS_FULL');
	return different;
}
