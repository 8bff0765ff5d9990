import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import { fitsTemplate, unknownItem } from './find-item.ts';

describe('a URI', () => {
	it.each([
		['test://template/{id}/data', 'test://template/7/data', true],
		['test://template/{id}/data', 'test://template//data', true],
		['test://template/{id}/data', 'test://template/7/8/data', true],
		['test://template/{id}/data', 'test://template/7/data/x', false],
		['test://template/{id}/data', 'xtest://template/7/data', false],
		['test://template/{id}/data', 'test://template/data', false],
		['a{x}a', 'aa', true],
		['a{x}a', 'a', false],
		['{x}', '', true],
		['{+path}', 'any/thing?at=all', true],
		['file:///{a}/{b}.txt', 'file:///x/y.txt', true],
		['file:///{a}/{b}.txt', 'file:///x.txt', false],
		['{a}-{b}-{c}', 'x-y-z', true],
		['{a}-{b}-{c}', 'x-y', false],
		['ab{x}bc', 'abc', false],
		['fixed', 'fixed', true],
		['fixed', 'fixed2', false],
		['fixed', '', false],
		['', '', true],
		['a{b', 'a{b', true],
		['a}b', 'axb', false],
	])('against the template %s: %s fits is %s', (template, uri, fits) => {
		expect(fitsTemplate(template, uri)).toBe(fits);
	});

	it('fits every template it was made from', () => {
		const literal = fc.stringMatching(/^[a-z:/.?=-]{0,5}$/);
		const parts = fc.array(fc.tuple(literal, fc.string({ maxLength: 5 })), { minLength: 1, maxLength: 5 });
		fc.assert(
			fc.property(parts, literal, (pairs, end) => {
				const template = pairs.map(([text], index) => `${text}{v${index}}`).join('') + end;
				const uri = pairs.map(([text, value]) => text + value).join('') + end;
				expect(fitsTemplate(template, uri)).toBe(true);
			}),
		);
	});

	it('fits just when a plain wildcard match would say so', () => {
		const shape = fc.array(fc.oneof(fc.constantFrom('a', 'b', '.', '*'), fc.constant('{x}')), { maxLength: 6 });
		fc.assert(
			fc.property(shape, fc.stringMatching(/^[ab.*]{0,8}$/), (pieces, uri) => {
				const pattern = pieces.map((each) => (each === '{x}' ? '.*' : each.replace(/[.*]/, '\\$&'))).join('');
				expect(fitsTemplate(pieces.join(''), uri)).toBe(new RegExp(`^${pattern}$`, 's').test(uri));
			}),
		);
	});

	it('is compared quickly, whatever a server sent as its template', () => {
		const template = '{a}x'.repeat(20_000);
		expect(fitsTemplate(template, 'x'.repeat(19_999))).toBe(false);
		expect(fitsTemplate(template, 'x'.repeat(20_000))).toBe(true);
		expect(fitsTemplate(`${'{a}'.repeat(50_000)}!`, 'x'.repeat(50_000))).toBe(false);
		expect(fitsTemplate('{'.repeat(100_000), 'x')).toBe(false);
	});
});

describe('a name nobody offers', () => {
	it('has an error of its kind', () => {
		expect((['tool', 'prompt', 'resource'] as const).map((kind) => errorCode(unknownItem(kind)))).toEqual([
			'PC_TOOL_UNKNOWN',
			'PC_PROMPT_UNKNOWN',
			'PC_RESOURCE_UNKNOWN',
		]);
	});
});
