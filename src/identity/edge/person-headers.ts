import { PERSON_HEADERS } from './edge-headers.ts';
import type { Described } from './vouched-person.ts';

type Part = keyof typeof PERSON_HEADERS;

const PARTS = new Map(Object.entries(PERSON_HEADERS).map(([part, header]) => [header as string, part as Part]));

/**
 * What the identity headers of a request say; `undefined` when they say nothing, as where an edge sets them empty for a
 * caller it does not know. `readHeaders` has refused repeated ones.
 */
export function readPersonHeaders(rawHeaders: readonly string[]): Described | undefined {
	const said: Partial<Record<Part, string>> = {};
	for (let index = 0; index < rawHeaders.length; index += 2) {
		const part = PARTS.get((rawHeaders[index] as string).toLowerCase());
		if (part !== undefined) said[part] = (rawHeaders[index + 1] as string).trim();
	}
	if (Object.values(said).every((value) => value === '')) return undefined;
	const { oid, tid, name, email, groups, roles } = said;
	return {
		oid,
		tid: tid === '' ? undefined : tid,
		names: [decode(name), decode(email)],
		// Empty is none; absent is not known.
		groups: groups === undefined ? undefined : entriesIn(groups),
		roles: entriesIn(roles ?? ''),
	};
}

/** The value of a header, if it is there; trimmed. */
export function headerIn(rawHeaders: readonly string[], header: string): string | undefined {
	const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === header);
	return at === -1 ? undefined : (rawHeaders[at + 1] as string).trim();
}

function entriesIn(text: string): readonly string[] {
	return text
		.split(',')
		.map((entry) => entry.trim())
		.filter((entry) => entry !== '');
}

// node:http reads header bytes as Latin-1; edges write UTF-8.
function decode(text: string | undefined): string | undefined {
	if (text === undefined) return undefined;
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'));
	} catch {
		return text;
	}
}
