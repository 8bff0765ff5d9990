import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exposedName, mayHavePrefixes } from './names.ts';

const slug = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
const prefixes = fc.oneof(fc.tuple(slug), fc.tuple(slug, slug));
const odd = fc.oneof(
	fc.string({ minLength: 1, maxLength: 200 }),
	fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }),
	fc.stringMatching(/^[A-Za-z0-9_./-]{1,130}$/),
);

describe('an exposed name', () => {
	it('is one that every model provider takes', () => {
		fc.assert(
			fc.property(prefixes, odd, (before, name) => {
				expect(exposedName(before, name)).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
			}),
		);
	});

	it('is the plain join where that fits, to the last character', () => {
		expect(exposedName(['jira'], 'search')).toBe('jira__search');
		expect(exposedName(['google', 'jira'], 'search')).toBe('google__jira__search');
		const longest = 'x'.repeat(64 - 'jira__'.length);
		expect(exposedName(['jira'], longest)).toBe(`jira__${longest}`);
		expect(exposedName(['jira'], `${longest}x`)).toMatch(/^jira__x{49}_[A-Za-z0-9]{8}$/);
	});

	it('ends in a hash where it had to be changed, and that hash never changes', () => {
		expect(exposedName(['jira'], 'dotted.name/with-slash')).toBe('jira__dotted_name_with-slash_S8KBoSZ8');
		expect(exposedName(['a'], 'ü')).toBe('a____hNPHXYxL');
	});

	it('tells different names apart', () => {
		fc.assert(
			fc.property(prefixes, fc.uniqueArray(odd, { minLength: 2, maxLength: 20 }), (before, names) => {
				expect(new Set(names.map((name) => exposedName(before, name))).size).toBe(names.length);
			}),
		);
	});

	it('tells the servers of a workspace apart', () => {
		fc.assert(
			fc.property(slug, slug, odd, (a, b, name) => {
				expect(exposedName([a], name) === exposedName([b], name)).toBe(a === b);
			}),
		);
	});
});

describe('the question whether a name may have prefixes', () => {
	it('is never answered no about a name that has them', () => {
		fc.assert(
			fc.property(prefixes, odd, (before, name) => {
				expect(mayHavePrefixes(exposedName(before, name), before)).toBe(true);
			}),
		);
	});

	it('is answered no about names that plainly begin otherwise', () => {
		expect(mayHavePrefixes('jira__search', ['git'])).toBe(false);
		expect(mayHavePrefixes('jira2__search', ['jira'])).toBe(false);
		expect(mayHavePrefixes('jira_search', ['jira'])).toBe(false);
		expect(mayHavePrefixes('', ['jira'])).toBe(false);
		expect(mayHavePrefixes('google__jira__search', ['google', 'git'])).toBe(false);
	});
});
