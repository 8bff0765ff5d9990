import { describe, expect, it } from 'vitest';
import { errorCode } from '../../errors/portcullis-error.ts';
import { freshnessOf, parseStoredTokens, type StoredTokens, withTokens } from './stored-tokens.ts';

const STORED: StoredTokens = {
	...{ grant: 'authorization-code', issuer: 'https://as', clientId: 'c', how: 'dynamic', resource: 'https://mcp' },
	...{ accessToken: 'a1', refreshToken: 'r1', issuedAt: 0, expiresAt: 3_600_000, asked: ['x'] },
};
const SET = { refreshToken: undefined, expiresAt: undefined, scopes: undefined, account: undefined };

describe('a stored connection', () => {
	it('is read as it was written, and nothing else is', () => {
		expect(parseStoredTokens(JSON.stringify(STORED))).toEqual(STORED);
		const read = (): unknown => parseStoredTokens('{"accessToken":"a"}');
		expect(read).toThrow();
		try {
			read();
		} catch (error) {
			expect(errorCode(error)).toBe('PC_SECRET_UNREADABLE');
		}
	});

	it('keeps its refresh token where no other came, and forgets when the old access token ended', () => {
		const next = withTokens(STORED, { ...SET, accessToken: 'a2' }, 5);
		expect(next).toMatchObject({ accessToken: 'a2', refreshToken: 'r1', issuedAt: 5, asked: ['x'] });
		expect(next.expiresAt).toBeUndefined();
		expect(withTokens(STORED, { ...SET, accessToken: 'a2', refreshToken: 'r2' }, 5).refreshToken).toBe('r2');
	});

	it.each([
		[3_600_000, 0, 'fresh'],
		[3_600_000, 3_479_999, 'fresh'],
		[3_600_000, 3_480_000, 'ageing'],
		[3_600_000, 3_589_999, 'ageing'],
		[3_600_000, 3_590_000, 'stale'],
		[10_000, 7_999, 'fresh'],
		[10_000, 8_000, 'ageing'],
		[10_000, 9_500, 'stale'],
		[undefined, Number.MAX_SAFE_INTEGER, 'fresh'],
		[0, 0, 'stale'],
	])('that ends at %s is at %s %s', (expiresAt, now, freshness) => {
		expect(freshnessOf({ issuedAt: 0, ...(expiresAt !== undefined && { expiresAt }) }, now)).toBe(freshness);
	});
});
