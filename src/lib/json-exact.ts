import { elementsOf, membersOf, skipSpace, skipValue } from './json-text.ts';

/** A number as it was spelled, where JavaScript's would be spelled otherwise: `1.0`, `12345678901234567890`, `1e400`. */
export interface ExactNumber {
	readonly exact: string;
}

/** A JSON value in which no number has changed. */
export type ExactJson = null | boolean | number | string | ExactNumber | readonly ExactJson[] | ExactObject;

/** An object of such values; `__proto__` is a member like any other. */
export type ExactObject = ReadonlyMap<string, ExactJson>;

/** Reads text that `JSON.parse` accepted; of a member that stands twice the last one counts. */
export function parseExact(text: string): ExactJson {
	return parseAt(text, skipSpace(text, 0));
}

function parseAt(text: string, at: number): ExactJson {
	const first = text[at];
	if (first === '{') return new Map(membersOf(text, at).map(({ key, start }) => [key, parseAt(text, start)]));
	if (first === '[') return elementsOf(text, at).map(({ start }) => parseAt(text, start));
	const scalar = text.slice(at, skipValue(text, at));
	const value = JSON.parse(scalar) as null | boolean | number | string;
	return typeof value === 'number' && String(value) !== scalar ? { exact: scalar } : value;
}

/** The text of a value, without white space between its parts. */
export function writeExact(value: ExactJson): string {
	if (isExactObject(value)) {
		return `{${[...value].map(([key, member]) => `${JSON.stringify(key)}:${writeExact(member)}`).join(',')}}`;
	}
	if (isExactList(value)) return `[${value.map(writeExact).join(',')}]`;
	return isExactNumber(value) ? value.exact : JSON.stringify(value);
}

/** Whether a value is an object. */
export function isExactObject(value: ExactJson | undefined): value is ExactObject {
	return value instanceof Map;
}

/** Whether a value is an array. */
export function isExactList(value: ExactJson | undefined): value is readonly ExactJson[] {
	return Array.isArray(value);
}

/** Whether a value is a number that JavaScript would spell otherwise. */
export function isExactNumber(value: ExactJson | undefined): value is ExactNumber {
	return typeof value === 'object' && value !== null && 'exact' in value;
}

/** The text of a number, `undefined` for everything else. */
export function numberText(value: ExactJson): string | undefined {
	if (isExactNumber(value)) return value.exact;
	return typeof value === 'number' ? String(value) : undefined;
}

/** Makes an exact value of a plain one. */
export function exactOf(value: unknown): ExactJson {
	return parseExact(JSON.stringify(value));
}
