import { PortcullisError } from '../../errors/portcullis-error.ts';
import { asObject, type Call, type JsonObject } from '../call.ts';
import { decodeHeaderText, encodeHeaderText } from './envelope.ts';

/** One argument that a tool wants mirrored: path of property names to it, and the header's suffix. */
export interface ParamHeader {
	readonly path: readonly string[];
	readonly header: string;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const MIRRORED_TYPES = new Set(['string', 'integer', 'boolean']);
const MAX_DEPTH = 32;

/** Where a schema may hold others that no chain of `properties` leads to; a declaration there breaks the rules. */
const ELSEWHERE: readonly string[] = [
	...['items', 'prefixItems', 'contains', 'unevaluatedItems', 'additionalProperties', 'unevaluatedProperties'],
	...['propertyNames', 'patternProperties', 'dependentSchemas', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else'],
	...['$defs', 'definitions'],
];
const NAMED: ReadonlySet<string> = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions']);

/**
 * The `x-mcp-header` declarations of a tool's input schema, or `undefined` when they break the rules and the tool must
 * not be offered (mcp 2026-07-28, SEP-2243): RFC 9110 token, unique regardless of case, on a string, integer or boolean,
 * reachable through `properties` alone.
 */
export function paramHeadersOf(inputSchema: unknown): readonly ParamHeader[] | undefined {
	const found: ParamHeader[] = [];
	if (!collect(inputSchema, { path: [], depth: 0 }, found)) return undefined;
	const names = new Set(found.map((entry) => entry.header.toLowerCase()));
	return names.size === found.length ? found : undefined;
}

interface Place {
	/** Property names from the arguments to here; `undefined` where something else than `properties` led here. */
	readonly path: readonly string[] | undefined;
	readonly depth: number;
}

function collect(schema: unknown, { path, depth }: Place, found: ParamHeader[]): boolean {
	const own = asObject(schema);
	if (own === undefined || depth > MAX_DEPTH) return true;
	const header = own['x-mcp-header'];
	if (header !== undefined) {
		if (path === undefined || path.length === 0 || !isDeclaration(header, own['type'])) return false;
		found.push({ path, header });
	}
	const deeper = depth + 1;
	const properties = Object.entries(asObject(own['properties']) ?? {});
	return (
		properties.every(([name, inner]) => collect(inner, { path: path && [...path, name], depth: deeper }, found)) &&
		ELSEWHERE.every((word) =>
			innerSchemas(word, own[word]).every((inner) => collect(inner, { path: undefined, depth: deeper }, found)),
		)
	);
}

function innerSchemas(word: string, value: unknown): readonly unknown[] {
	if (Array.isArray(value)) return value;
	return NAMED.has(word) ? Object.values(asObject(value) ?? {}) : [value];
}

function isDeclaration(header: unknown, type: unknown): header is string {
	return typeof header === 'string' && TOKEN.test(header) && typeof type === 'string' && MIRRORED_TYPES.has(type);
}

/** The `mcp-param-*` headers for these arguments; absent and null arguments have none. */
export function paramHeaderValues(declared: readonly ParamHeader[], args: JsonObject): ReadonlyMap<string, string> {
	const values = new Map<string, string>();
	for (const { path, header } of declared) {
		const value = path.reduce<unknown>(ownMember, args);
		if (value !== undefined && value !== null)
			values.set(`mcp-param-${header.toLowerCase()}`, encodeHeaderText(String(value)));
	}
	return values;
}

/**
 * Checks that a modern call mirrors its arguments as the tool declares (mcp 2026-07-28: basic/transports, custom
 * headers); needed where no server does. Throws PC_HEADER_MISMATCH.
 */
export function checkParamHeaders(declared: readonly ParamHeader[], call: Call): void {
	const args = asObject(call.params['arguments']) ?? {};
	for (const { path, header } of declared) {
		const value = path.reduce<unknown>(ownMember, args);
		if (value === undefined || value === null) continue;
		const sent = call.headers.get(`mcp-param-${header.toLowerCase()}`);
		const text = sent === undefined ? undefined : decodeHeaderText(sent);
		if (text !== undefined && isSame(text, value)) continue;
		throw new PortcullisError('PC_HEADER_MISMATCH', { idText: call.idText, data: { header: `Mcp-Param-${header}` } });
	}
}

// Integers count by their value: a client may write 1e3 for 1000.
function isSame(text: string, value: unknown): boolean {
	return text === String(value) || (typeof value === 'number' && text.trim() !== '' && Number(text) === value);
}

function ownMember(at: unknown, name: string): unknown {
	const object = asObject(at);
	return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
