import { type ExactJson, type ExactObject, exactOf, isExactList, isExactObject } from '../../lib/json-exact.ts';
import { resolveRef } from '../../lib/json-pointer.ts';

/** How much of schemas may still be written out; shared by everything that is read from one document or tool. */
export interface SchemaBudget {
	left: number;
}

/** A document and how much of its schemas may be written out. */
export interface SchemaReading {
	readonly document: ExactObject;
	readonly budgets: readonly SchemaBudget[];
}

/** A schema that takes everything: stands for what is a cycle, too deep, too much, or no schema. */
const ANYTHING = exactOf({}) as ExactObject;

const MOST_DEPTH = 24;

const ONE: ReadonlySet<string> = new Set([
	...['items', 'additionalProperties', 'additionalItems', 'not', 'if', 'then', 'else', 'contains', 'propertyNames'],
	...['unevaluatedItems', 'unevaluatedProperties'],
]);
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas']);
const LISTED: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
/** References are written out; the rest says nothing about values. */
const DROPPED: ReadonlySet<string> = new Set([
	...['$ref', '$id', '$anchor', '$dynamicRef', '$dynamicAnchor', '$defs', 'definitions', '$schema', '$comment'],
	...['nullable', 'discriminator', 'xml', 'externalDocs', 'example', 'readOnly', 'writeOnly'],
]);

/**
 * A schema of a document as one that stands by itself: references within the document are written out (cycles become
 * "anything"), what OpenAPI 3.0 spells its own way is JSON Schema's, extensions (`x-…`) are left out.
 */
export function inlineSchema(schema: ExactJson | undefined, reading: SchemaReading): ExactJson {
	return inline(schema, { reading, depth: 0, following: [] });
}

interface At {
	readonly reading: SchemaReading;
	readonly depth: number;
	/** References that lead here. */
	readonly following: readonly string[];
}

function inline(schema: ExactJson | undefined, at: At): ExactJson {
	if (typeof schema === 'boolean') return schema;
	if (!isExactObject(schema) || at.depth > MOST_DEPTH || !spend(1, at)) return ANYTHING;
	const ref = schema.get('$ref');
	return typeof ref === 'string' ? inlineRef(ref, schema, at) : inlineMembers(schema, at);
}

function inlineRef(ref: string, schema: ExactObject, at: At): ExactJson {
	if (at.following.includes(ref)) return ANYTHING;
	const following = [...at.following, ref];
	const target = inline(resolveRef(at.reading.document, ref), { ...at, depth: at.depth + 1, following });
	const beside = inlineMembers(schema, at);
	return isExactObject(target) && beside.size > 0 ? new Map([...target, ...beside]) : target;
}

function inlineMembers(schema: ExactObject, at: At): ExactObject {
	const members = [...schema].flatMap(([name, member]): [string, ExactJson][] => {
		if (DROPPED.has(name) || name.startsWith('x-')) return [];
		const written = inlineMember(name, member, { ...at, depth: at.depth + 1 });
		return written === undefined ? [] : [[name, written]];
	});
	return modernised(new Map(members), schema);
}

function inlineMember(name: string, member: ExactJson, at: At): ExactJson | undefined {
	if (NAMED.has(name)) return isExactObject(member) ? inlineNamed(member, at) : undefined;
	if (LISTED.has(name)) return isExactList(member) ? member.map((each) => inline(each, at)) : undefined;
	if (ONE.has(name)) return isExactList(member) ? undefined : inline(member, at);
	return spend(weightOf(member), at) ? member : undefined;
}

function inlineNamed(schemas: ExactObject, at: At): ExactObject {
	return new Map([...schemas].map(([name, schema]) => [name, inline(schema, at)]));
}

// OpenAPI 3.0 has words of its own for null and for limits that are not reached.
function modernised(written: ReadonlyMap<string, ExactJson>, schema: ExactObject): ExactObject {
	const members = new Map(written);
	const type = members.get('type');
	if (schema.get('nullable') === true && typeof type === 'string') members.set('type', [type, 'null']);
	const values = members.get('enum');
	if (schema.get('nullable') === true && isExactList(values)) members.set('enum', [...values, null]);
	for (const [exclusive, limit] of EXCLUSIVE) {
		const isExclusive = members.get(exclusive);
		if (typeof isExclusive !== 'boolean') continue;
		members.delete(exclusive);
		const value = members.get(limit);
		if (!isExclusive || value === undefined) continue;
		members.delete(limit);
		members.set(exclusive, value);
	}
	return members;
}

const EXCLUSIVE = [
	['exclusiveMinimum', 'minimum'],
	['exclusiveMaximum', 'maximum'],
] as const;

function spend(weight: number, { reading }: At): boolean {
	for (const budget of reading.budgets) budget.left -= weight;
	return reading.budgets.every(({ left }) => left >= 0);
}

/** Data that is not a schema (`enum`, `default`, …), in the same measure as schemas. */
function weightOf(value: ExactJson): number {
	if (typeof value === 'string') return 1 + value.length / 100;
	if (isExactList(value)) return value.reduce((sum: number, each) => sum + weightOf(each), 1);
	if (isExactObject(value)) return [...value.values()].reduce((sum: number, each) => sum + weightOf(each), 1);
	return 1;
}
