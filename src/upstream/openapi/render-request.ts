import { type ExactJson, type ExactObject, isExactObject, writeExact } from '../../lib/json-exact.ts';
import type { BodyForm, Operation, Parameter } from './operation.ts';
import { isDots } from './read-path.ts';
import { encoded, type Fault, pairsOf, plainText, simpleTexts, takesObjects } from './write-value.ts';

/** A request as it goes out, below the service's own path and without its credential. */
export interface Rendered {
	/** Path and query. */
	readonly path: string;
	/** By lower-case name. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | null;
}

/**
 * The request that a call of a tool stands for. Whatever the arguments are, the path has the segments of its template and
 * each text of the template in its place; no value becomes a header, a query or a path of its own.
 */
export function renderRequest(operation: Operation, given: ExactObject): Rendered | Fault {
	const fault = unusable(operation, given);
	if (fault !== undefined) return { fault };
	const path = renderPath(operation, given);
	const query = renderQuery(operation, given);
	const headers = renderHeaders(operation, given);
	const body = renderBody(operation.body, { operation, given });
	for (const part of [path, query, headers, body]) if (isFault(part)) return part;
	const [text, content] = body as Body;
	return {
		path: `${path}${query}`,
		headers: { ...(headers as Record<string, string>), ...(content !== undefined && { 'content-type': content }) },
		body: text,
	};
}

/** Whether something is the sentence in place of what was wanted. */
export function isFault(value: unknown): value is Fault {
	return typeof value === 'object' && value !== null && 'fault' in value;
}

function unusable({ parameters, body }: Operation, given: ExactObject): string | undefined {
	const missing = parameters.find(({ isRequired, argument }) => isRequired && (given.get(argument) ?? null) === null);
	if (missing !== undefined) return `The argument ${missing.argument} is missing.`;
	if (body?.whole !== undefined && body.isRequired && !given.has(body.whole)) {
		return `The argument ${body.whole} is missing.`;
	}
	const known = new Set([...parameters.map(({ argument }) => argument), ...(body?.members ?? [])]);
	const isUnknown = body?.isOpen !== true && [...given.keys()].some((name) => !known.has(name));
	return isUnknown ? 'There is an argument that this tool does not take; see its schema.' : undefined;
}

function givenFor(parameter: Parameter, given: ExactObject): ExactJson {
	return given.get(parameter.argument) ?? null;
}

function renderPath({ path, parameters }: Operation, given: ExactObject): string | Fault {
	const inPath = new Map(parameters.filter(({ place }) => place === 'path').map((each) => [each.name, each]));
	const used: string[] = [];
	const texts = path.map((piece) => {
		if ('text' in piece) return piece.text;
		const parameter = inPath.get(piece.parameter);
		if (parameter === undefined) return undefined;
		used.push(parameter.argument);
		return segmentText(simpleTexts(parameter, givenFor(parameter, given)));
	});
	const rendered = texts.join('');
	const isWhole = texts.every((text) => text !== undefined && text !== '');
	if (isWhole && !rendered.split('/').some(isDots)) return rendered;
	return {
		fault: `The argument ${used.join(' or ')} cannot stand in an address: it is empty, or leads out of its place.`,
	};
}

// What ends texts in some programs (NUL, line breaks) has no place in a path, encoded or not.
function segmentText(texts: readonly string[]): string | undefined {
	const parts = texts.map((text) => (/[\x00-\x1f\x7f]/.test(text) ? undefined : encoded(text)));
	return parts.includes(undefined) ? undefined : parts.join(',');
}

function renderQuery({ parameters }: Operation, given: ExactObject): string | Fault {
	const declared = new Set(parameters.filter(({ place }) => place === 'query').map(({ name }) => name));
	const pairs: string[] = [];
	for (const parameter of parameters) {
		const value = givenFor(parameter, given);
		if (parameter.place !== 'query' || value === null) continue;
		const own = pairsOf(parameter, value);
		if (isFault(own)) return own;
		// The members of an object are names in the query: not those of others.
		const { style, explode, schema } = parameter;
		const isSpread = isExactObject(value) && style === 'form' && explode && takesObjects(schema);
		if (isSpread && [...value.keys()].some((name) => declared.has(name))) {
			return { fault: `The argument ${parameter.argument} has a member that is another argument of this tool.` };
		}
		pairs.push(...own);
	}
	return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function renderHeaders({ parameters }: Operation, given: ExactObject): Readonly<Record<string, string>> | Fault {
	const headers: Record<string, string> = {};
	for (const parameter of parameters) {
		const value = givenFor(parameter, given);
		if (parameter.place !== 'header' || value === null) continue;
		const text = simpleTexts(parameter, value).join(',');
		if (/[^\x20-\x7e\x80-\xff]/.test(text)) {
			return {
				fault: `The argument ${parameter.argument} cannot stand in a header: it holds a line break or the like.`,
			};
		}
		headers[parameter.name.toLowerCase()] = text;
	}
	return headers;
}

/** Text of a body, and its media type where there is one. */
type Body = readonly [text: string | null, mediaType: string | undefined];

interface Around {
	readonly operation: Operation;
	readonly given: ExactObject;
}

function renderBody(form: BodyForm | undefined, { operation, given }: Around): Body | Fault {
	if (form === undefined) return [null, undefined];
	const elsewhere = new Set(operation.parameters.map(({ argument }) => argument));
	const members = new Map([...given].filter(([name]) => !elsewhere.has(name)));
	if (members.size === 0 && !form.isRequired) return [null, undefined];
	const value = form.whole === undefined ? members : (given.get(form.whole) ?? null);
	if (form.encoding === 'json') return [writeExact(value), form.mediaType];
	if (form.encoding === 'text') return [plainText(value), form.mediaType];
	const fields = isExactObject(value) ? [...value].map(([name, field]) => pairsOf(fieldOf(name), field)) : [];
	const fault = fields.find(isFault);
	return fault ?? [fields.flat().join('&'), form.mediaType];
}

// Members of a form are written like those of a query (OpenAPI 3.1 §4.8.14.4); objects within as JSON.
function fieldOf(name: string): Parameter {
	return { argument: name, name, place: 'query', style: 'deepObject', explode: true, isRequired: false, schema: true };
}
