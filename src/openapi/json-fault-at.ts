/** Where a text stops being JSON, and why, in the words of Python's `json`: what callers of mcpo read. */
export interface JsonFaultAt {
	/** Index of the character, in code points as Python counts. */
	readonly at: number;
	readonly error: string;
}

/** The first fault of a text that `JSON.parse` refuses; `undefined` where none is found. */
export function jsonFaultAt(text: string): JsonFaultAt | undefined {
	try {
		const end = skipSpace(text, readValue(text, skipSpace(text, 0)));
		if (end < text.length) fail('Extra data', end);
		return undefined;
	} catch (fault) {
		if (!(fault instanceof Fault)) throw fault;
		return { at: [...text.slice(0, fault.at)].length, error: fault.message };
	}
}

/** Ends the reading; never leaves this file. */
class Fault extends Error {
	readonly at: number;

	constructor(message: string, at: number) {
		super(message);
		this.at = at;
	}
}

function fail(message: string, at: number): never {
	throw new Fault(message, at);
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /null|true|false|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

function matchEnd(pattern: RegExp, text: string, at: number): number {
	pattern.lastIndex = at;
	return pattern.test(text) ? pattern.lastIndex : -1;
}

const skipSpace = (text: string, at: number): number => matchEnd(SPACE, text, at);

// Nesting ends with the stack of neither Python nor us: bodies are bounded in depth before they come here.
function readValue(text: string, at: number): number {
	const first = text[at];
	if (first === '"') return readString(text, at);
	if (first === '{') return readObject(text, at);
	if (first === '[') return readArray(text, at);
	const end = matchEnd(SCALAR, text, at);
	return end === -1 ? fail('Expecting value', at) : end;
}

function readArray(text: string, start: number): number {
	let at = skipSpace(text, start + 1);
	if (text[at] === ']') return at + 1;
	for (;;) {
		at = skipSpace(text, readValue(text, at));
		if (text[at] === ']') return at + 1;
		if (text[at] !== ',') fail("Expecting ',' delimiter", at);
		at = skipSpace(text, at + 1);
	}
}

const NO_NAME = 'Expecting property name enclosed in double quotes';

function readObject(text: string, start: number): number {
	let at = skipSpace(text, start + 1);
	if (text[at] === '}') return at + 1;
	for (;;) {
		if (text[at] !== '"') fail(NO_NAME, at);
		at = skipSpace(text, readString(text, at));
		if (text[at] !== ':') fail("Expecting ':' delimiter", at);
		at = skipSpace(text, readValue(text, skipSpace(text, at + 1)));
		if (text[at] === '}') return at + 1;
		if (text[at] !== ',') fail("Expecting ',' delimiter", at);
		at = skipSpace(text, at + 1);
	}
}

function readString(text: string, start: number): number {
	for (let at = start + 1; at < text.length; at++) {
		const character = text[at] as string;
		if (character === '"') return at + 1;
		if (character < ' ') fail('Invalid control character at', at);
		if (character === '\\') at = readEscape(text, at);
	}
	return fail('Unterminated string starting at', start);
}

function readEscape(text: string, at: number): number {
	const escaped = text[at + 1];
	if (escaped === 'u')
		return /^[0-9a-fA-F]{4}$/.test(text.slice(at + 2, at + 6)) ? at + 5 : fail('Invalid \\uXXXX escape', at + 1);
	return escaped === undefined || '"\\/bfnrt'.includes(escaped) ? at + 1 : fail('Invalid \\escape: ', at);
}
