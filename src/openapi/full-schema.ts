import { type ExactJson, type ExactObject, isExactList, isExactObject, numberText } from '../lib/json-exact.ts';
import { resolveRef } from '../lib/json-pointer.ts';
import { isReferenceName, looksLikeReference } from './resolve-ref.ts';
import { memberTitle } from './tool-names.ts';

/**
 * A tool's schema as a document can hold it: all its keywords, references inlined, and whatever is no JSON Schema 2020-12
 * left out, so that no definition makes a document invalid.
 */
export function fullSchema(schema: ExactJson | undefined, title: string): ExactObject {
	const root: ExactObject = isExactObject(schema) ? schema : new Map();
	const reading: Reading = { root, following: [], depth: 0, left: { parts: MOST_PARTS } };
	const written = new Map(writeSchema(root, reading));
	const properties = written.get('properties');
	if (isExactObject(properties)) written.set('properties', new Map([...properties].map(describe)));
	// What does not say that it is an object takes none of its arguments from Open WebUI.
	return written.set('type', 'object').set('title', title);
}

interface Reading {
	readonly root: ExactObject;
	readonly following: readonly string[];
	readonly depth: number;
	readonly left: { parts: number };
}

type Read = (value: ExactJson, reading: Reading) => ExactJson | undefined;

const DEEPEST = 24;
const MOST_PARTS = 10_000;

// As mcpo does: a model is told the name in words, and is never without a description.
function describe([name, schema]: readonly [string, ExactJson]): readonly [string, ExactJson] {
	if (!isExactObject(schema)) return [name, schema];
	const described = new Map(schema);
	if (!described.has('title')) described.set('title', memberTitle(name));
	if (!described.has('description')) described.set('description', '');
	return [name, described];
}

function writeSchema(schema: ExactObject, reading: Reading): ExactObject {
	const own = [...schema].flatMap(([keyword, value]): [string, ExactJson][] => {
		const read = KEYWORDS.get(keyword);
		const written = read?.(value, { ...reading, depth: reading.depth + 1 });
		return written === undefined ? [] : [[keyword, written]];
	});
	const ref = schema.get('$ref');
	const inlined = typeof ref === 'string' ? inline(ref, reading) : new Map<string, ExactJson>();
	return new Map([...inlined, ...own]);
}

function inline(ref: string, reading: Reading): ExactObject {
	const target = reading.following.includes(ref) ? undefined : resolveRef(reading.root, ref);
	const following = [...reading.following, ref];
	const written =
		target === undefined ? undefined : readSchema(target, { ...reading, following, depth: reading.depth + 1 });
	return isExactObject(written) ? written : new Map();
}

const readSchema: Read = (value, reading) => {
	if (typeof value === 'boolean') return value;
	if (!isExactObject(value)) return undefined;
	if (reading.depth > DEEPEST || --reading.left.parts < 0) return new Map();
	return writeSchema(value, reading);
};

const readSchemas: Read = (value, reading) => {
	if (!isExactObject(value)) return undefined;
	const named = [...value].filter(([name]) => !isReferenceName(name));
	return new Map(named.map(([name, schema]) => [name, readSchema(schema, reading) ?? true]));
};

const readSchemaList: Read = (value, reading) => {
	if (!isExactList(value) || value.length === 0) return undefined;
	return value.map((schema) => readSchema(schema, reading) ?? true);
};

const readText: Read = (value) => (typeof value === 'string' ? value : undefined);
const readFlag: Read = (value) => (typeof value === 'boolean' ? value : undefined);
const readData: Read = (value) => (looksLikeReference(value) ? undefined : value);
const readList: Read = (value) => (isExactList(value) && !looksLikeReference(value) ? value : undefined);
const readNumber: Read = (value) => (numberText(value) === undefined ? undefined : value);
const readPositive: Read = (value) => (Number(numberText(value) ?? Number.NaN) > 0 ? value : undefined);
const readCount: Read = (value) => (/^\d+$/.test(numberText(value) ?? '') ? value : undefined);

const readNames: Read = (value) => {
	const names = isExactList(value) ? value.filter((name) => typeof name === 'string') : undefined;
	return names && [...new Set(names)];
};

const readNamesByName: Read = (value, reading) => {
	if (!isExactObject(value)) return undefined;
	return new Map(
		[...value].flatMap(([name, names]) => {
			const read = readNames(names, reading);
			return read === undefined ? [] : [[name, read] as const];
		}),
	);
};

const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'number', 'boolean', 'null', 'array', 'object']);

const readType: Read = (value) => {
	if (!isExactList(value)) return TYPES.has(value) ? value : undefined;
	const types = [...new Set(value.filter((type) => TYPES.has(type)))];
	return types.length === 0 ? undefined : types;
};

const readPattern: Read = (value) => (typeof value === 'string' && isPattern(value) ? value : undefined);

function isPattern(text: string): boolean {
	try {
		new RegExp(text, 'u');
		return true;
	} catch {
		return false;
	}
}

const readPatterns: Read = (value, reading) => {
	if (!isExactObject(value)) return undefined;
	const read = readSchemas(value, reading);
	return isExactObject(read) ? new Map([...read].filter(([pattern]) => isPattern(pattern))) : undefined;
};

/** Keywords of JSON Schema 2020-12 and what their values have to be; references, which are inlined, are not among them. */
const KEYWORDS: ReadonlyMap<string, Read> = new Map<string, Read>([
	...['properties', 'dependentSchemas'].map((name) => [name, readSchemas] as const),
	['patternProperties', readPatterns],
	...['allOf', 'anyOf', 'oneOf', 'prefixItems'].map((name) => [name, readSchemaList] as const),
	...['items', 'contains', 'additionalProperties', 'propertyNames', 'if', 'then', 'else', 'not'].map(
		(name) => [name, readSchema] as const,
	),
	...['unevaluatedItems', 'unevaluatedProperties', 'contentSchema'].map((name) => [name, readSchema] as const),
	['type', readType],
	['required', readNames],
	['dependentRequired', readNamesByName],
	...['const', 'default'].map((name) => [name, readData] as const),
	...['enum', 'examples'].map((name) => [name, readList] as const),
	...['maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum'].map((name) => [name, readNumber] as const),
	['multipleOf', readPositive],
	...['maxLength', 'minLength', 'maxItems', 'minItems', 'maxContains', 'minContains'].map(
		(name) => [name, readCount] as const,
	),
	...['maxProperties', 'minProperties'].map((name) => [name, readCount] as const),
	['pattern', readPattern],
	...['title', 'description', 'format', 'contentEncoding', 'contentMediaType'].map((name) => [name, readText] as const),
	...['uniqueItems', 'deprecated', 'readOnly', 'writeOnly'].map((name) => [name, readFlag] as const),
]);
