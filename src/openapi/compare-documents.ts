import { asObject, type JsonObject } from '../mcp/call.ts';

/** A difference between two documents of the same tools, in a line. */
export interface DocumentDifference {
	/** Path of the operation; empty for the document as a whole. */
	readonly path: string;
	readonly what: string;
}

/**
 * What callers of one document would notice if they were given the other: operations, their ids, required arguments and
 * the types of arguments. Limits, enumerations and words, of which mcpo loses many, are no difference.
 */
export function compareDocuments(theirs: unknown, ours: unknown): readonly DocumentDifference[] {
	const [before, after] = [operationsOf(theirs), operationsOf(ours)];
	const gone = [...before.keys()].filter((path) => !after.has(path));
	const added = [...after.keys()].filter((path) => !before.has(path));
	const both = [...before].flatMap(([path, operation]) => {
		const other = after.get(path);
		return other === undefined ? [] : compareOperations(operation, other).map((what) => ({ path, what }));
	});
	return [
		...gone.map((path) => ({ path, what: 'is missing in the second' })),
		...added.map((path) => ({ path, what: 'is missing in the first' })),
		...both,
	];
}

interface Operation {
	readonly id: unknown;
	readonly hasBody: boolean;
	readonly required: readonly string[];
	/** Types of arguments, each as one text. */
	readonly types: ReadonlyMap<string, string>;
}

function operationsOf(document: unknown): ReadonlyMap<string, Operation> {
	const root = asObject(document) ?? {};
	const paths = Object.entries(asObject(root['paths']) ?? {});
	return new Map(
		paths.flatMap(([path, item]) => {
			const post = asObject(asObject(item)?.['post']);
			return post === undefined ? [] : [[path, operationOf(post, root)] as const];
		}),
	);
}

function operationOf(post: JsonObject, root: JsonObject): Operation {
	const content = asObject(asObject(post['requestBody'])?.['content']);
	const schema = resolve(asObject(content?.['application/json'])?.['schema'], root);
	const properties = Object.entries(asObject(schema['properties']) ?? {});
	const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
	return {
		id: post['operationId'],
		hasBody: post['requestBody'] !== undefined,
		required: required.sort(),
		types: new Map(properties.map(([name, property]) => [name, typeText(property, root)])),
	};
}

const LONGEST_WAY = 16;

function resolve(schema: unknown, root: JsonObject, steps = 0): JsonObject {
	const own = asObject(schema) ?? {};
	const ref = own['$ref'];
	if (typeof ref !== 'string' || steps > LONGEST_WAY) return own;
	const target = ref.replace(/^#\//, '').split('/');
	return resolve(
		target.reduce<unknown>((at, step) => asObject(at)?.[step], root),
		root,
		steps + 1,
	);
}

// `["string","null"]` and `anyOf: [{string}, {null}]` say the same.
function typeText(schema: unknown, root: JsonObject): string {
	const { type, anyOf } = resolve(schema, root);
	const choices = Array.isArray(anyOf) ? anyOf.flatMap((choice) => typeText(choice, root).split('|')) : [type].flat();
	return [...new Set(choices.map((choice) => (typeof choice === 'string' ? choice : 'any')))].sort().join('|');
}

function compareOperations(before: Operation, after: Operation): readonly string[] {
	const names = [...new Set([...before.types.keys(), ...after.types.keys()])];
	return [
		...(before.id === after.id ? [] : [`has the operation id ${String(before.id)}, then ${String(after.id)}`]),
		...(before.hasBody === after.hasBody ? [] : [before.hasBody ? 'takes no body any more' : 'takes a body now']),
		...names.flatMap((name) => compareMember(name, before, after)),
	];
}

function compareMember(name: string, before: Operation, after: Operation): readonly string[] {
	const [type, other] = [before.types.get(name), after.types.get(name)];
	if (type === undefined || other === undefined) {
		return [`the argument ${name} is missing in the ${type === undefined ? 'first' : 'second'}`];
	}
	const [wasRequired, isRequired] = [before.required.includes(name), after.required.includes(name)];
	return [
		...(type === other || type === 'any' ? [] : [`the argument ${name} is ${type}, then ${other}`]),
		...(wasRequired === isRequired ? [] : [`the argument ${name} is ${isRequired ? 'now' : 'no longer'} required`]),
	];
}
