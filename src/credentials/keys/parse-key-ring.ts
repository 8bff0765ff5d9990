import type { RingKey } from './key-ring.ts';

/** Keys of a ring, or what is wrong with the text; faults name the place and never a value. */
export type KeyRingReading =
	| { readonly keys: readonly [RingKey, ...RingKey[]] }
	| { readonly faults: readonly string[] };

const KEY_BYTES = 32;
/** 32 random bytes have fewer than 20 different ones once in about 10^12 keys. */
const LEAST_DIFFERENT = 20;

const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/**
 * Reads `id:key` entries, one a line or with commas between them; the first one is the key that wraps. A key is 32 bytes in
 * base64, base64url or hex, and looks like what a random generator makes.
 */
export function parseKeyRing(text: string): KeyRingReading {
	const entries = text
		.split(/[\n,]/)
		.map((entry) => entry.trim())
		.filter((entry) => entry !== '' && !entry.startsWith('#'));
	const read = entries.map(readEntry);
	const keys = read.flatMap((entry) => ('key' in entry ? [entry] : []));
	const faults = [
		...read.flatMap((entry, at) => ('fault' in entry ? [`key ${at + 1} ${entry.fault}`] : [])),
		...repeated(keys),
	];
	const [first, ...older] = keys;
	if (faults.length > 0) return { faults };
	return first === undefined ? { faults: ['there is no key'] } : { keys: [first, ...older] };
}

function readEntry(entry: string): RingKey | { readonly fault: string } {
	const colon = entry.indexOf(':');
	const id = entry.slice(0, Math.max(colon, 0)).trim();
	if (!ID.test(id)) return { fault: 'must be written as id:key, with an id of a-z, 0-9, dots, dashes and underscores' };
	const key = bytesOf(entry.slice(colon + 1).trim());
	const fault = key === undefined ? 'is not base64 or hex' : weakness(key);
	return key === undefined || fault !== undefined ? { fault: fault ?? '' } : { id, key };
}

function bytesOf(text: string): Buffer | undefined {
	if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
	return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** What keeps bytes from being a good key; `undefined` when nothing does. */
export function weakness(key: Buffer): string | undefined {
	if (key.length !== KEY_BYTES) return `has ${key.length} bytes and needs ${KEY_BYTES}`;
	const different = new Set(key).size;
	if (different === 1) return 'is one byte again and again';
	// A passphrase, or hex that was encoded once more.
	if (key.every((byte) => byte >= 0x20 && byte < 0x7f)) return 'is text; take bytes of a random generator';
	const steps = new Set([...key.subarray(1)].map((byte, at) => (byte - (key[at] ?? 0) + 256) % 256));
	if (different < LEAST_DIFFERENT || steps.size < LEAST_DIFFERENT / 2) {
		return 'is not random; take bytes of a random generator';
	}
	return undefined;
}

function repeated(keys: readonly RingKey[]): readonly string[] {
	return keys.flatMap(({ id, key }, at) => {
		const before = keys.slice(0, at);
		if (before.some((other) => other.id === id)) return [`id ${id} is given twice`];
		const same = before.find((other) => other.key.equals(key));
		return same === undefined ? [] : [`keys ${same.id} and ${id} are the same`];
	});
}
