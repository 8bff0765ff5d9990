import { editObject, memberOf, sliceOf } from '../lib/json-text.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';

const OBJECT = '"object"';

/**
 * A tool's definition as clients take it. The arguments of a tool are an object, and strict clients refuse a whole list
 * for one tool whose schema does not say so, as generators of schemas sometimes leave it out: then it is said for them.
 * `undefined`: the schema says that the arguments are something else, so nobody can call the tool, and it is left out.
 */
export function fittingDefinition(tool: JsonObject, text: string): string | undefined {
	const place = memberOf(text, 'inputSchema');
	if (place === undefined) return text;
	const schema = asObject(tool['inputSchema']);
	if (schema === undefined) return tool['inputSchema'] === false ? undefined : editObject(text, { inputSchema: ANY });
	const { type } = schema;
	if (type === 'object') return text;
	if (type !== undefined && !(Array.isArray(type) && type.includes('object'))) return undefined;
	return editObject(text, { inputSchema: editObject(sliceOf(text, place), { type: OBJECT }) });
}

const ANY = `{"type":${OBJECT}}`;
