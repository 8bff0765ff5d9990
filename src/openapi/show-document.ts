import type { Visitor } from '../edge/visitor.ts';
import { type ExactObject, isExactObject, parseExact, writeExact } from '../lib/json-exact.ts';
import { elementsOf, memberOf, sliceOf } from '../lib/json-text.ts';
import type { Address } from '../mcp/address.ts';
import { callOfList } from '../mcp/modern/own-call.ts';
import { type DocumentedTool, openApiDocument } from './document.ts';
import { faultOfRpc } from './fault-body.ts';
import { carryOut, type OpenApiParts } from './visit.ts';

/** The document of an address: of the tools that its list has for this caller, and no others. */
export async function showDocument(parts: OpenApiParts, visitor: Visitor, address: Address) {
	const end = await carryOut(parts, visitor, { address, index: 0, readCall: callOfList });
	if ('error' in end) return faultOfRpc(end.error);
	const document = openApiDocument({
		...aboutOf(visitor, address),
		path: (parts.showing?.pathBelow ?? pathBelow)(address),
		tools: toolsIn(end.result),
		isProtected: parts.showing?.isProtected ?? true,
		isStrict: false,
	});
	return { status: 200, body: writeExact(document) };
}

/** The definitions in the result of `tools/list`, as they are; what has no name is passed over. */
export function toolsIn(result: string): readonly DocumentedTool[] {
	const list = memberOf(result, 'tools');
	const spans = list === undefined ? [] : elementsOf(result, list.start);
	return spans.flatMap((span) => {
		const definition = parseExact(sliceOf(result, span));
		const name = isExactObject(definition) ? definition.get('name') : undefined;
		return typeof name === 'string' ? [{ name, definition: definition as ExactObject }] : [];
	});
}

/** Path of an address as an OpenAPI service. */
export function pathBelow(address: Address): string {
	if (address.kind === 'all') return '';
	if (address.kind === 'workspace') return `/w/${address.workspace}`;
	if (address.kind === 'toolset') return `/w/${address.workspace}/t/${address.toolset}`;
	return `/w/${address.workspace}/s/${address.server}`;
}

// The list has been allowed by now, so nothing is named that the caller may not know of.
function aboutOf({ snapshots }: Visitor, address: Address) {
	const title = titleOf(snapshots.current().workspaces, address);
	return { title, description: `${title} MCP Server`, version: '1.0.0' };
}

type Workspaces = ReturnType<Visitor['snapshots']['current']>['workspaces'];

function titleOf(workspaces: Workspaces, address: Address): string {
	if (address.kind === 'all') return 'Portcullis';
	const workspace = workspaces.get(address.workspace);
	if (address.kind === 'server') return workspace?.servers.get(address.server)?.title ?? address.server;
	if (address.kind === 'toolset') return workspace?.toolsets.get(address.toolset)?.title ?? address.toolset;
	return workspace?.title ?? address.workspace;
}
