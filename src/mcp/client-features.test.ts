import { describe, expect, it } from 'vitest';
import {
	CLIENT_FEATURES,
	featureOf,
	mayBeAsked,
	mayBeAskedThis,
	narrowedProfile,
	opensPages,
} from './client-features.ts';

const profile = (value: unknown): string => JSON.stringify(value);
const ALL = profile({ elicitation: { form: {}, url: {} }, roots: { listChanged: true }, sampling: { tools: {} } });

describe('the feature of a question', () => {
	it.each([
		['elicitation/create', 'elicitation'],
		['sampling/createMessage', 'sampling'],
		['roots/list', 'roots'],
		['ping', undefined],
		['tools/call', undefined],
		['constructor', undefined],
		['__proto__', undefined],
		['', undefined],
	])('%j: %s', (method, feature) => {
		expect(featureOf(method)).toBe(feature);
	});
});

describe('a narrowed profile', () => {
	it('has what was declared and is allowed, and roots that say nothing of changes', () => {
		expect(JSON.parse(narrowedProfile(ALL, CLIENT_FEATURES))).toEqual({
			elicitation: { form: {}, url: {} },
			roots: {},
			sampling: { tools: {} },
		});
	});

	it.each(CLIENT_FEATURES)('has only %s where only that is allowed', (feature) => {
		expect(Object.keys(JSON.parse(narrowedProfile(ALL, [feature])))).toEqual([feature]);
	});

	it('never has more than was declared', () => {
		expect(narrowedProfile('{}', CLIENT_FEATURES)).toBe('{}');
		expect(narrowedProfile(profile({ sampling: {} }), CLIENT_FEATURES)).toBe('{"sampling":{}}');
	});

	it('keeps other capabilities, whatever is allowed, but not the tasks of the older revision', () => {
		const declared = profile({ experimental: { x: 1 }, extensions: { 'a/b': {} }, tasks: { list: {} }, sampling: {} });
		expect(JSON.parse(narrowedProfile(declared, []))).toEqual({ experimental: { x: 1 }, extensions: { 'a/b': {} } });
	});

	it('is the common one when nothing is left', () => {
		expect(narrowedProfile(ALL, [])).toBe('{}');
		expect(narrowedProfile(profile({ tasks: {} }), CLIENT_FEATURES)).toBe('{}');
	});

	it('is the same text for the same capabilities in another order', () => {
		const other = '{"sampling":{"tools":{}},"roots":{},"elicitation":{"url":{},"form":{}}}';
		expect(narrowedProfile(other, CLIENT_FEATURES)).toBe(narrowedProfile(ALL, CLIENT_FEATURES));
	});
});

describe('a client', () => {
	it.each([
		[{}, false],
		[{ experimental: {} }, false],
		[{ roots: {} }, true],
		[{ elicitation: null }, false],
		[{ elicitation: true }, false],
		[{ elicitation: [] }, false],
	])('that declares %j may be asked something: %s', (declared, may) => {
		expect(mayBeAsked(profile(declared))).toBe(may);
	});

	it.each([
		[{ elicitation: { url: {} } }, true],
		[{ elicitation: { form: {} } }, false],
		[{ elicitation: {} }, false],
		[{}, false],
	])('that declares %j opens pages: %s', (declared, opens) => {
		expect(opensPages(profile(declared))).toBe(opens);
	});

	const [FORM, NAMED_FORM, PAGE] = ['{"message":"m"}', '{"mode":"form"}', '{"mode":"url"}'];
	it.each<[unknown, string, string, boolean]>([
		[{ elicitation: {} }, 'elicitation/create', FORM, true],
		[{ elicitation: {} }, 'elicitation/create', NAMED_FORM, true],
		[{ elicitation: {} }, 'elicitation/create', PAGE, false],
		[{ elicitation: { form: {} } }, 'elicitation/create', PAGE, false],
		[{ elicitation: { url: {} } }, 'elicitation/create', PAGE, true],
		[{ elicitation: { url: {} } }, 'elicitation/create', '{"mode":"\\u0075rl"}', true],
		[{ elicitation: { url: {} } }, 'elicitation/create', FORM, false],
		[{ elicitation: { form: {}, url: {} } }, 'elicitation/create', FORM, true],
		[{ elicitation: { form: {} } }, 'elicitation/create', '{"mode":"voice"}', false],
		[{ elicitation: { form: {} } }, 'elicitation/create', '{"mode":7}', false],
		[{ elicitation: { form: {} } }, 'elicitation/create', '{"mode":"constructor"}', false],
		[{ sampling: {} }, 'elicitation/create', FORM, false],
		[{ sampling: {} }, 'sampling/createMessage', '{}', true],
		[{ sampling: {} }, 'ping', '{}', false],
	])('that declares %j may be asked %s %s: %s', (declared, method, params, may) => {
		expect(mayBeAskedThis(profile(declared), method, params)).toBe(may);
	});
});
