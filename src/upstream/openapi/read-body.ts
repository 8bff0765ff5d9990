import { type ExactJson, type ExactObject, exactOf, isExactList, isExactObject } from '../../lib/json-exact.ts';
import { inlineSchema, type SchemaReading } from './inline-schema.ts';
import type { BodyForm } from './operation.ts';
import { followed } from './read-parameters.ts';

/** A body, and what it adds to the schema of the arguments. */
export interface BodyReading {
	readonly form: BodyForm | undefined;
	/** Schema of the body where its members are arguments; of an object with the body as its one member where not. */
	readonly schema: ExactObject;
}

const EMPTY = exactOf({}) as ExactObject;
const NO_BODY: BodyReading = { form: undefined, schema: EMPTY };

/** The body of an operation; `undefined` when it has to be sent and is of no kind that can be. */
export function readBody(
	operation: ExactObject,
	taken: ReadonlySet<string>,
	reading: SchemaReading,
): BodyReading | undefined {
	const body = followed(operation.get('requestBody'), reading);
	if (body === undefined) return NO_BODY;
	const isRequired = body.get('required') === true;
	const media = bestMedia(body.get('content'));
	if (media === undefined) return isRequired ? undefined : NO_BODY;
	const { mediaType, encoding, value } = media;
	const schema = inlineSchema(isExactObject(value) ? value.get('schema') : undefined, reading);
	const members = encoding === 'text' ? undefined : membersOf(schema);
	const names = [...(members?.properties.keys() ?? [])];
	if (members === undefined || names.some((name) => taken.has(name))) {
		const whole = ['body', 'request_body', 'request_body_2'].find((name) => !taken.has(name)) ?? 'request_body_3';
		const form: BodyForm = { mediaType, encoding, isRequired, whole, isOpen: false, members: new Set([whole]) };
		const properties = new Map([[whole, encoding === 'text' ? TEXT : schema]]);
		return {
			form,
			schema: new Map<string, ExactJson>([['properties', properties], ...requiredOf(isRequired ? [whole] : [])]),
		};
	}
	const isOpen = members.rest.get('additionalProperties') !== false;
	const required = isRequired ? members.required : [];
	return {
		form: { mediaType, encoding, isRequired, whole: undefined, isOpen, members: new Set(names) },
		schema: new Map<string, ExactJson>([...members.rest, ['properties', members.properties], ...requiredOf(required)]),
	};
}

const TEXT: ExactObject = new Map([['type', 'string']]);

function requiredOf(names: readonly string[]): readonly (readonly [string, ExactJson])[] {
	return names.length === 0 ? [] : [['required', names]];
}

interface Media extends Pick<BodyForm, 'mediaType' | 'encoding'> {
	readonly value: ExactJson;
}

const ENCODINGS = [
	['json', /^application\/(?:[\w.-]+\+)?json\b/i],
	['form', /^application\/x-www-form-urlencoded\b/i],
	['text', /^text\/plain\b/i],
] as const;

function bestMedia(content: ExactJson | undefined): Media | undefined {
	if (!isExactObject(content)) return undefined;
	for (const [encoding, pattern] of ENCODINGS) {
		const found = [...content].find(
			([type]) => pattern.test(type) && /^[\w.+/-]+(?:; ?[\w.+-]+="?[\w.+-]+"?)*$/.test(type),
		);
		if (found !== undefined) return { encoding, mediaType: found[0], value: found[1] };
	}
	return undefined;
}

interface Members {
	readonly properties: ExactObject;
	readonly required: readonly string[];
	/** Words of the schema beside those. */
	readonly rest: ExactObject;
}

/** Words that say something about an object as a whole, which is no longer one beside parameters of other places. */
const AS_A_WHOLE = [
	'anyOf',
	'oneOf',
	'not',
	'if',
	'then',
	'else',
	'enum',
	'const',
	'patternProperties',
	'minProperties',
];

function membersOf(schema: ExactJson): Members | undefined {
	if (!isExactObject(schema) || AS_A_WHOLE.some((word) => schema.has(word))) return undefined;
	const own = ownMembers(schema);
	const parts = schema.get('allOf');
	if (!isExactList(parts)) return own;
	const inherited = parts.map(membersOf);
	if (inherited.includes(undefined)) return undefined;
	const all = [...(inherited as Members[]), ...(own === undefined ? [] : [own])];
	return {
		properties: new Map(all.flatMap(({ properties }) => [...properties])),
		required: [...new Set(all.flatMap(({ required }) => required))],
		rest: own?.rest ?? EMPTY,
	};
}

function ownMembers(schema: ExactObject): Members | undefined {
	const properties = schema.get('properties');
	const type = schema.get('type');
	const isObject = type === 'object' || (type === undefined && isExactObject(properties));
	if (!isObject || (!isExactObject(properties) && schema.get('additionalProperties') !== undefined)) return undefined;
	const required = schema.get('required');
	const rest = new Map(schema);
	for (const word of ['type', 'properties', 'required', 'allOf', 'default']) rest.delete(word);
	return {
		properties: isExactObject(properties) ? properties : EMPTY,
		required: isExactList(required) ? required.filter((name) => typeof name === 'string') : [],
		rest,
	};
}
