import { describe, expect, it } from 'vitest';
import { cookieText, readCookie } from './cookies.ts';

describe('a cookie of the pages', () => {
	it('is for one host, https and no script, where there is https', () => {
		expect(cookieText('v', { scheme: 'https', kind: 'session', seconds: 3600 })).toBe(
			'__Host-portcullis=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure',
		);
		expect(cookieText('v', { scheme: 'https', kind: 'sign-in', seconds: 600 })).toMatch(
			/^__Host-portcullis-sign-in=v;/,
		);
	});

	it('has another name where a browser would refuse that one', () => {
		expect(cookieText('v', { scheme: 'loopback-http', kind: 'session', seconds: 1 })).toBe(
			'portcullis-local=v; Path=/; Max-Age=1; HttpOnly; SameSite=Lax',
		);
	});

	it('is found among others, by its whole name alone', () => {
		const headers = [
			'Host',
			'x',
			'Cookie',
			'a=1; x__Host-portcullis=2; __Host-portcullis-sign-in=3; __Host-portcullis=4=5',
		];
		expect(readCookie(headers, 'https', 'session')).toBe('4=5');
		expect(readCookie(headers, 'https', 'sign-in')).toBe('3');
		expect(readCookie(headers, 'loopback-http', 'session')).toBeUndefined();
	});

	it('counts for nothing when there are two, in one header or in several', () => {
		const both = '__Host-portcullis=1; __Host-portcullis=2';
		expect(readCookie(['Cookie', both], 'https', 'session')).toBeUndefined();
		const apart = ['Cookie', '__Host-portcullis=1', 'cookie', '__Host-portcullis=1'];
		expect(readCookie(apart, 'https', 'session')).toBeUndefined();
	});
});
