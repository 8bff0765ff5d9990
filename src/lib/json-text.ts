/**
 * Reading and editing JSON as text, so that what is not changed passes byte for byte: `12345678901234567890` and `1.0`
 * survive, unknown members survive, member order survives. Every function expects text that `JSON.parse` accepted.
 */

/** Half-open range `[start, end)` of UTF-16 units in a text. */
export interface Span {
	readonly start: number;
	readonly end: number;
}

/** One member of an object: its decoded key, where the key's quote stands, and the span of its value. */
export interface Member extends Span {
	readonly key: string;
	readonly keyStart: number;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const COMMA = 44;

/** Index of the first character at or after `at` that is not JSON white space. */
export function skipSpace(text: string, at: number): number {
	let index = at;
	while (isSpace(text.charCodeAt(index))) index++;
	return index;
}

function isSpace(code: number): boolean {
	return code === 32 || code === 10 || code === 13 || code === 9;
}

/** Index after the string whose opening quote stands at `at`. */
export function skipString(text: string, at: number): number {
	let end = text.indexOf('"', at + 1);
	while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
	return end === -1 ? text.length : end + 1;
}

function isEscaped(text: string, quote: number): boolean {
	let index = quote - 1;
	while (text.charCodeAt(index) === BACKSLASH) index--;
	return (quote - index) % 2 === 0;
}

/** Index after the value that starts at `at` (white space already skipped). */
export function skipValue(text: string, at: number): number {
	const code = text.charCodeAt(at);
	if (code === QUOTE) return skipString(text, at);
	if (code === OPEN_BRACE || code === OPEN_BRACKET) return skipContainer(text, at);
	let index = at;
	while (index < text.length && !endsScalar(text.charCodeAt(index))) index++;
	return index;
}

function endsScalar(code: number): boolean {
	return code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code);
}

function skipContainer(text: string, at: number): number {
	let depth = 0;
	for (let index = at; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code === QUOTE) index = skipString(text, index) - 1;
		else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
		else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return index + 1;
	}
	return text.length;
}

/** Members of the object that starts at or after `at`, in order; empty when there is no object. */
export function membersOf(text: string, at = 0): readonly Member[] {
	let index = skipSpace(text, at);
	if (text.charCodeAt(index) !== OPEN_BRACE) return [];
	const members: Member[] = [];
	index = skipSpace(text, index + 1);
	while (text.charCodeAt(index) === QUOTE) {
		const keyStart = index;
		const keyEnd = skipString(text, index);
		const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
		const end = skipValue(text, start);
		members.push({ key: decodeKey(text.slice(keyStart, keyEnd)), keyStart, start, end });
		index = skipSpace(text, skipSpace(text, end) + 1);
	}
	return members;
}

function decodeKey(quoted: string): string {
	return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

/** The member named `key` of the object at `at`, or `undefined`. */
export function memberOf(text: string, key: string, at = 0): Member | undefined {
	return membersOf(text, at).find((member) => member.key === key);
}

/** Spans of the elements of the array that starts at or after `at`; empty when there is no array. */
export function elementsOf(text: string, at = 0): readonly Span[] {
	let index = skipSpace(text, at);
	if (text.charCodeAt(index) !== OPEN_BRACKET) return [];
	const spans: Span[] = [];
	index = skipSpace(text, index + 1);
	while (index < text.length && text.charCodeAt(index) !== CLOSE_BRACKET) {
		const end = skipValue(text, index);
		spans.push({ start: index, end });
		index = skipSpace(text, skipSpace(text, end) + (text.charCodeAt(skipSpace(text, end)) === COMMA ? 1 : 0));
	}
	return spans;
}

/** The text of a span. */
export function sliceOf(text: string, span: Span): string {
	return text.slice(span.start, span.end);
}

/** A span and what comes in its place. */
export interface Replacement extends Span {
	readonly text: string;
}

/** The text with these spans, which are in order and do not overlap, replaced; every other character stays. */
export function replaceSpans(text: string, replacements: readonly Replacement[]): string {
	let result = '';
	let at = 0;
	for (const { start, end, text: replacement } of replacements) {
		result += text.slice(at, start) + replacement;
		at = end;
	}
	return result + text.slice(at);
}

/**
 * A copy of the object text with members set (value: JSON text) or removed (`undefined`). Members that are set keep
 * their place; new ones are appended; all others keep their bytes.
 */
export function editObject(objectText: string, changes: Readonly<Record<string, string | undefined>>): string {
	const kept: string[] = [];
	const seen = new Set<string>();
	for (const member of membersOf(objectText)) {
		seen.add(member.key);
		if (!Object.hasOwn(changes, member.key)) kept.push(objectText.slice(member.keyStart, member.end));
		else if (changes[member.key] !== undefined) kept.push(`${JSON.stringify(member.key)}:${changes[member.key]}`);
	}
	for (const [key, value] of Object.entries(changes)) {
		if (value !== undefined && !seen.has(key)) kept.push(`${JSON.stringify(key)}:${value}`);
	}
	return `{${kept.join(',')}}`;
}

/**
 * The object text with one member set to a value (JSON text): in its place where there is one, else at the end. Every
 * other character stays, white space included.
 */
export function withMember(objectText: string, key: string, value: string): string {
	const members = membersOf(objectText);
	const same = members.filter((member) => member.key === key);
	if (same.length > 0) {
		return replaceSpans(
			objectText,
			same.map(({ start, end }) => ({ start, end, text: value })),
		);
	}
	const last = members.at(-1)?.end ?? skipSpace(objectText, 0) + 1;
	const added = `${members.length > 0 ? ',' : ''}${JSON.stringify(key)}:${value}`;
	return replaceSpans(objectText, [{ start: last, end: last, text: added }]);
}

/** An object from values that are JSON text already. */
export function objectText(values: Readonly<Record<string, string>>): string {
	return `{${Object.entries(values)
		.map(([key, value]) => `${JSON.stringify(key)}:${value}`)
		.join(',')}}`;
}
