import { asObject, type JsonObject } from '../call.ts';
import { encodeHeaderText } from './envelope.ts';

/** One argument that a tool wants mirrored: path of property names to it, and the header's suffix. */
export interface ParamHeader {
	readonly path: readonly string[];
	readonly header: string;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
const MIRRORED_TYPES = new Set(['string', 'integer', 'boolean']);
const MAX_DEPTH = 8;

/**
 * The `x-mcp-header` declarations of a tool's input schema, or `undefined` when they break the rules and the tool must
 * not be offered (mcp 2026-07-28, SEP-2243): RFC 9110 token, unique regardless of case, on a string, integer or boolean,
 * reachable through `properties` alone.
 */
export function paramHeadersOf(inputSchema: unknown): readonly ParamHeader[] | undefined {
	const found: ParamHeader[] = [];
	if (!collect(inputSchema, [], found)) return undefined;
	const names = new Set(found.map((entry) => entry.header.toLowerCase()));
	return names.size === found.length ? found : undefined;
}

function collect(schema: unknown, path: readonly string[], found: ParamHeader[]): boolean {
	const properties = asObject(asObject(schema)?.['properties']);
	if (properties === undefined || path.length >= MAX_DEPTH) return true;
	return Object.entries(properties).every(([name, property]) => {
		const own = asObject(property);
		const header = own?.['x-mcp-header'];
		if (header !== undefined && !isDeclaration(header, own?.['type'])) return false;
		if (typeof header === 'string') found.push({ path: [...path, name], header });
		return collect(property, [...path, name], found);
	});
}

function isDeclaration(header: unknown, type: unknown): boolean {
	return typeof header === 'string' && TOKEN.test(header) && typeof type === 'string' && MIRRORED_TYPES.has(type);
}

/** The `mcp-param-*` headers for these arguments; absent and null arguments have none. */
export function paramHeaderValues(declared: readonly ParamHeader[], args: JsonObject): ReadonlyMap<string, string> {
	const values = new Map<string, string>();
	for (const { path, header } of declared) {
		const value = path.reduce<unknown>((at, name) => asObject(at)?.[name], args);
		if (value !== undefined && value !== null)
			values.set(`mcp-param-${header.toLowerCase()}`, encodeHeaderText(String(value)));
	}
	return values;
}
