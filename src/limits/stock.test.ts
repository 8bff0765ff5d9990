import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createStock } from './stock.ts';

const keyFor = (of: string, kind: 'tool' | 'principal' = 'tool'): string =>
	createStock({ workspaceId: 'w', kind, of, limit: 1 }).key;

it('names a bucket so that every store takes it, whatever a server calls its tools', () => {
	const hostile = ['files/a\0b', 'files/\ud800', `files/${'x'.repeat(5_000)}`, 'files/é', 'files/a b'];
	for (const of of hostile) expect(keyFor(of)).toMatch(/^tool:#[\w-]{43}$/);
	expect(keyFor('files/read_file')).toBe('tool:files/read_file');
	expect(keyFor(`f/${'x'.repeat(198)}`)).toBe(`tool:f/${'x'.repeat(198)}`);
	expect(keyFor(`f/${'x'.repeat(199)}`)).toMatch(/^tool:#/);
});

it('gives two tools two buckets', () => {
	const name = fc.oneof(fc.string(), fc.string({ minLength: 190, maxLength: 210 }), fc.constantFrom('#', '#a', 'a'));
	fc.assert(
		fc.property(name, name, (a, b) => {
			fc.pre(a !== '' && b !== '');
			expect(keyFor(a) === keyFor(b)).toBe(a === b);
		}),
	);
	// Not even by choosing the name that another one's digest is shown by.
	expect(keyFor(keyFor('files/a b').slice('tool:'.length))).not.toBe(keyFor('files/a b'));
});

it('says nothing of a person', () => {
	expect(keyFor('["https://i","t","ada"]', 'principal')).toMatch(/^principal:#[\w-]{43}$/);
});
