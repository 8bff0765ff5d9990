import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSecret } from '../lib/secret.ts';
import { emailOf, readOpenWebUiToken } from './open-webui-token.ts';

const SECRET = 'a secret of an instance, 32 bytes or more';
const INSTANCE = { title: 'Chat', secret: [createSecret(SECRET)] };
const IAT = 2_000_000;
const NOW_MS = IAT * 1_000;
const CLAIMS = { sub: 'ada', email: 'Ada@X.example', iss: 'open-webui', iat: IAT, exp: IAT + 300 };

const encode = (text: string): string => Buffer.from(text).toString('base64url');
const sign = (header: string, payload: string): string => {
	const input = `${encode(header)}.${encode(payload)}`;
	return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
};
const token = (claims: object = {}, header: object = {}): string =>
	sign(JSON.stringify({ alg: 'HS256', typ: 'JWT', ...header }), JSON.stringify({ ...CLAIMS, ...claims }));

function endOf(text: string, nowMs = NOW_MS): string {
	try {
		readOpenWebUiToken(text, INSTANCE, nowMs);
		return 'accepted';
	} catch (error) {
		return (error as { facts: { detail: string } }).facts.detail;
	}
}

describe('what Open WebUI signs', () => {
	it('names an account until its end and a minute more', () => {
		expect(readOpenWebUiToken(token(), INSTANCE, NOW_MS)).toEqual({
			...{ subject: 'ada', email: 'ada@x.example' },
			expiresAt: (IAT + 360) * 1_000,
		});
	});

	it('begins and ends with a minute for the clocks, to the millisecond', () => {
		const [first, last] = [(IAT - 60) * 1_000, (IAT + 360) * 1_000];
		expect([first - 1, first, first + 1].map((now) => endOf(token(), now))).toEqual([
			'expired',
			'accepted',
			'accepted',
		]);
		expect([last - 1, last, last + 1].map((now) => endOf(token(), now))).toEqual(['accepted', 'expired', 'expired']);
	});

	it('lasts ten minutes at most', () => {
		expect([599, 600, 601].map((length) => endOf(token({ exp: IAT + length })))).toEqual([
			'accepted',
			'accepted',
			'lifetime',
		]);
	});

	it.each([
		['form', token({}, { alg: 'none' })],
		['form', token({}, { alg: 'RS256' })],
		['form', token({}, { typ: 'at+jwt' })],
		['form', token({}, { b64: false })],
		['form', sign('{"alg":"HS256","alg":"HS256"}', JSON.stringify(CLAIMS))],
		['form', sign('[]', '{}')],
		['form', token().split('.').slice(0, 2).join('.')],
		['form', `${token()}.`],
		['form', `${token()}=`],
		['form', 'x'.repeat(9_000)],
		['form', ''],
		['signature', `${token().split('.').slice(0, 2).join('.')}.${encode('x'.repeat(32))}`],
		['signature', `${token().split('.').slice(0, 2).join('.')}.${encode('x')}`],
		['form', sign('{"alg":"HS256"}', '{"sub":"a","sub":"b"}')],
		['claims', token({ iss: 'Open-WebUI' })],
		['claims', token({ iss: undefined })],
		['claims', token({ sub: 7 })],
		['claims', token({ sub: 'x'.repeat(257) })],
		['claims', sign('{"alg":"HS256"}', '{"sub":"ada","iss":"open-webui","iat":2000000,"exp":1e999}')],
		['claims', token({ exp: IAT })],
		['claims', token({ iat: IAT + 0.5 })],
	])('is refused for its %s', (why, text) => expect(endOf(text)).toBe(why));

	it('is refused under another secret', () => {
		const other = { title: 'Other', secret: [createSecret(`${SECRET}.`)] };
		expect(() => readOpenWebUiToken(token(), other, NOW_MS)).toThrow(/did not say who is asking/);
		expect(endOf(token())).toBe('accepted');
	});
});

describe('an e-mail address', () => {
	it('counts in lower case, and only where it is one', () => {
		expect(emailOf('Ada@Example.COM')).toBe('ada@example.com');
		for (const value of [undefined, 7, '', 'ada', `${'x'.repeat(320)}@x`]) expect(emailOf(value)).toBeUndefined();
	});
});
