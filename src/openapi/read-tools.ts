import type { Visitor } from '../edge/visitor.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { type ExactObject, isExactObject, parseExact } from '../lib/json-exact.ts';
import { elementsOf, memberOf, sliceOf } from '../lib/json-text.ts';
import { asObject } from '../mcp/call.ts';
import { callOfList } from '../mcp/modern/own-call.ts';
import { LIST_NOTES } from '../upstream/list-answer.ts';
import type { DocumentedTool } from './document.ts';
import { carryOut, type Errand, type OpenApiParts } from './visit.ts';

/** Tools of an address, or the error that a server answered with, as JSON text. */
export type ToolsRead =
	| {
			readonly tools: readonly DocumentedTool[];
			/** Servers that could not be asked and were never heard of. */
			readonly unavailable: readonly string[];
			/** Whose list it is. */
			readonly principal: Principal;
	  }
	| { readonly error: string };

/** Reads the list of an address for this caller. Rejects with PC_TOOLS_UNKNOWN where its only server is away. */
export async function readTools(
	parts: OpenApiParts,
	visitor: Visitor,
	errand: Omit<Errand, 'readCall'>,
): Promise<ToolsRead> {
	let asker: Principal | undefined;
	const readCall = (principal: Principal) => {
		asker = principal;
		return callOfList();
	};
	const end = await carryOut(parts, visitor, { ...errand, readCall }).catch((error: unknown) => {
		const known = toPortcullisError(error);
		throw known.stage === 'upstream' ? toolsUnknown(known) : known;
	});
	if ('error' in end) return end;
	return { tools: toolsIn(end.result), unavailable: unavailableIn(end.result), principal: asker as Principal };
}

/** Nobody could be asked, and nobody had said anything before. */
export function toolsUnknown(cause?: PortcullisError): PortcullisError {
	const why = cause === undefined ? {} : { advice: cause.sentence };
	return new PortcullisError('PC_TOOLS_UNKNOWN', { retryAfterSeconds: RETRY_AFTER_SECONDS, ...why }, { cause });
}

const RETRY_AFTER_SECONDS = 5;

// What has no name is passed over.
function toolsIn(result: string): readonly DocumentedTool[] {
	const list = memberOf(result, 'tools');
	const spans = list === undefined ? [] : elementsOf(result, list.start);
	return spans.flatMap((span) => {
		const definition = parseExact(sliceOf(result, span));
		const name = isExactObject(definition) ? definition.get('name') : undefined;
		return typeof name === 'string' ? [{ name, definition: definition as ExactObject }] : [];
	});
}

function unavailableIn(result: string): readonly string[] {
	const meta = memberOf(result, '_meta');
	const notes = meta === undefined ? undefined : asObject(JSON.parse(sliceOf(result, meta)));
	return (notes?.[LIST_NOTES.unavailable] as readonly string[] | undefined) ?? [];
}
