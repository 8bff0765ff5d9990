import * as z from 'zod';
import { inputInvalid } from './input-invalid.ts';
import type { Context } from './route.ts';

/** Query parameters of a list. */
export const PAGE_QUERY = {
	limit: z.coerce.number().int().min(1).max(200).default(50).describe('How many items at most.'),
	cursor: z.string().min(1).max(2_048).optional().describe('`next` of the page before.'),
};

/** What a list answers. */
export function pageOf<Item extends z.ZodType>(item: Item) {
	return z.strictObject({
		items: z.array(item),
		next: z.string().optional().describe('Cursor of the next page; absent on the last.'),
	});
}

/** One page of a list that is sorted by a key. */
export interface Page<Key> {
	/** Items come after this key; `undefined`: from the beginning. */
	readonly after: Key | undefined;
	/** How many rows to read: one more than the page holds tells whether there is another. */
	readonly rows: number;
	/** Cursor of what comes after this key. */
	cursorAt(key: Key): string;
	/** The answer, made of the rows that were read. */
	answer<Row, Item>(
		rows: readonly Row[],
		parts: { keyOf(row: Row): Key; itemOf(row: Row): Item },
	): { readonly items: Item[]; readonly next?: string };
}

type PagedContext = Pick<Context, 'operation'> & {
	readonly params: { readonly workspace?: string };
	readonly query: { readonly limit: number; readonly cursor?: string | undefined };
};

/**
 * Opens the page that the query asks for. A cursor belongs to the list and workspace that gave it out; it is neither
 * secret nor signed, for it says only where to go on, and row-level security says what is there. Throws
 * PC_INPUT_INVALID for any other.
 */
export function openPage<Key>({ operation, params, query }: PagedContext, key: z.ZodType<Key>): Page<Key> {
	const place = [operation, params.workspace ?? ''] as const;
	const { limit, cursor } = query;
	const cursorAt = (at: Key): string => cursorOf([...place, at]);
	return {
		cursorAt,
		after: cursor === undefined ? undefined : readCursor(cursor, place, key),
		rows: limit + 1,
		answer(rows, { keyOf, itemOf }) {
			const shown = rows.slice(0, limit);
			const last = shown.at(-1);
			const items = shown.map(itemOf);
			return rows.length <= limit || last === undefined ? { items } : { items, next: cursorAt(keyOf(last)) };
		},
	};
}

function cursorOf(content: readonly unknown[]): string {
	return Buffer.from(JSON.stringify(content)).toString('base64url');
}

function readCursor<Key>(cursor: string, place: readonly [string, string], key: z.ZodType<Key>): Key {
	const content = z.tuple([z.literal(place[0]), z.literal(place[1]), key]).safeParse(parseCursor(cursor));
	if (content.success) return content.data[2];
	throw inputInvalid([{ path: 'query.cursor', message: 'is not a cursor that this list gave out' }]);
}

function parseCursor(cursor: string): unknown {
	try {
		return JSON.parse(Buffer.from(cursor, 'base64url').toString());
	} catch {
		return undefined;
	}
}
