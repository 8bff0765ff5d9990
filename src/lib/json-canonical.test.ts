import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './json-canonical.ts';

/** The same value with the members of every object in the opposite order. */
function reversed(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map(reversed);
	const entries = Object.entries(value).reverse();
	return Object.fromEntries(entries.map(([key, inner]) => [key, reversed(inner)]));
}

const json = fc.jsonValue({ maxDepth: 5 });

describe('canonical JSON', () => {
	it('is the same for every spelling of a value', () => {
		fc.assert(
			fc.property(json, fc.constantFrom(0, 1, '\t'), (value, indent) => {
				const plain = canonicalJson(JSON.stringify(value));
				expect(canonicalJson(JSON.stringify(reversed(value), null, indent))).toBe(plain);
				expect(canonicalJson(plain)).toBe(plain);
				expect(canonicalJson(` \r\n\t${plain} `)).toBe(plain);
			}),
		);
	});

	it('says what the text said', () => {
		fc.assert(
			fc.property(json, (value) => {
				const text = JSON.stringify(value);
				expect(JSON.parse(canonicalJson(text))).toEqual(JSON.parse(text));
			}),
		);
	});

	it('is another where the last of two members with one name is another', () => {
		expect(canonicalJson('{"a":1,"b":3,"\\u0061":2}')).toBe('{"a":1,"a":2,"b":3}');
		expect(canonicalJson('{"a":2,"b":3,"a":1}')).toBe('{"a":2,"a":1,"b":3}');
	});

	it('is another for another value', () => {
		fc.assert(
			fc.property(json, json, (one, two) => {
				const same = JSON.stringify(sorted(one)) === JSON.stringify(sorted(two));
				expect(canonicalJson(JSON.stringify(one)) === canonicalJson(JSON.stringify(two))).toBe(same);
			}),
		);
	});

	it.each([
		['12345678901234567890', '12345678901234567891'],
		['[1,2]', '[2,1]'],
		['{"a":1}', '{"a":"1"}'],
		['{"a":[1],"b":2}', '{"a":[1,2]}'],
		['[[1],2]', '[[1,2]]'],
		['{}', '[]'],
		['"a,b"', '["a","b"]'],
		['null', '"null"'],
	])('tells %s from %s', (one, two) => expect(canonicalJson(one)).not.toBe(canonicalJson(two)));

	it('knows an escaped string for the same as a plain one', () => {
		expect(canonicalJson('{"\\u0062":"\\u00e9\\/","a":[]}')).toBe('{"a":[],"b":"é/"}');
	});

	it('takes time in proportion to the text, however deep it is', () => {
		const deep = `${'{"a":['.repeat(200)}${' '.repeat(2_000_000)}1${']}'.repeat(200)}`;
		const begun = performance.now();
		expect(canonicalJson(deep)).toHaveLength(200 * 8 + 1);
		expect(performance.now() - begun).toBeLessThan(1_000);
	});
});

function sorted(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map(sorted);
	const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return entries.map(([key, inner]) => ({ key, inner: sorted(inner) })).concat([{ key: 'object', inner: true }]);
}
