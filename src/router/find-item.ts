import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type Address, prefixesAt, unwrapUri } from '../mcp/address.ts';
import { narrowedProfile } from '../mcp/client-features.ts';
import { exposedName, mayHavePrefixes } from '../mcp/names.ts';
import type { CatalogItem, CatalogList, CatalogQuery, UpstreamDirectory } from './catalog.ts';

/** An item and the server that has it. */
export interface FoundItem {
	readonly server: Server;
	readonly item: CatalogItem;
}

/** Finds what an aggregate address names, among the servers of the caller. */
export interface ItemFinder {
	/** Tool or prompt by its exposed name. */
	byName(search: ItemSearch, exposed: string): Promise<FoundItem | undefined>;
	/** Resource by URI: exact, then wrapped, then by template; ambiguous URIs are not found. */
	byUri(search: ItemSearch, uri: string): Promise<{ server: Server; uri: string } | undefined>;
	/** Resource template by its exact text. */
	byTemplate(search: ItemSearch, template: string): Promise<FoundItem | undefined>;
}

/** Where to look. */
export interface ItemSearch extends Omit<CatalogQuery, 'server'> {
	readonly address: Address;
	readonly servers: readonly Server[];
}

/** Builds a finder over cached lists. */
export function createItemFinder(directory: UpstreamDirectory): ItemFinder {
	const indexes = new WeakMap<CatalogList, Map<string, Map<string, CatalogItem>>>();

	const indexOf = (list: CatalogList, prefixes: readonly string[]): Map<string, CatalogItem> => {
		const byPrefix = indexes.get(list) ?? new Map<string, Map<string, CatalogItem>>();
		indexes.set(list, byPrefix);
		const name = prefixes.join('/');
		const index = byPrefix.get(name) ?? new Map(list.items.map((item) => [exposedName(prefixes, item.name), item]));
		byPrefix.set(name, index);
		return index;
	};

	const byName: ItemFinder['byName'] = async (search, exposed) => {
		const candidates = search.servers.filter((server) => mayHavePrefixes(exposed, prefixesAt(search.address, server)));
		for (const ask of [directory.list, directory.listAgain]) {
			for (const server of candidates) {
				const list = await ask(queryFor(search, server));
				const item = indexOf(list, prefixesAt(search.address, server)).get(exposed);
				if (item !== undefined) return { server, item };
			}
		}
		return undefined;
	};

	return {
		byName,
		byUri: async (search, uri) => unwrap(search.servers, uri) ?? (await byPlainUri(directory, search, uri)),
		byTemplate: async (search, template) => only(await matches(directory, search, (item) => item.name === template)),
	};
}

// Each server is told of those capabilities that it may use, so each may list by other ones.
function queryFor(search: ItemSearch, server: Server): CatalogQuery {
	return { ...search, server, profile: narrowedProfile(search.profile, server.clientFeatures) };
}

function unwrap(servers: readonly Server[], wrapped: string): { server: Server; uri: string } | undefined {
	const named = unwrapUri(wrapped);
	const server = servers.find(({ workspace, slug }) => workspace === named?.workspace && slug === named.slug);
	return server && named && { server, uri: named.uri };
}

async function byPlainUri(directory: UpstreamDirectory, search: ItemSearch, uri: string) {
	const resources: ItemSearch = { ...search, kind: 'resources' };
	const exact = await matches(directory, resources, (item) => item.name === uri);
	if (exact.length > 0) return withUri(only(exact), uri);
	const templates: ItemSearch = { ...search, kind: 'templates' };
	return withUri(only(await matches(directory, templates, (item) => fitsTemplate(item.name, uri))), uri);
}

function withUri(found: FoundItem | undefined, uri: string): { server: Server; uri: string } | undefined {
	return found && { server: found.server, uri };
}

// Two owners of one URI: guessing could read the wrong workspace's document, so nobody's is read.
function only(found: readonly FoundItem[]): FoundItem | undefined {
	const owners = new Set(found.map(({ server }) => server));
	return owners.size === 1 ? found[0] : undefined;
}

async function matches(
	directory: UpstreamDirectory,
	search: ItemSearch,
	fits: (item: CatalogItem) => boolean,
): Promise<readonly FoundItem[]> {
	const found = search.servers.map(async (server) => {
		const list = await Promise.resolve(directory.list(queryFor(search, server))).catch(() => undefined);
		return (list?.items ?? []).filter(fits).map((item) => ({ server, item }));
	});
	return (await Promise.all(found)).flat();
}

/**
 * Whether a URI can come from a URI template (RFC 6570): its literal parts stand in it in order. No expression is
 * compiled from what a server sent, so no template can make the check slow.
 */
export function fitsTemplate(template: string, uri: string): boolean {
	const literals = template.split(/\{[^{}]*\}/);
	const first = literals[0] as string;
	const last = literals[literals.length - 1] as string;
	if (literals.length === 1) return template === uri;
	if (!uri.startsWith(first) || !uri.endsWith(last) || uri.length < first.length + last.length) return false;
	let at = first.length;
	for (const literal of literals.slice(1, -1)) {
		const found = uri.indexOf(literal, at);
		if (found === -1) return false;
		at = found + literal.length;
	}
	return at <= uri.length - last.length;
}

/** The error for a name that nobody offers to the caller; the same whether it exists elsewhere or not. */
export function unknownItem(kind: 'tool' | 'prompt' | 'resource'): PortcullisError {
	const codes = { tool: 'PC_TOOL_UNKNOWN', prompt: 'PC_PROMPT_UNKNOWN', resource: 'PC_RESOURCE_UNKNOWN' } as const;
	return new PortcullisError(codes[kind]);
}
