import { isIPv4, isIPv6 } from 'node:net';
import { createIsWithin, type IsWithin } from '../networks.ts';

/** Networks of IPv4 that are no place of the public internet (RFC 6890 and the IANA registry that follows it). */
const SPECIAL_V4 = [
	'0.0.0.0/8',
	'10.0.0.0/8',
	'100.64.0.0/10',
	'127.0.0.0/8',
	'169.254.0.0/16',
	'172.16.0.0/12',
	'192.0.0.0/24',
	'192.0.2.0/24',
	'192.31.196.0/24',
	'192.52.193.0/24',
	'192.88.99.0/24',
	'192.168.0.0/16',
	'192.175.48.0/24',
	'198.18.0.0/15',
	'198.51.100.0/24',
	'203.0.113.0/24',
	'224.0.0.0/3',
	// Looks public, and answers each machine of Azure about itself.
	'168.63.129.16/32',
];

/** The part of IPv6 that is handed out at all (RFC 4291 §2.4). */
const GLOBAL_V6 = ['2000::/3'];

/** What of it is no place of the public internet; Teredo (2001::/32) and 6to4 (2002::/16) hold an IPv4 address. */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

/** IPv4 behind the well-known prefix of NAT64 (RFC 6052 §2.1), which is how a network without IPv4 reaches it. */
const NAT64 = ['64:ff9b::/96'];

/**
 * Tells the addresses that anybody on the internet may have from those that lead into some network of ours. What is no
 * address, or carries a zone, is not public; one of IPv6 that stands for one of IPv4 is judged as that.
 */
export function createIsPublicAddress(): IsWithin {
	const isSpecialV4 = createIsWithin(SPECIAL_V4);
	const isGlobalV6 = createIsWithin(GLOBAL_V6);
	const isSpecialV6 = createIsWithin(SPECIAL_V6);
	const isNat64 = createIsWithin(NAT64);
	const isPublicV4 = (address: string): boolean => isIPv4(address) && !isSpecialV4(address);
	return (address) => {
		if (isIPv4(address)) return isPublicV4(address);
		if (!isIPv6(address) || address.includes('%')) return false;
		const inner = isNat64(address) || isMapped(address) ? lastQuad(address) : undefined;
		if (inner !== undefined) return isPublicV4(inner);
		return isGlobalV6(address) && !isSpecialV6(address);
	};
}

// `URL` spells an address of IPv6 in one way only: the shortest, in lower case, without dots.
function canonical(address: string): string {
	return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

function isMapped(address: string): boolean {
	return /^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(canonical(address));
}

function lastQuad(address: string): string {
	const groups = canonical(address).replace(/::$/, ':0:0').split(':').slice(-2);
	const [high = 0, low = 0] = groups.map((group) => Number.parseInt(group || '0', 16));
	return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
