import { skipSpace, skipString, skipValue } from './json-text.ts';

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
	return readValue({ text, at: skipSpace(text, 0) });
}

/** One pass over the text: `at` is where the next value begins, and afterwards where it has ended. */
interface Cursor {
	readonly text: string;
	at: number;
}

function readValue(cursor: Cursor): ExactJson {
	const { text, at } = cursor;
	if (text[at] === '{') return readObject(cursor);
	if (text[at] === '[') return readList(cursor);
	cursor.at = skipValue(text, at);
	const scalar = text.slice(at, cursor.at);
	const value = JSON.parse(scalar) as null | boolean | number | string;
	return typeof value === 'number' && String(value) !== scalar ? { exact: scalar } : value;
}

function readObject(cursor: Cursor): ExactObject {
	const { text } = cursor;
	const members = new Map<string, ExactJson>();
	cursor.at = skipSpace(text, cursor.at + 1);
	while (text[cursor.at] === '"') {
		const keyEnd = skipString(text, cursor.at);
		const quoted = text.slice(cursor.at, keyEnd);
		const key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
		cursor.at = skipSpace(text, skipSpace(text, keyEnd) + 1);
		members.set(key, readValue(cursor));
		skipComma(cursor);
	}
	cursor.at++;
	return members;
}

function readList(cursor: Cursor): readonly ExactJson[] {
	const { text } = cursor;
	const elements: ExactJson[] = [];
	cursor.at = skipSpace(text, cursor.at + 1);
	while (cursor.at < text.length && text[cursor.at] !== ']') {
		elements.push(readValue(cursor));
		skipComma(cursor);
	}
	cursor.at++;
	return elements;
}

function skipComma(cursor: Cursor): void {
	const { text } = cursor;
	const end = skipSpace(text, cursor.at);
	cursor.at = text[end] === ',' ? skipSpace(text, end + 1) : end;
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
