import { describe, expect, it } from 'vitest';
import { inputRequiredResult, inputResponsesOf, legacyQuestion, modernQuestion, pagesToOpen } from './question.ts';

describe('a legacy question for a modern client', () => {
	it('keeps its bytes, without what belongs to the hop', () => {
		const params = '{ "message":"\\u00e4", "big":12345678901234567890,"_meta":{"progressToken":1},"task":{"ttl":1}}';
		expect(modernQuestion('sampling/createMessage', params)).toBe(
			'{"method":"sampling/createMessage","params":{"message":"\\u00e4","big":12345678901234567890}}',
		);
	});

	it('names the mode of a form, and loses the id of a page', () => {
		expect(JSON.parse(modernQuestion('elicitation/create', '{"message":"m"}')).params).toEqual({
			message: 'm',
			mode: 'form',
		});
		const page = '{"mode":"url","url":"https://a.example/","elicitationId":"e"}';
		expect(JSON.parse(modernQuestion('elicitation/create', page)).params).toEqual({
			mode: 'url',
			url: 'https://a.example/',
		});
	});

	it.each(['null', '[]', '7', '"text"', '[{"a":1}]'])('has no params where those are %s', (params) => {
		expect(modernQuestion('roots/list', params)).toBe('{"method":"roots/list","params":{}}');
	});
});

describe('a question for a legacy client', () => {
	const newId = () => 'minted';

	it('has the id that a page needs, its own where it has one', () => {
		const page = '{"mode":"url","url":"https://a.example/"}';
		expect(JSON.parse(legacyQuestion('elicitation/create', page, newId)).elicitationId).toBe('minted');
		const named = '{"mode":"url","elicitationId":"own"}';
		expect(JSON.parse(legacyQuestion('elicitation/create', named, newId)).elicitationId).toBe('own');
	});

	it.each([
		['elicitation/create', '{"mode":"form"}'],
		['elicitation/create', '{"message":"m"}'],
		['sampling/createMessage', '{"mode":"url"}'],
	])('has none otherwise: %s %s', (method, params) => {
		expect(legacyQuestion(method, params, newId)).toBe(params);
	});

	it('keeps its bytes, without what belongs to the hop', () => {
		const params = '{"one":1.0,"_meta":{"x":1},"task":{}}';
		expect(legacyQuestion('roots/list', params, newId)).toBe('{"one":1.0}');
	});
});

describe('the answers of a retry', () => {
	it('are the text of each, by key', () => {
		const params = '{"name":"t","inputResponses":{"q1":{"n":1.0},"q\\u0032": null,"__proto__":{"a":1}}}';
		expect([...inputResponsesOf(params)]).toEqual([
			['q1', '{"n":1.0}'],
			['q2', 'null'],
			['__proto__', '{"a":1}'],
		]);
	});

	it.each([
		'{}',
		'{"inputResponses":null}',
		'{"inputResponses":[{"q":1}]}',
		'{"inputResponses":"q"}',
		'{"inputResponses":{}}',
	])('are none in %s', (params) => {
		expect(inputResponsesOf(params).size).toBe(0);
	});
});

describe('a result that asks', () => {
	it('says so, with its questions and the state to come back with', () => {
		const text = inputRequiredResult({ q1: '{"method":"roots/list"}' }, 'a"state');
		expect(JSON.parse(text)).toEqual({
			resultType: 'input_required',
			inputRequests: { q1: { method: 'roots/list' } },
			requestState: 'a"state',
		});
	});
});

describe('the pages of an error', () => {
	const page = (url: unknown, mode: unknown = 'url') => ({ mode, url, message: 'm', elicitationId: 'e' });

	it('become questions, numbered, those that fit', () => {
		const data = {
			elicitations: [
				page('https://a.example/'),
				page(7),
				page('https://b.example/', 'form'),
				null,
				'x',
				page('https://c.example/'),
			],
		};
		const pages = pagesToOpen(data);
		expect(Object.keys(pages)).toEqual(['page1', 'page2']);
		expect(JSON.parse(pages['page2'] ?? '')).toEqual({
			method: 'elicitation/create',
			params: { mode: 'url', url: 'https://c.example/', message: 'm' },
		});
	});

	it.each([undefined, null, 7, 'x', [], {}, { elicitations: {} }, { elicitations: 'x' }, { elicitations: [] }])(
		'are none in %j',
		(data) => {
			expect(pagesToOpen(data)).toEqual({});
		},
	);
});
