import { describe, expect, it } from 'vitest';
import { createKeyText, isKeyText, keyDigest, keyPrefix } from './api-key-text.ts';

// Its checksum was made by another program.
const KNOWN = 'pc_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg_2zKd6h';

describe('an API key', () => {
	it('has 43 random characters of 62 and a checksum', () => {
		const keys = Array.from({ length: 500 }, createKeyText);
		expect(new Set(keys).size).toBe(500);
		for (const key of keys) {
			expect(key).toMatch(/^pc_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
			expect(isKeyText(key)).toBe(true);
		}
		const seen = new Set(keys.flatMap((key) => [...key.slice(3, 46)]));
		expect(seen.size).toBe(62);
	});

	it('keeps its form for ever: keys that were given out stay keys', () => {
		expect(isKeyText(KNOWN)).toBe(true);
	});

	it('is refused with any one character another, two exchanged, or cut', () => {
		const key = createKeyText();
		for (let at = 0; at < key.length; at++) {
			const other = key[at] === 'x' ? 'y' : 'x';
			expect(isKeyText(key.slice(0, at) + other + key.slice(at + 1)), `character ${at}`).toBe(false);
			expect(isKeyText(key.slice(0, at))).toBe(false);
			const [a, b] = [key[at], key[at + 1]];
			if (a === b || b === undefined) continue;
			expect(isKeyText(key.slice(0, at) + b + a + key.slice(at + 2)), `exchanged at ${at}`).toBe(false);
		}
		for (const text of [`${key}x`, ` ${key}`, `${key}\n`, key.toUpperCase(), '', 'pc_', 'eyJhbGciOi.x.y']) {
			expect(isKeyText(text), JSON.stringify(text)).toBe(false);
		}
		expect(isKeyText(key)).toBe(true);
	});

	it('is kept as its SHA-256 and shown by its beginning', () => {
		expect(keyDigest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
		const key = createKeyText();
		expect(key.startsWith(keyPrefix(key))).toBe(true);
		expect(keyPrefix(key)).toHaveLength(9);
	});
});
