import { skipString } from './json-text.ts';

/** Bounds for one JSON text; nodes count containers and the commas between values. */
export interface JsonBounds {
	readonly depth: number;
	readonly nodes: number;
}

/** Why a JSON text is refused although `JSON.parse` takes it. */
export type JsonFault = 'ambiguous' | 'too-deep';

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;

/**
 * The first fault of a text that `JSON.parse` accepted, or `undefined`. Ambiguous: a member name stands twice in one
 * object, also when the two differ only in case, or is `__proto__`. Two parsers may read such a text differently, so the
 * one that decides and the one that executes could disagree (parser differentials, RFC 8259 §4).
 */
export function findJsonFault(text: string, bounds: JsonBounds): JsonFault | undefined {
	const open: (Set<string> | undefined)[] = [];
	let nodes = 0;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code === QUOTE) {
			const end = skipString(text, index);
			if (isKey(text, end, open) && !addKey(open[open.length - 1] as Set<string>, text.slice(index + 1, end - 1))) {
				return 'ambiguous';
			}
			index = end - 1;
		} else if (code === 123 || code === 91) {
			if (open.push(code === 123 ? new Set() : undefined) > bounds.depth || ++nodes >= bounds.nodes) return 'too-deep';
		} else if (code === 125 || code === 93) {
			open.pop();
		} else if (code === COMMA && ++nodes >= bounds.nodes) {
			return 'too-deep';
		}
	}
	return undefined;
}

// A string is a member name exactly when a colon follows it; inside an array no colon can.
function isKey(text: string, end: number, open: readonly (Set<string> | undefined)[]): boolean {
	if (open[open.length - 1] === undefined) return false;
	let index = end;
	while (text.charCodeAt(index) <= 32) index++;
	return text.charCodeAt(index) === COLON;
}

function addKey(keys: Set<string>, raw: string): boolean {
	if (isPlain(raw)) return remember(keys, raw);
	const decoded = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
	// Go matches names without regard to case and takes ſ for s; toLowerCase leaves that one as it is.
	return remember(keys, decoded.toLowerCase().replaceAll('ſ', 's'));
}

function remember(keys: Set<string>, folded: string): boolean {
	if (folded === '__proto__' || keys.has(folded)) return false;
	keys.add(folded);
	return true;
}

// Most names are ASCII without capitals, and so their own folding.
function isPlain(raw: string): boolean {
	for (let index = 0; index < raw.length; index++) {
		const code = raw.charCodeAt(index);
		if (code > 126 || code === BACKSLASH || (code >= 65 && code <= 90)) return false;
	}
	return true;
}
