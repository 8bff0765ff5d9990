/** What an MCP address names: one server, all servers or a toolset of a workspace, or all workspaces of the caller. */
export type Address =
	| { readonly kind: 'server'; readonly workspace: string; readonly server: string }
	| { readonly kind: 'workspace'; readonly workspace: string }
	| { readonly kind: 'toolset'; readonly workspace: string; readonly toolset: string }
	| { readonly kind: 'all' };

/** The path of an address, without a trailing slash. */
export function pathOf(address: Address): string {
	if (address.kind === 'all') return '/mcp';
	if (address.kind === 'workspace') return `/w/${address.workspace}/mcp`;
	if (address.kind === 'toolset') return `/w/${address.workspace}/t/${address.toolset}/mcp`;
	return `/w/${address.workspace}/s/${address.server}/mcp`;
}

/** Names of a server, as far as addresses care. */
export interface ServerName {
	readonly workspace: string;
	readonly slug: string;
}

/** What stands before the upstream's names at this address. */
export function prefixesAt(address: Address, server: ServerName): readonly string[] {
	if (address.kind === 'server') return [];
	return address.kind === 'all' ? [server.workspace, server.slug] : [server.slug];
}

const WRAPPED = 'portcullis://';

/** A resource URI that says whose it is; used where two servers of one list have the same URI. */
export function wrapUri(server: ServerName, uri: string): string {
	// Through bytes, because a lone half of a surrogate pair would make encodeURIComponent throw, and a list with it.
	const encoded = encodeURIComponent(Buffer.from(uri, 'utf8').toString('utf8'));
	return `${WRAPPED}${server.workspace}/${server.slug}/${encoded}`;
}

/** The parts of a wrapped URI, or `undefined`. */
export function unwrapUri(wrapped: string): (ServerName & { readonly uri: string }) | undefined {
	if (!wrapped.startsWith(WRAPPED)) return undefined;
	const [workspace, slug, inner, ...more] = wrapped.slice(WRAPPED.length).split('/');
	if (workspace === undefined || slug === undefined || inner === undefined || more.length > 0) return undefined;
	try {
		return { workspace, slug, uri: decodeURIComponent(inner) };
	} catch {
		return undefined;
	}
}
