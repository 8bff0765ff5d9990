import { describe, expect, it } from 'vitest';
import { MAX_TOKEN_BYTES, readBearer } from './read-bearer.ts';

const codeOf = (rawHeaders: readonly string[]): unknown => {
	try {
		readBearer(rawHeaders);
		return undefined;
	} catch (error) {
		return (error as { code?: unknown }).code;
	}
};

describe('the Authorization header', () => {
	it('yields the token of the scheme Bearer in any case, whatever the case of the header name', () => {
		expect(readBearer(['Host', 'x', 'Authorization', 'Bearer a.b.c'])).toBe('a.b.c');
		expect(readBearer(['authorization', 'bearer a.b.c'])).toBe('a.b.c');
		expect(readBearer(['AUTHORIZATION', 'BEARER   a.b.c'])).toBe('a.b.c');
	});

	it('is missing when absent, empty or of another scheme', () => {
		for (const headers of [[], ['Host', 'x'], ['Authorization', ''], ['Authorization', 'Bearer']]) {
			expect(codeOf(headers)).toBe('PC_TOKEN_MISSING');
		}
		for (const value of ['Bearer ', 'Basic dTpw', 'Bearera.b.c', 'a.b.c']) {
			expect(codeOf(['Authorization', value])).toBe('PC_TOKEN_MISSING');
		}
	});

	it('is refused when it stands twice, even with the same token or under another case', () => {
		expect(codeOf(['Authorization', 'Bearer a', 'Authorization', 'Bearer a'])).toBe('PC_HEADER_INVALID');
		expect(codeOf(['Authorization', 'Bearer a', 'authorization', 'Basic b'])).toBe('PC_HEADER_INVALID');
	});

	it('is refused when a tab, a second token, a control or a non-ASCII character is in it', () => {
		for (const token of ['a b', 'a,\tb', 'a, Bearer b', 'a\u0000', 'a\u007f', 'ä.b.c', 'a\nb']) {
			expect(codeOf(['Authorization', `Bearer ${token}`])).toBe('PC_TOKEN_MALFORMED');
		}
		expect(codeOf(['Authorization', 'Bearer\ta.b.c'])).toBe('PC_TOKEN_MISSING');
	});

	it('takes a token of 16 KiB and refuses one byte more', () => {
		expect(readBearer(['Authorization', `Bearer ${'a'.repeat(MAX_TOKEN_BYTES)}`])).toHaveLength(MAX_TOKEN_BYTES);
		expect(codeOf(['Authorization', `Bearer ${'a'.repeat(MAX_TOKEN_BYTES + 1)}`])).toBe('PC_TOKEN_MALFORMED');
	});

	it('is the only carrier: cookies, look-alike headers and a value without its name are never read', () => {
		const others = [
			'Cookie',
			'Authorization=Bearer a.b.c',
			'X-Authorization',
			'Bearer a',
			'Proxy-Authorization',
			'Bearer a',
		];
		expect(codeOf(others)).toBe('PC_TOKEN_MISSING');
		expect(codeOf(['Authorization'])).toBe('PC_TOKEN_MISSING');
	});
});
