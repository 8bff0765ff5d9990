import { HEADER_RULES } from '../../config/header-rules.ts';
import { looksSecret } from '../../config/text-rules.ts';
import { type ExactJson, type ExactObject, isExactList, isExactObject } from '../../lib/json-exact.ts';
import { resolveRef } from '../../lib/json-pointer.ts';
import { inlineSchema, type SchemaReading } from './inline-schema.ts';
import type { Parameter } from './operation.ts';

/** What operations are read with. */
export interface OperationReading extends SchemaReading {
	/** Headers of the credential, by lower-case name. */
	readonly ownHeaders: ReadonlyMap<string, unknown>;
}

/** Parameters that one operation has at most. */
const MOST_PARAMETERS = 200;

const STYLES: Readonly<Record<Parameter['place'], readonly Parameter['style'][]>> = {
	path: ['simple'],
	header: ['simple'],
	query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
};

/**
 * The parameters of an operation, its own before those of its path; `undefined` when there is one that cannot be left out
 * and cannot be sent. Cookies, and headers that carry credentials, say where a request comes from or belong to the
 * connection, are never a tool's to set.
 */
export function readParameters(
	path: ExactObject,
	operation: ExactObject,
	reading: OperationReading,
): readonly Parameter[] | undefined {
	const found = new Map<string, Parameter | undefined>();
	const taken = new Set<string>();
	const own = [...listOf(operation.get('parameters')), ...listOf(path.get('parameters'))];
	if (own.length > MOST_PARAMETERS) return undefined;
	for (const each of own) {
		const parameter = followed(each, reading);
		const [name, place] = [parameter?.get('name'), parameter?.get('in')];
		if (parameter === undefined || typeof name !== 'string' || !isPlace(place) || found.has(`${place} ${name}`))
			continue;
		if (place === 'header' && (!isTools(name) || reading.ownHeaders.has(name.toLowerCase()))) continue;
		found.set(
			`${place} ${name}`,
			readParameter(parameter, { name, place, argument: argumentFor(name, place, taken) }, reading),
		);
	}
	const all = [...found.values()];
	return all.includes(undefined) ? undefined : all.filter((parameter) => parameter !== undefined);
}

/** What a value or a reference within the document stands for, where that is an object. */
export function followed(value: ExactJson | undefined, { document }: SchemaReading): ExactObject | undefined {
	const ref = isExactObject(value) ? value.get('$ref') : undefined;
	const target = typeof ref === 'string' ? resolveRef(document, ref) : value;
	return isExactObject(target) ? target : undefined;
}

function listOf(value: ExactJson | undefined): readonly ExactJson[] {
	return isExactList(value) ? value : [];
}

function isPlace(value: ExactJson | undefined): value is Parameter['place'] {
	return value === 'path' || value === 'query' || value === 'header';
}

const FOREIGN =
	/^(?:forwarded|via|origin|referer|user-agent|(?:x-forwarded|x-real|x-original|x-rewrite|x-http|x-method|x-envoy|proxy|sec|cf|true-client)-.*|.*session.*|.*user.*|.*auth.*)$/i;

function isTools(name: string): boolean {
	return HEADER_RULES.nameFault(name) === undefined && !looksSecret(name) && !FOREIGN.test(name);
}

/** Names that models and their providers take for arguments. */
function argumentFor(name: string, place: string, taken: Set<string>): string {
	const plain = name.replace(/[^A-Za-z0-9_.-]+/g, '_').slice(0, 60) || place;
	const candidates = [plain, `${place}_${plain}`];
	for (let count = 2; candidates.every((each) => taken.has(each)); count++) candidates.push(`${plain}_${count}`);
	const free = candidates.find((each) => !taken.has(each)) ?? plain;
	taken.add(free);
	return free;
}

type Named = Pick<Parameter, 'name' | 'place' | 'argument'>;

function readParameter(parameter: ExactObject, named: Named, reading: SchemaReading): Parameter | undefined {
	const isRequired = named.place === 'path' || parameter.get('required') === true;
	const content = parameter.get('content');
	const [mediaType, media] = isExactObject(content) ? ([...content][0] ?? []) : [];
	const fallback = named.place === 'query' ? 'form' : 'simple';
	const style = mediaType === undefined ? (parameter.get('style') ?? fallback) : 'json';
	const isKnown = style === 'json' || STYLES[named.place].some((known) => known === style);
	if (!isKnown || (style === 'json' && !/[/+]json\b/i.test(mediaType ?? ''))) return undefined;
	const explode = parameter.get('explode');
	const schema = isExactObject(media) ? media.get('schema') : parameter.get('schema');
	return {
		...named,
		style: style as Parameter['style'],
		explode: typeof explode === 'boolean' ? explode : style === 'form' || style === 'deepObject',
		isRequired,
		schema: described(inlineSchema(schema, reading), parameter.get('description')),
	};
}

function described(schema: ExactJson, description: ExactJson | undefined): ExactJson {
	if (!isExactObject(schema) || typeof description !== 'string' || description === '') return schema;
	return new Map([...schema, ['description', description]]);
}
