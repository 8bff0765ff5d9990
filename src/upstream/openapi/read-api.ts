import { hash } from 'node:crypto';
import { type ExactJson, type ExactObject, isExactList, isExactObject, writeExact } from '../../lib/json-exact.ts';
import { inlineSchema, type SchemaReading } from './inline-schema.ts';
import { matchesPattern } from './match-pattern.ts';
import type { Method, Operation, Parameter, PathPiece, Service } from './operation.ts';
import { readBody } from './read-body.ts';
import { invalid } from './read-document.ts';
import { followed, type OperationReading, readParameters } from './read-parameters.ts';
import { readPath } from './read-path.ts';

/** What of a document is wanted, and where it came from. */
export interface ApiWish {
	/** Address of the document. */
	readonly url: string;
	/** Where the operations are, whatever the document says. */
	readonly baseUrl: string | undefined;
	/** Which operations become tools, by id or as `METHOD /path`, `*` for anything; `undefined`: all. */
	readonly operations: readonly string[] | undefined;
	/** Headers of the credential, by lower-case name: no tool's to set. */
	readonly ownHeaders: ReadonlyMap<string, unknown>;
}

const METHODS: ReadonlyMap<string, Method> = new Map([
	['get', 'GET'],
	['put', 'PUT'],
	['post', 'POST'],
	['delete', 'DELETE'],
	['patch', 'PATCH'],
	['head', 'HEAD'],
]);

/** Tools of one service; more are left out. */
const MOST_TOOLS = 2_000;
/** What is written out of the schemas of all tools, and of one. */
const MOST_SCHEMAS = 150_000;
const MOST_SCHEMAS_OF_ONE = 3_000;
const MOST_DESCRIPTION = 8_192;

/** The tools of a document. Throws PC_UPSTREAM_INVALID where it leads to another origin than its own. */
export function readApi(document: ExactObject, wish: ApiWish): Service {
	const basePath = basePathOf(document.get('servers'), wish);
	if (basePath === undefined) throw invalid('the document names servers of another origin; set baseUrl');
	const operations = new Map<string, Operation>();
	const all = { left: MOST_SCHEMAS };
	const isWanted = createIsWanted(wish.operations);
	for (const found of operationsIn(document)) {
		if (operations.size >= MOST_TOOLS) break;
		const budgets = [all, { left: MOST_SCHEMAS_OF_ONE }];
		const reading = { document, budgets, ownHeaders: wish.ownHeaders };
		const isElsewhere = [found.item, found.operation].some((each) => leadsElsewhere(each, basePath, wish));
		const named = isElsewhere || !isWanted(found) ? undefined : readOperation(found, reading, operations);
		if (named !== undefined) operations.set(named.tool, named);
	}
	const info = document.get('info');
	return { title: textOf(info, 'title') ?? '', version: textOf(info, 'version') ?? '', basePath, operations };
}

function textOf(value: ExactJson | undefined, name: string): string | undefined {
	const text = isExactObject(value) ? value.get(name) : undefined;
	return typeof text === 'string' && text !== '' ? text : undefined;
}

/** The path of the first server that is of the document's own origin; without servers the root of it. */
function basePathOf(servers: ExactJson | undefined, { url, baseUrl }: ApiWish): string | undefined {
	if (baseUrl !== undefined) return pathOf(new URL(baseUrl));
	if (!isExactList(servers) || servers.length === 0) return '';
	const found = servers.map((server) => serverUrl(server, url)).find((each) => each?.origin === new URL(url).origin);
	return found && pathOf(found);
}

const pathOf = ({ pathname }: URL): string => pathname.replace(/\/+$/, '');

function serverUrl(server: ExactJson, documentUrl: string): URL | undefined {
	const template = textOf(server, 'url');
	const variables = isExactObject(server) ? server.get('variables') : undefined;
	const text = template?.replace(/\{([^{}]+)\}/g, (_, name: string) => {
		const variable = isExactObject(variables) ? variables.get(name) : undefined;
		return textOf(variable, 'default') ?? '';
	});
	return text !== undefined && URL.canParse(text, documentUrl) ? new URL(text, documentUrl) : undefined;
}

// A path or an operation may have servers of its own; only those that change nothing are taken.
function leadsElsewhere(value: ExactObject, basePath: string, wish: ApiWish): boolean {
	const servers = value.get('servers');
	if (wish.baseUrl !== undefined || servers === undefined) return false;
	return basePathOf(servers, wish) !== basePath;
}

interface Found {
	readonly path: string;
	readonly method: Method;
	readonly item: ExactObject;
	readonly operation: ExactObject;
}

function operationsIn(document: ExactObject): readonly Found[] {
	const paths = document.get('paths');
	const reading = { document, budgets: [] };
	return [...(isExactObject(paths) ? paths : [])].flatMap(([path, value]) => {
		const item = followed(value, reading);
		if (item === undefined) return [];
		return [...METHODS].flatMap(([word, method]) => {
			const operation = item.get(word);
			return isExactObject(operation) ? [{ path, method, item, operation }] : [];
		});
	});
}

function createIsWanted(patterns: readonly string[] | undefined): (found: Found) => boolean {
	if (patterns === undefined) return () => true;
	return ({ path, method, operation }) => {
		const names = [`${method} ${path}`, textOf(operation, 'operationId')].filter((name) => name !== undefined);
		return patterns.some((pattern) => names.some((name) => matchesPattern(name, pattern)));
	};
}

