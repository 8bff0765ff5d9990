import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	editObject,
	elementsOf,
	memberOf,
	membersOf,
	objectText,
	replaceSpans,
	skipValue,
	sliceOf,
	withMember,
} from './json-text.ts';

/** JSON text no serialiser would write: odd white space, escapes and numbers, keys repeated on no level. */
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const plain = fc.oneof(
	fc.constantFrom('12345678901234567890', '1.0', '-0', '1e-400', '1E+2', 'true', 'false', 'null'),
	fc.constantFrom('""', '"\\""', '"\\\\"', '"\\\\\\""', '"}"', '"]"', '","', '":"', '"\\u007d"', '"{\\"a\\":1}"'),
	fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
);
const keys = fc.oneof(
	fc.constantFrom('a', 'b', 'name', '_meta', '', '"', '\\', '}', 'ü', '👋', 'toString', 'constructor'),
	fc.string({ maxLength: 6 }).filter((key) => key !== '__proto__'),
);
const quoted = keys.chain((key) =>
	fc.constantFrom(JSON.stringify(key), `"${[...key].map((each) => escaped(each)).join('')}"`),
);

function escaped(character: string): string {
	return [...Array(character.length).keys()]
		.map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
		.join('');
}

const { value, object } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
	value: fc.oneof({ depthSize: 'small' }, plain, tie('array'), tie('object')),
	array: fc
		.tuple(fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }), space)
		.map(([items, gap]) => `[${items.length === 0 ? gap : items.map((each) => each.join('')).join(',')}]`),
	object: fc
		.tuple(
			fc.uniqueArray(fc.tuple(quoted, space, space, tie('value'), space), {
				maxLength: 4,
				selector: ([key]) => JSON.parse(key) as string,
			}),
			space,
		)
		.map(([members, gap]) => {
			const texts = members.map(([key, before, after, inner, end]) => `${gap}${key}${before}:${after}${inner}${end}`);
			return `{${texts.length === 0 ? gap : texts.join(',')}}`;
		}),
}));

describe('membersOf', () => {
	it('finds every member with its key decoded, in order, and the exact text of its value', () => {
		fc.assert(
			fc.property(object, space, (text, lead) => {
				const whole = lead + text;
				const parsed = JSON.parse(whole) as Record<string, unknown>;
				const members = membersOf(whole);
				expect(new Set(members.map(({ key }) => key))).toEqual(new Set(Object.keys(parsed)));
				for (const member of members) {
					expect(JSON.parse(sliceOf(whole, member))).toEqual(parsed[member.key]);
					expect(whole[member.keyStart]).toBe('"');
				}
			}),
		);
	});

	it('finds nothing where there is no object', () => {
		for (const text of ['', ' ', '[{"a":1}]', '"{}"', '1', 'null']) expect(membersOf(text)).toEqual([]);
	});

	it('looks where it is told to', () => {
		const text = '{"a":{"b":{"c":1}}}';
		const a = memberOf(text, 'a')!;
		const b = memberOf(text, 'b', a.start)!;
		expect(sliceOf(text, memberOf(text, 'c', b.start)!)).toBe('1');
		expect(memberOf(text, 'c')).toBeUndefined();
	});
});

describe('elementsOf', () => {
	it('finds every element with its exact text', () => {
		fc.assert(
			fc.property(fc.array(fc.tuple(space, value, space), { maxLength: 5 }), (items) => {
				const text = `[${items.map((each) => each.join('')).join(',')}]`;
				const spans = elementsOf(text);
				expect(spans.map((span) => sliceOf(text, span))).toEqual(items.map(([, inner]) => inner));
			}),
		);
	});

	it('finds nothing where there is no array', () => {
		for (const text of ['', '{"a":[1]}', '"[1]"', '1', ' [ ] ']) expect(elementsOf(text)).toEqual([]);
	});
});

describe('skipValue', () => {
	it('ends where the value ends, whatever follows', () => {
		fc.assert(
			fc.property(value, fc.constantFrom('', ',', '}', ']', ' ,1', '\n}'), (text, rest) => {
				expect(skipValue(text + rest, 0)).toBe(text.length);
			}),
		);
	});

	it('takes no longer than the text is long, however many backslashes stand in it', () => {
		const text = `"${'\\\\'.repeat(200_000)}${'\\"'.repeat(200_000)}"`;
		expect(skipValue(text, 0)).toBe(text.length);
	});
});

