import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { openPage } from './page.ts';

const NAMES = Array.from({ length: 25 }, (_, index) => `thing-${String(index).padStart(2, '0')}`);
const KEY = z.tuple([z.string(), z.int()]);

const open = (cursor: string | undefined, { operation = 'listThings', workspace = 'google' } = {}) =>
	openPage({ operation, params: { workspace }, query: { limit: 10, cursor } }, KEY);

/** Reads one page as a resource does. */
function read(cursor: string | undefined) {
	const page = open(cursor);
	const after = page.after?.[0] ?? '';
	const rows = NAMES.filter((name) => name > after).slice(0, page.rows);
	return page.answer(rows, { keyOf: (name) => [name, 1], itemOf: (name) => ({ name }) });
}

function fault(act: () => unknown): unknown {
	try {
		return act();
	} catch (error) {
		return (error as { facts: { data: unknown } }).facts.data;
	}
}

describe('a list', () => {
	it('is read page by page, each item once', () => {
		const first = read(undefined);
		const second = read(first.next);
		const third = read(second.next);
		expect([first, second, third].map(({ items }) => items.length)).toEqual([10, 10, 5]);
		expect(third).not.toHaveProperty('next');
		expect([first, second, third].flatMap(({ items }) => items.map(({ name }) => name))).toEqual(NAMES);
	});

	it('whose last page is full ends there', () => {
		const page = open(undefined);
		const rows = NAMES.slice(0, 10);
		expect(page.answer(rows, { keyOf: (name) => [name, 1], itemOf: (name) => name })).toEqual({ items: rows });
		expect(page.answer([], { keyOf: (name) => [name, 1], itemOf: (name) => name })).toEqual({ items: [] });
	});

	it('takes no cursor of another list, another workspace, or nobody', () => {
		const cursor = read(undefined).next;
		const encode = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
		const refused = { errors: [{ path: 'query.cursor', message: 'is not a cursor that this list gave out' }] };
		expect(fault(() => open(cursor, { operation: 'listOthers' }))).toEqual(refused);
		expect(fault(() => open(cursor, { workspace: 'microsoft' }))).toEqual(refused);
		const foreign = [
			...['nonsense', '%%%', '', encode(1), encode(['listThings', 'google'])],
			...[encode(['listThings', 'google', 'thing-01']), encode(['listThings', 'google', ['thing-01', '1']])],
			encode(['listThings', 'google', ['thing-01', 1], 'more']),
		];
		for (const each of foreign)
			expect(
				fault(() => open(each)),
				each,
			).toEqual(refused);
	});
});