function readOperation(
	found: Found,
	reading: OperationReading,
	known: ReadonlyMap<string, Operation>,
): Operation | undefined {
	const pieces = readPath(found.path);
	const declared = pieces && readParameters(found.item, found.operation, reading);
	if (declared === undefined) return undefined;
	const parameters = withPathParameters(declared, pieces as readonly PathPiece[]);
	const body = readBody(found.operation, new Set(parameters.map(({ argument }) => argument)), reading);
	if (body === undefined) return undefined;
	const mcpoName = mcpoNameOf(found, pieces as readonly PathPiece[]);
	const tool = unique(
		mcpoName ?? toolName(textOf(found.operation, 'operationId') ?? `${found.method.toLowerCase()}${found.path}`),
		known,
	);
	const outputSchema = mcpoName === undefined ? outputSchemaOf(found.operation, reading) : undefined;
	return {
		...{ tool, method: found.method, path: pieces as readonly PathPiece[], parameters, body: body.form },
		isMcpo: mcpoName !== undefined,
		hasOutputSchema: outputSchema !== undefined,
		definition: definitionOf({ tool, found, parameters, body: body.schema, outputSchema }),
	};
}

// A template without a word about one of its parts: it is a text all the same.
function withPathParameters(declared: readonly Parameter[], pieces: readonly PathPiece[]): readonly Parameter[] {
	const names = pieces.flatMap((piece) => ('parameter' in piece ? [piece.parameter] : []));
	const known = declared.filter(({ place, name }) => place !== 'path' || names.includes(name));
	const missing = names.filter((name) => !known.some((each) => each.place === 'path' && each.name === name));
	return [
		...known,
		...[...new Set(missing)].map((name): Parameter => {
			const plain = name.replace(/[^A-Za-z0-9_.-]+/g, '_');
			const argument = known.some((each) => each.argument === plain) ? `path_${plain}` : plain;
			const schema = new Map([['type', 'string']]);
			return { argument, name, place: 'path', style: 'simple', explode: false, isRequired: true, schema };
		}),
	];
}

/** `x` of mcpo's `POST /x` with the id `tool_x_post`. */
function mcpoNameOf({ method, operation }: Found, pieces: readonly PathPiece[]): string | undefined {
	const [only, ...more] = pieces;
	if (method !== 'POST' || only === undefined || more.length > 0 || !('text' in only)) return undefined;
	const name = decoded(only.text.slice(1));
	const isName = /^[^/\x00-\x1f\x7f]{1,128}$/.test(name);
	return isName && /^tool_\w*_post$/.test(textOf(operation, 'operationId') ?? '') ? name : undefined;
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return '';
	}
}

const LONGEST_NAME = 64;

function toolName(name: string): string {
	const plain = name.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^_+|_+$/g, '') || 'operation';
	if (plain.length <= LONGEST_NAME) return plain;
	return `${plain.slice(0, LONGEST_NAME - 9)}_${hash('sha256', name, 'hex').slice(0, 8)}`;
}

function unique(name: string, known: ReadonlyMap<string, Operation>): string {
	let free = name;
	for (let count = 2; known.has(free); count++) free = `${name.slice(0, LONGEST_NAME - 5)}_${count}`;
	return free;
}

// Only where there is one way to succeed, and that gives an object: else answers would break the promise.
function outputSchemaOf(operation: ExactObject, reading: SchemaReading): ExactObject | undefined {
	const responses = operation.get('responses');
	const successes = [...(isExactObject(responses) ? responses : [])].filter(([status]) => /^2|^default$/.test(status));
	const [only, ...more] = successes;
	if (only === undefined || more.length > 0) return undefined;
	const content = followed(only[1], reading)?.get('content');
	const [type, media] = isExactObject(content) ? ([...content][0] ?? []) : [];
	if (!isExactObject(media) || !/^application\/json\b/i.test(type ?? '')) return undefined;
	const schema = inlineSchema(media.get('schema'), reading);
	return isExactObject(schema) && schema.get('type') === 'object' ? schema : undefined;
}

interface Defining {
	readonly tool: string;
	readonly found: Found;
	readonly parameters: readonly Parameter[];
	readonly body: ExactObject;
	readonly outputSchema: ExactObject | undefined;
}

function definitionOf({ tool, found, parameters, body, outputSchema }: Defining): string {
	const { operation, method } = found;
	const texts = [textOf(operation, 'summary'), textOf(operation, 'description')].filter((text) => text !== undefined);
	const description = texts.join('\n\n').slice(0, MOST_DESCRIPTION);
	return writeExact(
		new Map<string, ExactJson>([
			['name', tool],
			...(description === '' ? [] : [['description', description] as const]),
			['inputSchema', inputSchemaOf(parameters, body)],
			...(outputSchema === undefined ? [] : [['outputSchema', outputSchema] as const]),
			// That a method is safe is no promise about this operation, and the level "read" rests on `readOnlyHint`.
			...(method === 'DELETE' ? [['annotations', new Map([['destructiveHint', true]])] as const] : []),
		]),
	);
}

function inputSchemaOf(parameters: readonly Parameter[], body: ExactObject): ExactObject {
	const ofBody = body.get('properties');
	const required = body.get('required');
	const properties = new Map<string, ExactJson>([
		...parameters.map(({ argument, schema }): [string, ExactJson] => [argument, schema]),
		...(isExactObject(ofBody) ? ofBody : []),
	]);
	const names = [
		...parameters.flatMap(({ argument, isRequired }) => (isRequired ? [argument] : [])),
		...(isExactList(required) ? required : []),
	];
	const rest = [...body].filter(([word]) => word !== 'properties' && word !== 'required');
	return new Map<string, ExactJson>([
		['type', 'object'],
		['properties', properties],
		...(names.length === 0 ? [] : [['required', names] as const]),
		...rest,
	]);
}
