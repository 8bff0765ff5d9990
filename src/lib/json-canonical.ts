import { skipSpace, skipString, skipValue } from './json-text.ts';

/**
 * One spelling for all JSON texts that say the same: members sorted, no white space, strings escaped alike. Numbers keep
 * their digits, so that two beyond 2^53 stay different. Members that share a name keep their order, in which the last one
 * counts. Expects text that `JSON.parse` accepted.
 */
export function canonicalJson(text: string): string {
	return canonicalAt(text, skipSpace(text, 0)).text;
}

interface Canonical {
	readonly text: string;
	/** Index after the value it was made of. */
	readonly end: number;
}

// Each character is read once, however deep it lies: the text comes from a caller.
function canonicalAt(text: string, at: number): Canonical {
	const first = text[at];
	if (first === '{' || first === '[') return canonicalContainer(text, at);
	const end = skipValue(text, at);
	return { text: canonicalScalar(text.slice(at, end)), end };
}

function canonicalContainer(text: string, at: number): Canonical {
	const isObject = text[at] === '{';
	const parts: Part[] = [];
	let index = skipSpace(text, at + 1);
	while (index < text.length && text[index] !== '}' && text[index] !== ']') {
		const keyEnd = isObject ? skipString(text, index) : index;
		const key = isObject ? `${canonicalScalar(text.slice(index, keyEnd))}:` : '';
		const value = canonicalAt(text, isObject ? skipSpace(text, skipSpace(text, keyEnd) + 1) : index);
		parts.push({ key, text: key + value.text });
		index = skipSpace(text, value.end);
		if (text[index] === ',') index = skipSpace(text, index + 1);
	}
	// The order counts in an array and not in an object.
	const joined = (isObject ? parts.sort(byKey) : parts).map((part) => part.text).join(',');
	return { text: isObject ? `{${joined}}` : `[${joined}]`, end: index + 1 };
}

interface Part {
	/** Empty in an array. */
	readonly key: string;
	readonly text: string;
}

function byKey(a: Part, b: Part): number {
	return a.key === b.key ? 0 : a.key < b.key ? -1 : 1;
}

function canonicalScalar(text: string): string {
	return text.includes('\\') ? JSON.stringify(JSON.parse(text)) : text;
}
