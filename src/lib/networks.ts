import { isIP } from 'node:net';

/** A network as `first/length`, such as `10.0.0.0/8`; a single address without a length is a network of one. */
interface Network {
	readonly bits: 32 | 128;
	readonly length: number;
	readonly first: bigint;
}

/** Whether an address is in one of the networks. What is no address is in none. */
export type IsWithin = (address: string) => boolean;

/** What is wrong with a text as a network; `undefined`: nothing. */
export function networkFault(text: string): string | undefined {
	const network = readNetwork(text);
	if (network === undefined) return 'write a network as 10.0.0.0/8, 2001:db8::/32 or one address';
	if (isMapped(network)) return 'write a network of IPv4 as IPv4';
	return network.first === firstOf(network) ? undefined : 'has bits set beyond its length';
}

/**
 * Reads networks once, to be asked often. An IPv4 address that a socket tells as IPv6 (`::ffff:10.1.2.3`) is the IPv4
 * address. Texts that are no networks hold nothing: a list of them lets nobody in.
 */
export function createIsWithin(texts: readonly string[]): IsWithin {
	const networks = texts.flatMap((text) => (networkFault(text) === undefined ? (readNetwork(text) ?? []) : []));
	return (address) => {
		const found = readAddress(address);
		if (found === undefined) return false;
		return networks.some(({ bits, length, first }) => {
			return bits === found.bits && firstOf({ ...found, length }) === first;
		});
	};
}

type Address = Pick<Network, 'bits' | 'first'>;

function readNetwork(text: string): Network | undefined {
	const [address = '', length, ...rest] = text.split('/');
	const found = readPlain(address);
	if (found === undefined || rest.length > 0) return undefined;
	if (length === undefined) return { ...found, length: found.bits };
	if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > found.bits) return undefined;
	return { ...found, length: Number(length) };
}

function firstOf({ bits, length, first }: Network): bigint {
	const free = BigInt(bits - length);
	return (first >> free) << free;
}

const MAPPED = 0xffffn;

function readAddress(text: string): Address | undefined {
	const found = readPlain(text);
	if (found === undefined || !isMapped(found)) return found;
	return { bits: 32, first: found.first & 0xffffffffn };
}

function isMapped({ bits, first }: Address): boolean {
	return bits === 128 && first >> 32n === MAPPED;
}

function readPlain(text: string): Address | undefined {
	// A zone (`fe80::1%eth0`) names an interface of one machine.
	if (text.includes('%')) return undefined;
	const family = isIP(text);
	if (family === 4) return { bits: 32, first: readQuad(text) };
	return family === 6 ? { bits: 128, first: readSix(text) } : undefined;
}

function readQuad(text: string): bigint {
	return text.split('.').reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
}

// `isIP` has said that it is one: at most one `::`, and a dotted end at most.
function readSix(text: string): bigint {
	const hex = text.replace(/\d+\.\d+\.\d+\.\d+$/, (quad) => {
		const value = readQuad(quad);
		return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
	});
	const [head = '', tail] = hex.split('::');
	const before = groupsOf(head);
	const after = groupsOf(tail ?? '');
	const missing = tail === undefined ? 0 : 8 - before.length - after.length;
	return [...before, ...Array.from({ length: missing }, () => 0n), ...after].reduce((sum, group) => {
		return (sum << 16n) + group;
	}, 0n);
}

function groupsOf(text: string): readonly bigint[] {
	return text === '' ? [] : text.split(':').map((group) => BigInt(`0x${group}`));
}
