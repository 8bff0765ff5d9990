import { type ExactJson, type ExactObject, isExactList, isExactObject } from '../lib/json-exact.ts';
import { resolveRef } from '../lib/json-pointer.ts';
import { isReferenceName } from './resolve-ref.ts';

/** What arguments are held to: the part of JSON Schema that mcpo understands, which is types and required members. */
export type Shape =
	| { readonly kind: 'any' | 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'bag' }
	| { readonly kind: 'list'; readonly item: Shape }
	| { readonly kind: 'union'; readonly of: readonly Shape[] }
	| Model;

/** An object with members of its own. */
export interface Model {
	readonly kind: 'model';
	readonly fields: readonly Field[];
	/** Whether members that nobody named are let through. */
	readonly isOpen: boolean;
}

/** One member of an object. */
export interface Field {
	readonly name: string;
	readonly shape: Shape;
	readonly isRequired: boolean;
	/** Filled in where the caller leaves the member out. */
	readonly fallback: ExactJson | undefined;
	readonly description: string;
}

const ANY: Shape = { kind: 'any' };
const SCALARS: ReadonlySet<unknown> = new Set(['string', 'integer', 'number', 'boolean', 'null']);

/** Hostile definitions are cut here and mean "anything" below. */
const DEEPEST = 24;
const MOST_PARTS = 10_000;

interface Reading {
	readonly root: ExactObject;
	/** Pointers of this place and of all around it: a reference to one of them would never end. */
	readonly around: readonly string[];
	readonly depth: number;
	/** Shared by the whole reading. */
	readonly left: { parts: number };
}

/** The shape of a tool's arguments; a tool whose schema is no object takes none. */
export function shapeOf(inputSchema: ExactJson | undefined): Model {
	const root = isExactObject(inputSchema) ? inputSchema : new Map();
	const reading = { root, around: ['#'], depth: 0, left: { parts: MOST_PARTS } };
	return modelOf(root, reading);
}

function modelOf(schema: ExactObject, reading: Reading): Model {
	const properties = schema.get('properties');
	const required = schema.get('required');
	const isRequired = (name: string): boolean => isExactList(required) && required.includes(name);
	// A member of this name would make a reference of what the document says of the arguments.
	const entries = isExactObject(properties) ? [...properties].filter(([name]) => !isReferenceName(name)) : [];
	return {
		kind: 'model',
		isOpen: schema.get('additionalProperties') === true,
		fields: entries.map(([name, property]) => ({
			name,
			shape: readShape(property, inside(reading, `properties/${name}`)),
			isRequired: isRequired(name),
			fallback: isExactObject(property) ? property.get('default') : undefined,
			description: descriptionOf(property),
		})),
	};
}

function descriptionOf(schema: ExactJson): string {
	const text = isExactObject(schema) ? schema.get('description') : undefined;
	return typeof text === 'string' ? text : '';
}

function readShape(schema: ExactJson, reading: Reading): Shape {
	if (!isExactObject(schema) || reading.depth > DEEPEST || --reading.left.parts < 0) return ANY;
	const ref = schema.get('$ref');
	if (typeof ref === 'string') return followRef(ref, reading);
	const deeper = { ...reading, depth: reading.depth + 1 };
	const choices = schema.get('anyOf');
	if (isExactList(choices)) return unionOf(choices.map((choice) => readShape(choice, deeper)));
	const type = schema.get('type');
	if (!isExactList(type)) return shapeOfType(type, schema, deeper);
	return unionOf(type.map((each) => shapeOfType(each, schema, deeper)));
}

function inside(reading: Reading, step: string): Reading {
	const here = `${reading.around.at(-1)}/${step}`;
	return { ...reading, around: [...reading.around, here], depth: reading.depth + 1 };
}

function followRef(ref: string, reading: Reading): Shape {
	const target = reading.around.includes(ref) ? undefined : resolveRef(reading.root, ref);
	if (target === undefined) return ANY;
	return readShape(target, { ...reading, around: [...reading.around, ref], depth: reading.depth + 1 });
}

function unionOf(of: readonly Shape[]): Shape {
	const [first, ...more] = of;
	if (first === undefined || of.some(({ kind }) => kind === 'any')) return ANY;
	return more.length === 0 ? first : { kind: 'union', of };
}

function shapeOfType(type: ExactJson | undefined, schema: ExactObject, reading: Reading): Shape {
	if (SCALARS.has(type)) return { kind: type } as Shape;
	if (type === 'array') return { kind: 'list', item: readShape(schema.get('items') ?? null, reading) };
	if (type !== 'object') return ANY;
	const properties = schema.get('properties');
	return isExactObject(properties) && properties.size > 0 ? modelOf(schema, reading) : { kind: 'bag' };
}
