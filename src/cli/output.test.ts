import { describe, expect, it } from 'vitest';
import { printable, renderJson, renderTable, renderThing } from './output.ts';

describe('a table', () => {
	it('has columns under their titles, as wide as what is in them', () => {
		const items = [
			{ slug: 'google', toolCount: 3, enabled: true, tools: ['a/b', 'c/d'] },
			{ slug: 'länge', toolCount: null, enabled: false, tools: [] },
		];
		expect(renderTable(['slug', 'toolCount', 'enabled', ['all', ({ tools }) => tools]], items).split('\n')).toEqual([
			'SLUG    TOOL COUNT  ENABLED  ALL',
			'google  3           yes      a/b, c/d',
			'länge   -           no       -',
		]);
	});

	it('keeps each item on its line, and lets no name move the cursor or turn the line around', () => {
		const table = renderTable(['title'], [{ title: 'a\nb\tc' }, { title: '\x1b[2Jx\u202ey\x9b' }]);
		expect(table.split('\n')).toEqual(['TITLE', 'a b c', '\\u{1b}[2Jx\\u{202e}y\\u{9b}']);
	});
});

it('shows a thing with all that is known of it, and nothing a terminal acts on', () => {
	expect(renderThing({ slug: 'x', limits: { totalMs: 5 }, title: 'a\x9bb' })).toBe(
		'slug: x\nlimits:\n  totalMs: 5\ntitle: "a\\u{9b}b"',
	);
	expect(renderThing({ title: 'a\x1b[31m' })).toBe('title: "a\\e[31m"');
	expect(printable('two\nlines\tand a tab')).toBe('two\nlines\tand a tab');
});

it('writes JSON that says the same and moves no cursor', () => {
	const value = { title: 'a\x1b\x9b\u202e\nb' };
	expect(renderJson(value)).toBe('{\n  "title": "a\\u001b\\u009b\\u202e\\nb"\n}');
	expect(JSON.parse(renderJson(value))).toEqual(value);
});
