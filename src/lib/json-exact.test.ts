import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExact, writeExact } from './json-exact.ts';

describe('exact JSON', () => {
	test('is what was written, for every value and any white space', () => {
		fc.assert(
			fc.property(fc.jsonValue(), fc.constantFrom(0, 1, '\t', ' \n'), (value, space) => {
				expect(JSON.parse(writeExact(parseExact(JSON.stringify(value, null, space))))).toEqual(
					JSON.parse(JSON.stringify(value)),
				);
			}),
		);
	});

	test('keeps numbers as they are spelled, and of a member that stands twice the last', () => {
		const text = ' { "a" : [1.0, 12345678901234567890 , -0, 1E400], "a\\u0062":{}, "c":[ ], "c":[[],{"d":null}] } ';
		expect(writeExact(parseExact(text))).toBe('{"a":[1.0,12345678901234567890,-0,1E400],"ab":{},"c":[[],{"d":null}]}');
	});

	test('is read however deep', () => {
		const depth = 500;
		const text = `${'[{"a":'.repeat(depth)}"${'x'.repeat(1_000_000)}"${'}]'.repeat(depth)}`;
		expect(writeExact(parseExact(text))).toBe(text);
	});
});
