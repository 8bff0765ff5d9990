import type { IncomingMessage } from 'node:http';
import type * as z from 'zod';
import type { EdgeHeaders } from '../edge/check-headers.ts';
import { checkBodyHeaders, readBody } from '../edge/read-body.ts';
import { readJson } from '../edge/read-json.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { inputInvalid, schemaFaults } from './input-invalid.ts';
import { type Precondition, readPrecondition } from './precondition.ts';
import { type BodyBounds, demandsMatch, type Route } from './route.ts';

/** How much a body may be where the operation says nothing else. */
export const BODY_BOUNDS: BodyBounds = Object.freeze({ bytes: 256 * 1024, depth: 32, nodes: 10_000 });

/** A request for an operation, not yet looked at. */
export interface RawInput {
	readonly request: IncomingMessage;
	readonly headers: EdgeHeaders;
	/** Decoded parameters of the path. */
	readonly params: Readonly<Record<string, string>>;
	/** Query parameters; one that stands twice is a list. */
	readonly query: unknown;
}

/** All of what an operation is given, checked. */
export interface Input {
	readonly params: Readonly<Record<string, string>>;
	readonly query: unknown;
	readonly body: unknown;
	/** The body as it was sent; empty when the operation takes none. */
	readonly bodyText: string;
	readonly precondition: Precondition | undefined;
}

/** Reads and checks everything a caller chose. Throws PC_NOT_FOUND, PC_INPUT_INVALID, PC_IF_MATCH_MISSING, PC_JSON_* and others. */
export async function readInput(route: Route, raw: RawInput): Promise<Input> {
	const params = readParams(route, raw.params);
	const query = checked('query', route.query, raw.query);
	const precondition = demandsMatch(route) ? readPrecondition(raw.request.headers) : undefined;
	const { body, bodyText } = await readApiBody(route, raw);
	requireSameNames(params, body);
	return { params, query, precondition, body, bodyText };
}

// A name that nothing can have is as unknown as one that nothing has.
function readParams(route: Route, params: RawInput['params']): Input['params'] {
	const read = Object.entries(route.params).map(([name, schema]) => {
		const param = schema.safeParse(params[name]);
		if (!param.success) throw new PortcullisError('PC_NOT_FOUND');
		return [name, param.data] as const;
	});
	return Object.fromEntries(read);
}

async function readApiBody(route: Route, { request, headers }: RawInput): Promise<Pick<Input, 'body' | 'bodyText'>> {
	if (route.body === undefined) return { body: undefined, bodyText: '' };
	const { bodyBounds: bounds = BODY_BOUNDS } = route;
	checkBodyHeaders(headers, bounds.bytes);
	const bodyText = await readBody(request, bounds.bytes);
	return { body: checked('body', route.body, readJson(bodyText, bounds)), bodyText };
}

function checked(part: 'body' | 'query', schema: z.ZodType, value: unknown): unknown {
	const result = schema.safeParse(value);
	if (result.success) return result.data;
	throw schemaFaults(part, result.error.issues);
}

// A body that names another workspace or thing than its address must not be taken for either.
function requireSameNames(params: Input['params'], body: unknown): void {
	if (typeof body !== 'object' || body === null) return;
	const named = Object.keys(params).filter((name) => Object.hasOwn(body, name));
	const other = named.filter((name) => (body as Record<string, unknown>)[name] !== params[name]);
	if (other.length === 0) return;
	throw inputInvalid(other.map((name) => ({ path: `body.${name}`, message: 'is not what the address names' })));
}
