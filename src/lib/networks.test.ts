import { describe, expect, it } from 'vitest';
import { createIsWithin, networkFault } from './networks.ts';

const within = (networks: readonly string[], address: string): boolean => createIsWithin(networks)(address);

describe('a list of networks', () => {
	it.each([
		['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3', '::ffff:a01:203'], ['9.255.255.255', '11.0.0.0']],
		['192.168.1.128/25', ['192.168.1.128', '192.168.1.255'], ['192.168.1.127', '192.168.2.128']],
		['127.0.0.1', ['127.0.0.1', '::ffff:127.0.0.1'], ['127.0.0.2', '::1']],
		['0.0.0.0/0', ['1.2.3.4', '255.255.255.255', '::ffff:1.2.3.4'], ['::1', '2001:db8::1']],
		['2001:db8::/32', ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'], ['2001:db9::', '2001:db7:ffff::']],
		['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1']],
		['::/0', ['::', 'fe80::1', '2001:db8::1'], ['1.2.3.4', '::ffff:1.2.3.4']],
		['fe80::/10', ['fe80::1', 'febf:ffff::'], ['fec0::', 'fe80::1%eth0']],
	])('%s', (network, inside, outside) => {
		expect(networkFault(network)).toBeUndefined();
		for (const address of inside) expect(within([network], address), address).toBe(true);
		for (const address of outside) expect(within([network], address), address).toBe(false);
	});

	it('holds what any of them holds', () => {
		expect(within(['10.0.0.0/8', '2001:db8::/32'], '2001:db8::1')).toBe(true);
		expect(within(['10.0.0.0/8', '2001:db8::/32'], '10.1.1.1')).toBe(true);
		expect(within(['10.0.0.0/8', '2001:db8::/32'], '172.16.0.1')).toBe(false);
	});

	it('lets nobody in by what is no address or no network', () => {
		for (const address of ['', 'localhost', '10.1.2', '10.1.2.3.4', '010.1.2.3', ' 10.1.2.3', '::ffff:10.1.2.3 ']) {
			expect(within(['10.0.0.0/8', '0.0.0.0/0', '::/0'], address), address).toBe(false);
		}
		expect(within([], '10.1.2.3')).toBe(false);
		expect(within(['anything'], '10.1.2.3')).toBe(false);
	});

	it.each(['', '/', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/-1', '::/129', '10.0.0.0/8/8', 'example.com'])(
		'does not take %s for one',
		(text) => expect(networkFault(text)).toMatch(/^write a network/),
	);

	it('takes no network with bits beyond its length', () => {
		expect(networkFault('10.0.0.1/8')).toBe('has bits set beyond its length');
		expect(networkFault('2001:db8::1/32')).toBe('has bits set beyond its length');
		expect(networkFault('::ffff:10.0.0.0/104')).toBe('write a network of IPv4 as IPv4');
	});
});
