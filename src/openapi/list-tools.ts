import type { Snapshot } from '../config/snapshot.ts';
import type { Visitor } from '../edge/visitor.ts';
import type { Principal } from '../identity/principal.ts';
import { type ExactJson, type ExactObject, exactOf, writeExact } from '../lib/json-exact.ts';
import { callOfList } from '../mcp/modern/own-call.ts';
import { faultOfRpc } from './fault-body.ts';
import { readTools } from './read-tools.ts';
import { serverOfTool } from './server-of-tool.ts';
import { carryOut, type OpenApiParts } from './visit.ts';

/**
 * All tools of the caller, workspace by workspace: `{"tools": [{name, workspace, server, access_level, description,
 * input_schema, …}]}`, and which servers are missing from it, where any are.
 */
export async function listTools(parts: OpenApiParts, visitor: Visitor) {
	let grants: Principal['grants'] = new Map();
	const readCall = (principal: Principal) => {
		grants = principal.grants;
		return callOfList();
	};
	// The first list says who asks, and is refused where nobody is.
	const all = await carryOut(parts, visitor, { address: { kind: 'all' }, index: 0, readCall });
	if ('error' in all) return faultOfRpc(all.error);
	const snapshot = visitor.snapshots.current();
	const lists = await Promise.all(
		[...grants].map(async ([workspace, { level }], index) => {
			const address = { kind: 'workspace', workspace } as const;
			const read = await readTools(parts, visitor, { address, index: index + 1 });
			if ('error' in read) return { tools: [], unavailable: [] };
			const tools = read.tools.map((tool) => show(snapshot, { workspace, level, ...tool }));
			return { tools, unavailable: read.unavailable.map((server) => ({ workspace, server })) };
		}),
	);
	const unavailable = lists.flatMap((list) => list.unavailable);
	const body = new Map<string, ExactJson>([
		['tools', lists.flatMap((list) => list.tools)],
		...(unavailable.length > 0 ? [['unavailable', exactOf(unavailable)] as const] : []),
	]);
	return { status: 200, body: writeExact(body) };
}

const RENAMED: ReadonlyMap<string, string> = new Map([
	['inputSchema', 'input_schema'],
	['outputSchema', 'output_schema'],
]);

interface Listed {
	readonly workspace: string;
	/** What the caller holds there. */
	readonly level: string;
	readonly name: string;
	readonly definition: ExactObject;
}

function show(snapshot: Snapshot, { workspace, level, name, definition }: Listed): ExactJson {
	const server = serverOfTool(snapshot, { kind: 'workspace', workspace }, name)?.slug ?? '';
	const others = [...definition].filter(([key]) => key !== 'name' && key !== '_meta');
	return new Map<string, ExactJson>([
		...Object.entries({ name, workspace, server, access_level: level }),
		...others.map(([key, value]) => [RENAMED.get(key) ?? key, value] as const),
	]);
}
