import { describe, expect, it } from 'vitest';
import { pathOf, queryOf, readAnswer } from './api-client.ts';

const read = (status: number, text: string, headers = {}) => readAnswer({ status, text, headers }, 'http://x.example');

const problem = (code: string, more: object = {}): string => {
	return JSON.stringify({ code, detail: 'It is so.', request_id: 'r-1', ...more });
};

describe('an answer', () => {
	it('is read with its ETag', () => {
		expect(read(200, '{"a":1}', { etag: '"3"' })).toEqual({ status: 200, body: { a: 1 }, etag: '"3"' });
		expect(read(204, '')).toEqual({ status: 204, body: undefined, etag: undefined });
	});

	it('that is a problem is told as its sentence, its places and its request id', () => {
		const errors = [{ path: 'body.slug', message: 'is missing' }];
		expect(() => read(400, problem('PC_INPUT_INVALID', { errors }))).toThrow(
			'It is so.\n  body.slug: is missing\n(PC_INPUT_INVALID, request r-1)',
		);
	});

	it.each([
		['PC_NOT_FOUND', 404, 1],
		['PC_STORE_UNAVAILABLE', 503, 3],
		['PC_AUDIT_UNAVAILABLE', 503, 1],
	])('%s ends the command with its exit code', (code, status, exitCode) => {
		expect(() => read(status, problem(code))).toThrow(expect.objectContaining({ exitCode, code, status }));
	});

	it.each([
		[302, '', 'answers with a redirect, which is not followed'],
		[200, '<html>', 'answers 200, but not like a gateway'],
		[502, '{"error":"bad gateway"}', 'answers 502, but not like a gateway'],
	])('%s that no gateway gives is told as that', (status, text, sentence) => {
		expect(() => read(status, text, { location: 'https://evil.example' })).toThrow(sentence);
	});
});

it('escapes what stands in addresses', () => {
	expect(pathOf('a', 'b/../c?d')).toBe('/a/b%2F..%2Fc%3Fd');
	expect(queryOf({ a: undefined })).toBe('');
	expect(queryOf({ a: 'x y&z', b: undefined })).toBe('?a=x+y%26z');
});
