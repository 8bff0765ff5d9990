/** Markup that may go out as it is; only `html` makes it. */
export interface Html {
	readonly markup: string;
}

/** What a template may hold: text is escaped, markup is not, and nothing is left out. */
export type Content = string | number | Html | undefined | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

/** Markup with every value in it escaped; attributes are written in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
	return { markup: parts.map((part, at) => (at === 0 ? part : render(values[at - 1]) + part)).join('') };
}

function render(value: Content): string {
	if (value === undefined) return '';
	if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value));
	return 'markup' in value ? value.markup : value.map(render).join('');
}

function escapeText(text: string): string {
	return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** A name as somebody else wrote it (a service, an administrator, a directory), fit to stand among our own words. */
export function foreignName(text: string): string {
	return foreignText(text, 120);
}

/** Text of others: no control characters, none that turn the direction of text around, and not endless. */
export function foreignText(text: string, mostCharacters: number): string {
	const plain = text
		.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, ' ')
		.trim();
	const characters = [...plain];
	return characters.length > mostCharacters ? `${characters.slice(0, mostCharacters - 1).join('')}…` : plain;
}
