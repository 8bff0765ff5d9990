import type { PathPiece } from './operation.ts';

/** Longest template that is read. */
const MOST_CHARACTERS = 2_000;

/**
 * The pieces of a path template such as `/pets/{id}`; `undefined` for one that is no plain path below the service: with a
 * query, a fragment, empty or dot segments.
 */
export function readPath(template: string): readonly PathPiece[] | undefined {
	if (!template.startsWith('/') || template.length > MOST_CHARACTERS || /[?#\\\x00-\x1f\x7f]/.test(template))
		return undefined;
	const pieces: PathPiece[] = template.split(/(\{[^{}/]+\})/).flatMap((piece): PathPiece[] => {
		if (piece === '') return [];
		return [piece.startsWith('{') ? { parameter: piece.slice(1, -1) } : { text: encodeText(piece) }];
	});
	const texts = pieces.flatMap((piece) => ('text' in piece ? [piece.text] : []));
	const filled = pieces.map((piece) => ('text' in piece ? piece.text : 'x')).join('');
	const segments = filled.slice(1).split('/');
	const isPlain = texts.every((text) => !/[{}]/.test(text)) && isWellFormed(filled);
	// A slash at the end is part of many templates.
	const isBelow = segments.every((segment, at) => !isDots(segment) && (segment !== '' || at === segments.length - 1));
	return isPlain && isBelow ? pieces : undefined;
}

function isWellFormed(text: string): boolean {
	return /^[\x21-\x7e]+$/.test(text);
}

// Percent signs that encode something stay as they are.
function encodeText(text: string): string {
	try {
		return encodeURI(text)
			.replace(/%25(?=[0-9A-Fa-f]{2})/g, '%')
			.replaceAll('%7B', '{')
			.replaceAll('%7D', '}');
	} catch {
		return '{';
	}
}

const MOST_ROUNDS = 8;

/**
 * Whether some server could read this path segment as `.` or `..`, or as several segments among which there is one:
 * however often it decodes, with a backslash for a slash, or with a parameter (`..;x`) after it.
 */
export function isDots(segment: string): boolean {
	let text = segment;
	for (let round = 0; round < MOST_ROUNDS; round++) {
		if (text.split(/[/\\]/).some((piece) => /^\.{1,2}$/.test((piece.split(';', 1)[0] ?? '').trim()))) return true;
		const decoded = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
			String.fromCharCode(Number.parseInt(hex, 16)),
		);
		if (decoded === text) return false;
		text = decoded;
	}
	// So many layers have no other use.
	return true;
}
