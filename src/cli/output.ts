import { stringify } from 'yaml';
import type { JsonObject } from './api-client.ts';

/** A column of a table: a member of the items, or a title and what to make of an item. */
export type Column = string | readonly [title: string, of: (item: JsonObject) => unknown];

// Names come from people and servers: none may move the cursor, colour the screen or turn the line around.
const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text without what a terminal would act on. */
export function printable(text: string): string {
	return text.replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** One line for a value of a cell; nothing is a dash. */
function cellText(value: unknown): string {
	if (value === undefined || value === null || value === '') return '-';
	if (typeof value === 'boolean') return value ? 'yes' : 'no';
	if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cellText).join(', ');
	const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
	return printable(text.replace(/[\t\n]+/g, ' '));
}

const titleOf = (column: Column): string => (typeof column === 'string' ? column : column[0]);
const valueIn = (item: JsonObject, column: Column): unknown => {
	return typeof column === 'string' ? item[column] : column[1](item);
};

/** Items as aligned columns under their titles. */
export function renderTable(columns: readonly Column[], items: readonly JsonObject[]): string {
	const titles = columns.map((column) =>
		titleOf(column)
			.replace(/([a-z])([A-Z])/g, '$1 $2')
			.toUpperCase(),
	);
	const rows = [titles, ...items.map((item) => columns.map((column) => cellText(valueIn(item, column))))];
	const widths = columns.map((_, index) => Math.max(...rows.map((row) => [...(row[index] ?? '')].length)));
	return rows.map((row) => rowText(row, widths)).join('\n');
}

function rowText(row: readonly string[], widths: readonly number[]): string {
	return row
		.map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - [...cell].length))
		.join('  ')
		.trimEnd();
}

/** One thing with everything that is known of it. */
export function renderThing(thing: unknown): string {
	return printable(stringify(thing, { lineWidth: 0 }).trimEnd());
}

/** JSON for programs, and for terminals no less. */
export function renderJson(value: unknown): string {
	const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
	return JSON.stringify(value, null, 2).replace(UNPRINTABLE, escaped);
}

/** `1 server`, `2 servers`. */
export function counted(count: number, noun: string): string {
	return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
