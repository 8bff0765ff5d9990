import type { Visitor } from '../edge/visitor.ts';
import type { Principal } from '../identity/principal.ts';
import { type ExactJson, type ExactObject, writeExact } from '../lib/json-exact.ts';
import { callOfList } from '../mcp/modern/own-call.ts';
import { faultOfRpc } from './fault-body.ts';
import { toolsIn } from './show-document.ts';
import { carryOut, type OpenApiParts } from './visit.ts';

/** All tools of the caller, workspace by workspace: `{"tools": [{name, workspace, server, description, input_schema, …}]}`. */
export async function listTools(parts: OpenApiParts, visitor: Visitor) {
	let workspaces: readonly string[] = [];
	const readCall = (principal: Principal) => {
		workspaces = [...principal.grants.keys()];
		return callOfList();
	};
	// The first list says who asks, and is refused where nobody is.
	const all = await carryOut(parts, visitor, { address: { kind: 'all' }, index: 0, readCall });
	if ('error' in all) return faultOfRpc(all.error);
	const lists = await Promise.all(
		workspaces.map(async (workspace, index) => {
			const errand = { address: { kind: 'workspace', workspace } as const, index: index + 1, readCall: callOfList };
			const end = await carryOut(parts, visitor, errand);
			return 'error' in end ? [] : toolsIn(end.result).map(({ definition }) => show(workspace, definition));
		}),
	);
	return { status: 200, body: writeExact(new Map([['tools', lists.flat()]])) };
}

const RENAMED: ReadonlyMap<string, string> = new Map([
	['inputSchema', 'input_schema'],
	['outputSchema', 'output_schema'],
]);

// A slug holds no underscore, so the name says which server it is.
function show(workspace: string, definition: ExactObject): ExactJson {
	const name = definition.get('name') as string;
	const server = name.split('__', 1)[0] as string;
	const others = [...definition].filter(([key]) => key !== 'name' && key !== '_meta');
	return new Map<string, ExactJson>([
		...Object.entries({ name, workspace, server }),
		...others.map(([key, value]) => [RENAMED.get(key) ?? key, value] as const),
	]);
}
