import { describe, expect, it } from 'vitest';
import { redact } from './redact.ts';

describe('redact', () => {
	it('takes every known secret out, however often it stands there', () => {
		expect(redact('with s3cr3t and again s3cr3t', ['s3cr3t'])).toBe('with [secret] and again [secret]');
	});

	it('takes the longer of two secrets out as a whole', () => {
		for (const secrets of [
			['abcd', 'abcdefgh'],
			['abcdefgh', 'abcd'],
		])
			expect(redact('x abcdefgh y abcd z', secrets)).toBe('x [secret] y [secret] z');
	});

	it('takes no secret for a pattern', () => {
		expect(redact('a.c+ abbc', ['a.c+'])).toBe('[secret] abbc');
		expect(redact('price $& now', ['$& n'])).toBe('price [secret]ow');
	});

	it('leaves words alone that are too short to be a secret', () => expect(redact('a b c', ['a', ''])).toBe('a b c'));

	it.each([
		['Authorization: Bearer abcdefghijkl', 'abcdefghijkl'],
		['token eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl', 'eyJ'],
		['API_KEY=abcd1234', 'abcd1234'],
		['"password": "hunter22"', 'hunter22'],
		["secret='very-secret-word'", 'very-secret-word'],
		['using ghp_abcdefghijklmnop1234', 'ghp_'],
		['using sk-abcdefghijklmnop1234', 'sk-abc'],
		['basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpwYXNzd29yZA'],
	])('takes out what looks like one: %s', (text, secret) => {
		expect(redact(text, [])).not.toContain(secret);
		expect(redact(text, [])).toContain('[secret]');
	});

	it('leaves ordinary words as they are', () => {
		const text = 'Error: ENOENT, no such file: /data/report.md (line 12)';
		expect(redact(text, ['k-other'])).toBe(text);
	});

	it('is done in no time with a long text that nearly fits', () => {
		expect(redact('key'.repeat(20_000), []).length).toBeGreaterThan(0);
		expect(redact(`${'eyJ'.repeat(20_000)}.`, []).length).toBeGreaterThan(0);
	});
});
