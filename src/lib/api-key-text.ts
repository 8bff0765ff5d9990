import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What every API key begins with; no access token does. */
export const KEY_START = 'pc_';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 62^43 is a little more than 2^256. */
const RANDOM_CHARS = 43;
const CHECK_CHARS = 6;
/** How much of a key is shown to tell it from others; what stays unknown is more than 220 bits. */
const SHOWN_CHARS = KEY_START.length + 6;
const FORM = new RegExp(`^${KEY_START}[0-9A-Za-z]{${RANDOM_CHARS}}_[0-9A-Za-z]{${CHECK_CHARS}}$`);

/** Makes an API key: `pc_`, 43 random base62 characters (256 bits), `_` and a checksum of 6. */
export function createKeyText(): string {
	const random = Array.from({ length: RANDOM_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
	const start = KEY_START + random;
	return `${start}_${checksumOf(start)}`;
}

/** Whether a text has the form and the checksum of an API key: what was mistyped or cut costs no lookup. */
export function isKeyText(text: string): boolean {
	return FORM.test(text) && text.slice(-CHECK_CHARS) === checksumOf(text.slice(0, -CHECK_CHARS - 1));
}

/** SHA-256 in hex: all that is kept of a key. It is as random as a hash is long, so no slow hash is needed. */
export function keyDigest(key: string): string {
	return hash('sha256', key, 'hex');
}

/** The beginning of a key, by which people tell which one it is. */
export function keyPrefix(key: string): string {
	return key.slice(0, SHOWN_CHARS);
}

// CRC-32 in base62. It says what is mistyped, and nothing about what is genuine.
function checksumOf(text: string): string {
	let rest = crc32(text);
	let checksum = '';
	for (let place = 0; place < CHECK_CHARS; place++) {
		checksum = ALPHABET[rest % ALPHABET.length] + checksum;
		rest = Math.floor(rest / ALPHABET.length);
	}
	return checksum;
}
