import type { Visitor } from '../edge/visitor.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { isExactObject, parseExact } from '../lib/json-exact.ts';
import type { Address } from '../mcp/address.ts';
import type { Call } from '../mcp/call.ts';
import { callOfTool } from '../mcp/modern/own-call.ts';
import type { Stages } from '../pipeline.ts';
import type { CatalogItem } from '../router/catalog.ts';
import { faultOfRpc, faultOfTool } from './fault-body.ts';
import { type Mode, modeOf } from './mode-of.ts';
import { pageHeaders } from './page-of.ts';
import type { OpenApiTarget } from './parse-target.ts';
import { readArguments } from './read-arguments.ts';
import { type ResultBody, resultBody } from './result-body.ts';
import { type Model, shapeOf } from './shape.ts';
import { textMember } from './text-member.ts';
import { reservedName } from './tool-names.ts';
import { carryOut, type OpenApiParts } from './visit.ts';

/** What calls of tools work with. */
export interface CallParts extends OpenApiParts {
	readonly shapeOfTool: (tool: CatalogItem) => Model;
}

/** Calls the tool that a target names, with the body as its arguments. */
export async function callTool(
	parts: CallParts,
	visitor: Visitor,
	target: Extract<OpenApiTarget, { kind: 'tool' | 'execute' }>,
) {
	const { address, name } = placeOf(target);
	let asker: Principal | undefined;
	let mode = modeOf(visitor.snapshots.current(), undefined);
	const readCall = async (principal: Principal): Promise<Call> => {
		asker = principal;
		const read = await readToolCall(parts, visitor, { address, name, principal });
		mode = modeOf(visitor.snapshots.current(), read.workspace);
		return read.call;
	};
	const end = await carryOut(parts, visitor, { address, index: 0, readCall }).catch((error: unknown) => {
		throw isKeptFrom(asker, error) ? new PortcullisError('PC_TOOL_REFUSED') : error;
	});
	if ('error' in end) return faultOfRpc(end.error);
	// There is nobody to ask: the caller of a plain service answers no questions (mcp 2026-07-28: multi round-trip requests).
	if (textMember(end.result, 'resultType') === 'input_required') throw new PortcullisError('PC_QUESTION_IMPOSSIBLE');
	return show(resultBody(end.result, mode), mode);
}

function show(shown: ResultBody, mode: Mode) {
	if (shown.kind === 'failure') return faultOfTool(shown.message, mode);
	if (shown.kind === 'value') return { status: 200, body: shown.text };
	const body = shown.kind === 'page' ? shown.html : JSON.stringify(shown.url);
	return { status: 200, body, headers: pageHeaders(shown) };
}

// Open WebUI shows its people what its key lists; a model that calls what this person may not use is told so, whether there is
// such a tool or not.
function isKeptFrom(asker: Principal | undefined, error: unknown): boolean {
	return asker?.apiKeyKind === 'open-webui' && errorCode(error) === 'PC_TOOL_UNKNOWN';
}

interface Place {
	readonly address: Address;
	readonly name: string;
}

// The list of /tools leaves out the workspace, which the path names already.
function placeOf(target: Extract<OpenApiTarget, { kind: 'tool' | 'execute' }>): Place {
	if (target.kind === 'tool') return target;
	return { address: { kind: 'workspace', workspace: target.workspace }, name: target.name };
}

interface Asking extends Place {
	readonly principal: Principal;
}

// A tool that is called like an address stands in the document under another name, unless that is another tool's.
async function resolve(stages: Stages, { address, name, principal }: Asking) {
	const tryAs = async (named: string) => {
		const bare = callOfTool({ name: named, argumentsText: '{}', paramHeaders: [] });
		return { named, bare, route: await stages.resolveRoute({ address, principal, call: bare }) };
	};
	const meant = reservedName(name);
	if (meant === undefined) return tryAs(name);
	return tryAs(name).catch(() => tryAs(meant));
}

interface ReadCall {
	readonly call: Call;
	/** Whose tool it is; absent where the caller may not know. */
	readonly workspace?: string;
}

/**
 * The call, once it is known which tool it is about and what that takes. Of a tool the caller may not use nothing is
 * looked at: the pipeline refuses it, and writes down what it was.
 */
async function readToolCall(
	{ stages, shapeOfTool }: CallParts,
	visitor: Visitor,
	{ address, name, principal }: Asking,
): Promise<ReadCall> {
	const { bare, route, named } = await resolve(stages, { address, name, principal });
	if ((route.kind !== 'raw' && route.kind !== 'held') || route.tool === undefined) return { call: bare };
	const { tool, server } = route;
	if (!stages.decide(principal, route, bare).allowed) return { call: bare };
	const mode = modeOf(visitor.snapshots.current(), server.workspace);
	const argumentsText = await readArguments(visitor, shapeOfTool(tool), mode);
	const call = callOfTool({ name: named, argumentsText, paramHeaders: tool.paramHeaders });
	return { call, workspace: server.workspace };
}

function modelOf(tool: CatalogItem): Model {
	const definition = parseExact(tool.text);
	return shapeOf(isExactObject(definition) ? definition.get('inputSchema') : undefined);
}

/** Shapes of tools, kept as long as their definitions are in use. */
export function createShapes(): (tool: CatalogItem) => Model {
	const known = new WeakMap<CatalogItem, Model>();
	return (tool) => {
		const shape = known.get(tool) ?? modelOf(tool);
		known.set(tool, shape);
		return shape;
	};
}
