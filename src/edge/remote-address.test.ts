import { describe, expect, test } from 'vitest';
import { createIsWithin } from '../lib/networks.ts';
import { remoteAddressOf } from './remote-address.ts';

const isProxy = createIsWithin(['10.0.0.0/8', 'fd00::/8']);

const addressOf = (peer: string, ...forwarded: readonly string[]): string =>
	remoteAddressOf(peer, ['Host', 'localhost', ...forwarded.flatMap((value) => ['X-Forwarded-For', value])], isProxy);

describe('the address of a caller', () => {
	const CASES: readonly [string, string, readonly string[], string][] = [
		['is the peer’s, whatever a caller writes', '192.0.2.1', ['198.51.100.7'], '192.0.2.1'],
		['is what a proxy tells', '10.0.0.1', ['198.51.100.7'], '198.51.100.7'],
		[
			'is the last one a proxy tells, not the first a caller wrote',
			'10.0.0.1',
			['203.0.113.9, 198.51.100.7'],
			'198.51.100.7',
		],
		['is told behind several proxies', '10.0.0.1', ['203.0.113.9, 198.51.100.7, 10.0.0.2'], '198.51.100.7'],
		['is told in several headers', '::ffff:10.0.0.1', ['203.0.113.9', '198.51.100.7', '10.0.0.2'], '198.51.100.7'],
		['may come with a port', '10.0.0.1', ['198.51.100.7:4711'], '198.51.100.7'],
		['may come in brackets', 'fd00::1', ['[2001:db8::7]:4711'], '2001:db8::7'],
		['is the proxy’s where none is told', '10.0.0.1', [], '10.0.0.1'],
		['is the first proxy’s where all are proxies', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
		['is the last known one where an entry is no address', '10.0.0.1', ['198.51.100.7, unknown, 10.0.0.2'], '10.0.0.2'],
		['is the proxy’s where the header is empty', '10.0.0.1', [''], '10.0.0.1'],
		['is not known where the peer has gone', '', ['198.51.100.7'], ''],
	];
	test.each(CASES)('%s', (_, peer, forwarded, expected) => expect(addressOf(peer, ...forwarded)).toBe(expected));
});
