import type { Server, ToolRule } from '../config/snapshot.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { objectText, withMember } from '../lib/json-text.ts';
import { sharedTimeout } from '../lib/shared-abort.ts';
import { prefixesAt, wrapUri } from '../mcp/address.ts';
import { type Answer, messageAnswer } from '../mcp/answer.ts';
import { successText } from '../mcp/call.ts';
import { narrowedProfile } from '../mcp/client-features.ts';
import { LISTS } from '../mcp/methods.ts';
import { META } from '../mcp/modern/envelope.ts';
import { exposedName } from '../mcp/names.ts';
import { projectTool } from '../mcp/project.ts';
import type { Era } from '../mcp/revisions.ts';
import type { CatalogItem, CatalogList, UpstreamDirectory } from '../router/catalog.ts';
import type { ListRoute } from '../router/route.ts';
import type { ForwardRequest } from './forward-request.ts';
import { renamed } from './read-list.ts';

/** What lists are answered with. */
export interface ListParts {
	readonly directory: UpstreamDirectory;
	/** Whether the caller may use the tool at this address: the same function that judges the call. */
	mayUse(request: ForwardRequest<ListRoute>, server: Server, tool: CatalogItem): boolean;
	/** How long an aggregate waits for a server it has no list of, milliseconds. */
	listDeadlineMs(): number;
}

/**
 * `_meta` keys under which an aggregate says which servers' items are missing, may be out of date, or are there once the
 * caller has connected an account.
 */
export const LIST_NOTES = {
	unavailable: 'io.portcullis/unavailable',
	outdated: 'io.portcullis/outdated',
	connect: 'io.portcullis/connect',
} as const;

const SERVER_INFO = '{"name":"portcullis","version":"0.1.0"}';

interface ServerList {
	readonly server: Server;
	readonly list: CatalogList | undefined;
	/** Why there is no list. */
	readonly error?: unknown;
}

/** The caller's projection of the cached lists: allowed items, exposed names, server order, definition order. */
export async function listAnswer(parts: ListParts, request: ForwardRequest<ListRoute>): Promise<Answer> {
	if (request.call.params['cursor'] !== undefined) throw new PortcullisError('PC_CURSOR_INVALID');
	const lists = await collect(parts, request);
	const items = request.route.list === 'tools' ? toolTexts(parts, request, lists) : otherTexts(request, lists);
	const notes = notesOf(request, lists);
	const result = objectText({
		[LISTS[request.route.list].member]: `[${items.join(',')}]`,
		...(request.call.era === 'modern' && { resultType: '"complete"', ttlMs: '0', cacheScope: '"private"' }),
		...(Object.keys(notes).length > 0 && { _meta: objectText(notes) }),
	});
	return messageAnswer(successText(request.call.idText, result));
}

async function collect(parts: ListParts, request: ForwardRequest<ListRoute>): Promise<readonly ServerList[]> {
	const { principal, route } = request;
	const patience = sharedTimeout(parts.listDeadlineMs());
	const asked = route.servers.map(async (server): Promise<ServerList> => {
		const query = { principal, server, kind: route.list, profile: route.profile, signal: patience };
		// One dead server must not take the others' tools away; alone at its address it must say that it is dead.
		if (route.address.kind === 'server') return { server, list: await parts.directory.list(query) };
		query.profile = narrowedProfile(route.profile, server.clientFeatures);
		return Promise.resolve(parts.directory.list(query)).then(
			(list) => ({ server, list }),
			(error) => ({ server, list: undefined, error }),
		);
	});
	return Promise.all(asked);
}

function toolTexts(parts: ListParts, request: ForwardRequest<ListRoute>, lists: readonly ServerList[]): string[] {
	return lists.flatMap(({ server, list }) => {
		const prefixes = prefixesAt(request.route.address, server);
		const allowed = (list?.items ?? []).filter((tool) => parts.mayUse(request, server, tool));
		return allowed.map((tool) => {
			const name = prefixes.length === 0 ? tool.name : exposedName(prefixes, tool.name);
			const shown = described(renamed(tool, 'tools', name), server.toolRules.get(tool.name));
			return projectTool(shown, { from: list?.era as Era, to: request.call.era });
		});
	});
}

// What the workspace says of a tool, in place of what its server says; every other character stays.
function described(text: string, rule: ToolRule | undefined): string {
	const description = rule?.description;
	return description === undefined ? text : withMember(text, 'description', JSON.stringify(description));
}

function otherTexts({ route }: ForwardRequest<ListRoute>, lists: readonly ServerList[]): string[] {
	const kind = route.list;
	const owners = new Map<string, number>();
	for (const { list } of lists)
		for (const item of list?.items ?? []) owners.set(item.name, (owners.get(item.name) ?? 0) + 1);
	const nameFor = (server: Server, item: CatalogItem): string => {
		const prefixes = prefixesAt(route.address, server);
		if (kind === 'prompts') return prefixes.length === 0 ? item.name : exposedName(prefixes, item.name);
		const collides = kind === 'resources' && (owners.get(item.name) ?? 0) > 1;
		return collides ? wrapUri(server, item.name) : item.name;
	};
	return lists.flatMap(({ server, list }) =>
		(list?.items ?? []).map((item) => renamed(item, kind, nameFor(server, item))),
	);
}

function notesOf({ call, route }: ForwardRequest<ListRoute>, lists: readonly ServerList[]): Record<string, string> {
	const named = (fits: (entry: ServerList) => boolean): string | undefined => {
		const found = lists.filter(fits).map(({ server }) => nameIn(route, server));
		return found.length === 0 ? undefined : JSON.stringify(found);
	};
	const needsAccount = ({ error }: ServerList): boolean => errorCode(error) === 'PC_CONNECT_REQUIRED';
	const connect = named(needsAccount);
	const unavailable = named((entry) => entry.list === undefined && !needsAccount(entry));
	const outdated = named(({ list }) => list?.outdated === true);
	return {
		...(unavailable !== undefined && { [LIST_NOTES.unavailable]: unavailable }),
		...(connect !== undefined && { [LIST_NOTES.connect]: connect }),
		...(outdated !== undefined && { [LIST_NOTES.outdated]: outdated }),
		...(call.era === 'modern' && { [META.serverInfo]: SERVER_INFO }),
	};
}

function nameIn(route: ListRoute, server: Server): string {
	return route.address.kind === 'all' ? `${server.workspace}/${server.slug}` : server.slug;
}