describe('editObject', () => {
	const changes = fc.dictionary(keys, fc.option(value, { nil: undefined }), { maxKeys: 4, noNullPrototype: true });

	it('gives what setting and deleting members of the parsed object gives', () => {
		fc.assert(
			fc.property(object, changes, (text, edits) => {
				const expected = new Map(Object.entries(JSON.parse(text) as Record<string, unknown>));
				for (const [key, edit] of Object.entries(edits)) {
					if (edit === undefined) expected.delete(key);
					else expected.set(key, JSON.parse(edit));
				}
				const edited = JSON.parse(editObject(text, edits)) as Record<string, unknown>;
				expect(new Map(Object.entries(edited))).toEqual(expected);
			}),
		);
	});

	it('keeps every byte of the members it does not change, key spelling included', () => {
		fc.assert(
			fc.property(object, changes, (text, edits) => {
				const edited = editObject(text, edits);
				const kept = membersOf(text).filter(({ key }) => !Object.hasOwn(edits, key));
				const texts = membersOf(edited)
					.filter(({ key }) => !Object.hasOwn(edits, key))
					.map(({ keyStart, end }) => edited.slice(keyStart, end));
				expect(texts).toEqual(kept.map(({ keyStart, end }) => text.slice(keyStart, end)));
			}),
		);
	});

	it('keeps the place of what it sets, and appends what is new', () => {
		const text = '{ "a" : 1.0 ,"b":12345678901234567890,\n"c":{"x":[ 1 , 2 ]} }';
		expect(editObject(text, { b: '"new"', d: 'null', a: undefined })).toBe('{"b":"new","c":{"x":[ 1 , 2 ]},"d":null}');
		expect(editObject(text, {})).toBe('{"a" : 1.0,"b":12345678901234567890,"c":{"x":[ 1 , 2 ]}}');
		expect(editObject('{}', { a: '1' })).toBe('{"a":1}');
		expect(editObject('{"\\u0061":1}', { a: '2' })).toBe('{"a":2}');
	});

	it('is not confused by names that every object has', () => {
		expect(editObject('{"toString":1,"constructor":2}', {})).toBe('{"toString":1,"constructor":2}');
		expect(editObject('{"a":1}', { hasOwnProperty: '2' })).toBe('{"a":1,"hasOwnProperty":2}');
	});
});

describe('an object with a member', () => {
	it('has the value in the place of the one before, or at its end, and is the same otherwise', () => {
		expect(withMember('{ "a" : 1.0 , "b":2 }', 'a', '"x"')).toBe('{ "a" : "x" , "b":2 }');
		expect(withMember('{ "a" : 1.0 , "b":2 }', 'c', '"x"')).toBe('{ "a" : 1.0 , "b":2,"c":"x" }');
		expect(withMember(' { } ', 'c', '"x"')).toBe(' {"c":"x" } ');
		expect(withMember('{"\\u0061":1,"b":{"a":2},"a":3}', 'a', '0')).toBe('{"\\u0061":0,"b":{"a":2},"a":0}');
	});

	it('reads as the object with that member, whatever it was', () => {
		fc.assert(
			fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), (object, key, value) => {
				fc.pre(key !== '__proto__' && !Object.hasOwn(object, '__proto__'));
				const edited = withMember(JSON.stringify(object, null, 1), key, JSON.stringify(value));
				expect(JSON.parse(edited)).toEqual(JSON.parse(JSON.stringify({ ...object, [key]: value })));
			}),
		);
	});
});

describe('objectText', () => {
	it('joins values that are JSON text already', () => {
		expect(objectText({ a: '1.0', 'q"': '{"b":[]}' })).toBe('{"a":1.0,"q\\"":{"b":[]}}');
		expect(objectText({})).toBe('{}');
	});
});

describe('replaced spans', () => {
	it('leave every other character where it was', () => {
		const text = '{"a" : 1.0,"b":"x" , "c":[2]}';
		const [a, b, c] = membersOf(text);
		expect(replaceSpans(text, [])).toBe(text);
		expect(replaceSpans(text, [{ ...b!, text: '{}' }])).toBe('{"a" : 1.0,"b":{} , "c":[2]}');
		const all = [a!, b!, c!].map((member) => ({ ...member, text: member.key }));
		expect(replaceSpans(text, all)).toBe('{"a" : a,"b":b , "c":c}');
	});
});
