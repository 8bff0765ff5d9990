import { type ExactJson, isExactList, isExactObject, numberText, writeExact } from '../../lib/json-exact.ts';
import type { Parameter } from './operation.ts';

/** An argument that cannot be sent, as a sentence for whoever called; it never quotes the value. */
export interface Fault {
	readonly fault: string;
}

/** The text of a value in an address or a header: numbers as they are spelled, lists and objects as JSON. */
export function plainText(value: ExactJson): string {
	if (typeof value === 'string') return value;
	if (value === null) return '';
	return numberText(value) ?? writeExact(value);
}

/** Everything but letters, digits and `-._~` percent-encoded (RFC 3986 §2.3); `undefined` for half a character. */
export function encoded(text: string): string | undefined {
	try {
		return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
	} catch {
		return undefined;
	}
}

/** Texts that stand in one place, comma after comma in most styles (OpenAPI 3.1 §4.8.12.2, `style: simple`). */
export function simpleTexts(
	{ explode, style }: Pick<Parameter, 'explode' | 'style'>,
	value: ExactJson,
): readonly string[] {
	if (style === 'json') return [writeExact(value)];
	if (isExactList(value)) return value.map(plainText);
	if (!isExactObject(value)) return [plainText(value)];
	return explode
		? [...value].map(([name, member]) => `${name}=${plainText(member)}`)
		: [...value].flatMap(([name, member]) => [name, plainText(member)]);
}

const DELIMITERS: Readonly<Partial<Record<Parameter['style'], string>>> = {
	spaceDelimited: '%20',
	pipeDelimited: '%7C',
};

/** `name=value` pairs of a query or form, encoded. */
export function pairsOf(parameter: Parameter, value: ExactJson): readonly string[] | Fault {
	const { name, style, explode, argument } = parameter;
	const plain = namedTexts(parameter, value).map(([key, text]) => [encoded(key), encoded(text)] as const);
	if (plain.some(([key, text]) => key === undefined || text === undefined)) {
		return { fault: `The argument ${argument} holds half of a character.` };
	}
	if (isExactObject(value) || (isExactList(value) && explode)) return plain.map(([key, text]) => `${key}=${text}`);
	return [`${encoded(name) ?? ''}=${plain.map(([, text]) => text).join(DELIMITERS[style] ?? ',')}`];
}

function namedTexts(
	{ name, style, explode, schema }: Parameter,
	value: ExactJson,
): readonly (readonly [string, string])[] {
	if (style === 'json') return [[name, writeExact(value)]];
	if (isExactList(value)) return value.map((each) => [name, plainText(each)]);
	if (!isExactObject(value)) return [[name, plainText(value)]];
	if (style === 'deepObject') return [...value].map(([key, member]) => [`${name}[${key}]`, plainText(member)]);
	// Its members become names in the query: only where the document says that there are such.
	if (explode)
		return takesObjects(schema)
			? [...value].map(([key, member]) => [key, plainText(member)])
			: [[name, writeExact(value)]];
	return [[name, [...value].flatMap(([key, member]) => [key, plainText(member)]).join(',')]];
}

/** Whether a schema is one of objects. */
export function takesObjects(schema: ExactJson): boolean {
	return isExactObject(schema) && (schema.get('type') === 'object' || isExactObject(schema.get('properties')));
}
