import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonFault } from './json-strict.ts';

const WIDE = { depth: 64, nodes: 1_000 };
const faultOf = (text: string) => findJsonFault(text, WIDE);

describe('a text that JSON.parse takes', () => {
	it('has no fault when its names are told apart', () => {
		fc.assert(
			fc.property(fc.json({ maxDepth: 4 }), (text) => {
				const folded = (key: string): string => key.toLowerCase().replaceAll('ſ', 's');
				const clean = (value: unknown): boolean => {
					if (typeof value !== 'object' || value === null) return true;
					const keys = Array.isArray(value) ? [] : Object.keys(value).map(folded);
					return new Set(keys).size === keys.length && !keys.includes('__proto__') && Object.values(value).every(clean);
				};
				expect(faultOf(text)).toBe(clean(JSON.parse(text)) ? undefined : 'ambiguous');
			}),
		);
	});

	it.each([
		'{"a":1,"a":2}',
		'{"a":1,"b":{},"a":2}',
		'{"x":[{"a":1,"a":1}]}',
		'{"a":1,"\\u0061":2}',
		'{"\\u0061":1,"\\u0061":2}',
		'{"/":1,"\\/":2}',
		'{"name":1,"Name":2}',
		'{"name":1,"NAM\\u0045":2}',
		'{"params":1,"paramſ":2}',
		'{ "a" : 1 , "a"\n:\t2 }',
		'{"":1,"":2}',
		'{"__proto__":1}',
		'{"a":{"__PROTO__":{}}}',
		'{"\\u005f_proto__":1}',
		'[{"__proto__":null}]',
		'{"a":"\\\\","a":1}',
		'{"a":"{\\"a\\":1}","a":1}',
	])('is ambiguous when a name stands twice or is __proto__: %s', (text) => {
		expect(() => JSON.parse(text) as unknown).not.toThrow();
		expect(faultOf(text)).toBe('ambiguous');
	});

	it.each([
		'{"a":{"a":{"a":1}},"b":{"a":1}}',
		'[{"a":1},{"a":2}]',
		'{"a":"a","b":"a"}',
		'["a","a","__proto__"]',
		'{"a":"__proto__","x":"\\"a\\":1,\\"a\\":2"}',
		'{"a ":1,"a":2," a":3}',
		'{"constructor":1,"prototype":2,"_proto_":3}',
		'"__proto__"',
		'{"a":[["x","x"],["x"]]}',
		'  { } ',
		'{"i":1,"ı":2}',
	])('is fine when names repeat elsewhere, or are only alike: %s', (text) => {
		expect(faultOf(text)).toBeUndefined();
	});
});

describe('the bounds', () => {
	const nested = (depth: number, [open, close]: readonly [string, string]): string =>
		open.repeat(depth) + close.repeat(depth);

	it.each([
		['arrays', ['[', ']']],
		['objects', ['{"a":', '}']],
	] as const)('on depth count %s: one less and the limit itself pass, one more does not', (_, [open, close]) => {
		const inner = close === '}' ? '0' : '';
		const text = (depth: number): string => open.repeat(depth) + inner + close.repeat(depth);
		for (const depth of [WIDE.depth - 1, WIDE.depth]) expect(faultOf(text(depth))).toBeUndefined();
		expect(faultOf(text(WIDE.depth + 1))).toBe('too-deep');
	});

	it('on depth count what is open, not what was', () => {
		expect(faultOf(`[${nested(63, ['[', ']'])},${nested(63, ['[', ']'])}]`)).toBeUndefined();
	});

	it('on nodes count containers and commas: one less than the limit passes, the limit does not', () => {
		const bounds = { depth: 9, nodes: 100 };
		const array = (nodes: number): string => `[${Array(nodes).fill('1').join(',')}]`;
		expect(findJsonFault(array(98), bounds)).toBeUndefined();
		expect(findJsonFault(array(99), bounds)).toBeUndefined();
		expect(findJsonFault(array(100), bounds)).toBe('too-deep');
		expect(findJsonFault(`[${'[],'.repeat(49)}[]]`, bounds)).toBe('too-deep');
	});

	it('do not count what stands inside a string', () => {
		const text = JSON.stringify({ a: '[{,'.repeat(5_000) });
		expect(findJsonFault(text, { depth: 1, nodes: 2 })).toBeUndefined();
	});
});
