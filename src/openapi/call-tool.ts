import type { Visitor } from '../edge/visitor.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { isExactObject, parseExact } from '../lib/json-exact.ts';
import { memberOf, sliceOf } from '../lib/json-text.ts';
import type { Address } from '../mcp/address.ts';
import type { Call } from '../mcp/call.ts';
import { callOfTool } from '../mcp/modern/own-call.ts';
import type { Stages } from '../pipeline.ts';
import type { CatalogItem } from '../router/catalog.ts';
import { faultOfRpc, faultOfTool } from './fault-body.ts';
import type { OpenApiTarget } from './parse-target.ts';
import { readArguments } from './read-arguments.ts';
import { resultBody } from './result-body.ts';
import { type Model, shapeOf } from './shape.ts';
import { reservedName } from './tool-names.ts';
import { carryOut, type OpenApiParts } from './visit.ts';

const MODE = { isStrict: false } as const;

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
	const readCall = (principal: Principal): Promise<Call> => {
		asker = principal;
		return readToolCall(parts, visitor, { address, name, principal });
	};
	const end = await carryOut(parts, visitor, { address, index: 0, readCall }).catch((error: unknown) => {
		throw isKeptFrom(asker, error) ? new PortcullisError('PC_TOOL_REFUSED') : error;
	});
	if ('error' in end) return faultOfRpc(end.error);
	// There is nobody to ask: the caller of a plain service answers no questions (mcp 2026-07-28: multi round-trip requests).
	if (textMember(end.result, 'resultType') === '"input_required"') throw new PortcullisError('PC_QUESTION_IMPOSSIBLE');
	const shown = resultBody(end.result, MODE);
	return shown.kind === 'failure' ? faultOfTool(shown.message, MODE) : { status: 200, body: shown.text };
}

// Open WebUI shows its people what its key lists; a model that calls what this person may not use is told so, whether there is
// such a tool or not.
function isKeptFrom(asker: Principal | undefined, error: unknown): boolean {
	return asker?.apiKeyKind === 'open-webui' && errorCode(error) === 'PC_TOOL_UNKNOWN';
}

const textMember = (text: string, name: string): string | undefined => {
	const member = memberOf(text, name);
	return member && sliceOf(text, member);
};

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

/**
 * The call, once it is known which tool it is about and what that takes. Of a tool the caller may not use nothing is
 * looked at: the pipeline refuses it, and writes down what it was.
 */
async function readToolCall(
	{ stages, shapeOfTool }: CallParts,
	visitor: Visitor,
	{ address, name, principal }: Asking,
): Promise<Call> {
	const { bare, route, named } = await resolve(stages, { address, name, principal });
	const tool = route.kind === 'raw' || route.kind === 'held' ? route.tool : undefined;
	if (tool === undefined || !stages.decide(principal, route, bare).allowed) return bare;
	const argumentsText = await readArguments(visitor, shapeOfTool(tool), MODE);
	return callOfTool({ name: named, argumentsText, paramHeaders: tool.paramHeaders });
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
