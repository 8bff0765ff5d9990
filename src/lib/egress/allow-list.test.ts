import { describe, expect, test } from 'vitest';
import { allowFault, createAllowList } from './allow-list.ts';

describe('the allow-list', () => {
	test('names a host with every port, or with one', () => {
		const list = createAllowList(['Auth.Corp', 'keys.corp:8443', '[fd00::1]:80', '10.0.0.5:8080']);
		expect(list.hasHost('auth.corp', 443)).toBe(true);
		expect(list.hasHost('auth.corp.', 80)).toBe(true);
		expect(list.hasHost('x.auth.corp', 443)).toBe(false);
		expect(list.hasHost('keys.corp', 8443)).toBe(true);
		expect(list.hasHost('keys.corp', 443)).toBe(false);
		expect(list.hasHost('fd00::1', 80)).toBe(true);
		expect(list.hasHost('10.0.0.5', 8080)).toBe(true);
		expect(list.hasHost('10.0.0.5', 80)).toBe(false);
		expect(list.hasAddress('10.0.0.5')).toBe(false);
	});

	test('holds networks and single addresses', () => {
		const list = createAllowList(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
		expect(['10.9.9.9', '127.0.0.1', '::ffff:10.0.0.1', 'fd12::1'].every(list.hasAddress)).toBe(true);
		expect(['11.0.0.1', '127.0.0.2', 'fe80::1', 'auth.corp'].some(list.hasAddress)).toBe(false);
	});

	test('allows nothing for an entry that has a fault', () => {
		for (const entry of ['*', '*.corp', 'https://a', 'a/b', '10.0.0.1/8', 'a b', 'a:0', 'a:99999', '', '1.2.3.4.5.6']) {
			expect(allowFault(entry), entry).toBeDefined();
		}
		expect(createAllowList(['*', '0.0.0.1/0']).hasHost('a', 443)).toBe(false);
	});
});
