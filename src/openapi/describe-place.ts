import type { Snapshot } from '../config/snapshot.ts';
import type { Address } from '../mcp/address.ts';
import type { UpstreamInfo } from '../upstream/open-session.ts';
import type { DocumentParts } from './document.ts';
import { pathBelow } from './path-below.ts';
import type { ToolsRead } from './read-tools.ts';
import { serverOfTool } from './server-of-tool.ts';
import type { OpenApiParts } from './visit.ts';

/** What a document says of its service as a whole. */
export type About = Pick<DocumentParts, 'title' | 'description' | 'version'>;

/** What is described: an address whose list the caller may read, and what that list had. */
export interface Described extends Exclude<ToolsRead, { readonly error: string }> {
	readonly address: Address;
}

const VERSION = '1.0.0';

/**
 * A server in its own words, as mcpo shows it; of several the title, links to their pages, and which of them are missing.
 * Nothing is named but what the list, which was allowed, has named.
 */
export async function describePlace(
	parts: Pick<OpenApiParts, 'infoOf'>,
	snapshot: Snapshot,
	described: Described,
): Promise<About> {
	const { address, principal } = described;
	const title = titleOf(snapshot, address);
	const plain = { title, description: `${title} MCP Server`, version: VERSION };
	if (address.kind !== 'server') {
		return { ...plain, description: [`${title} MCP Servers`, ...linksOf(snapshot, described)].join('\n\n') };
	}
	const server = snapshot.workspaces.get(address.workspace)?.servers.get(address.server);
	// A server that has never said anything is called as it is configured.
	const info = server && (await parts.infoOf({ principal, server }).catch(() => undefined));
	return info === undefined ? plain : { ...plain, ...ownWords(info) };
}

function ownWords({ serverInfo, instructions }: UpstreamInfo): Partial<About> {
	const { name, version } = JSON.parse(serverInfo) as { readonly name?: unknown; readonly version?: unknown };
	if (!isText(name)) return {};
	const description = isText(instructions) ? instructions : `${name} MCP Server`;
	return { title: name, description, ...(isText(version) && { version }) };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function linksOf(snapshot: Snapshot, { address, tools, unavailable }: Described): readonly string[] {
	const servers = new Map(
		tools.flatMap(({ name }) => {
			const server = serverOfTool(snapshot, address, name);
			return server === undefined
				? []
				: [[pathBelow({ kind: 'server', workspace: server.workspace, server: server.slug }), server]];
		}),
	);
	const links = [...servers].map(([path, { workspace, slug }]) => {
		return `\n    - [${address.kind === 'all' ? `${workspace}/${slug}` : slug}](${path}/docs)`;
	});
	return [
		// With the colon of mcpo.
		...(links.length > 0 ? [`- **available tools**：${links.join('')}`] : []),
		...(unavailable.length > 0 ? [`Not available at the moment: ${unavailable.join(', ')}.`] : []),
	];
}

function titleOf({ workspaces }: Snapshot, address: Address): string {
	if (address.kind === 'all') return 'Portcullis';
	const workspace = workspaces.get(address.workspace);
	if (address.kind === 'server') return workspace?.servers.get(address.server)?.title ?? address.server;
	if (address.kind === 'toolset') return workspace?.toolsets.get(address.toolset)?.title ?? address.toolset;
	return workspace?.title ?? address.workspace;
}
