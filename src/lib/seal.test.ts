import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSealer } from './seal.ts';

const key = randomBytes(32);
const sealer = createSealer(key, 'test');

describe('sealed text', () => {
	it('opens to what was sealed', () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				expect(sealer.open(sealer.seal(value))).toEqual(JSON.parse(JSON.stringify(value)));
			}),
		);
	});

	it('is opaque, fit for a header, and never the same twice', () => {
		const first = sealer.seal({ secret: 'plain words' });
		expect(first).toMatch(/^[A-Za-z0-9_-]+$/);
		expect(Buffer.from(first, 'base64url').toString('latin1')).not.toContain('plain');
		expect(sealer.seal({ secret: 'plain words' })).not.toBe(first);
	});

	it('does not open when any one bit is another', () => {
		const bytes = Buffer.from(sealer.seal({ owner: 'ada' }), 'base64url');
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const forged = Buffer.from(bytes);
			forged[bit >> 3]! ^= 1 << (bit & 7);
			expect(sealer.open(forged.toString('base64url'))).toBeUndefined();
		}
	});

	it('does not open when it is shorter, longer or spelled differently', () => {
		const text = sealer.seal('x');
		for (let length = 0; length < text.length; length++) expect(sealer.open(text.slice(0, length))).toBeUndefined();
		for (const other of [`${text}A`, `${text}=`, ` ${text}`, `${text}\n`, `${text.slice(0, 5)}!${text.slice(5)}`])
			expect(sealer.open(other)).toBeUndefined();
		// The last character of base64url may have bits that no byte uses: only one spelling of them is ours.
		const spellings = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map(
			(last) => text.slice(0, -1) + last,
		);
		expect(spellings.filter((each) => sealer.open(each) !== undefined)).toEqual([text]);
	});

	it('does not open for another purpose or with another key', () => {
		const text = sealer.seal('x');
		expect(createSealer(key, 'other').open(text)).toBeUndefined();
		expect(createSealer(key, '').open(text)).toBeUndefined();
		expect(createSealer(randomBytes(32), 'test').open(text)).toBeUndefined();
		expect(createSealer(key, 'test').open(text)).toBe('x');
	});

	it('cannot be made of anything else', () => {
		fc.assert(fc.property(fc.string(), (text) => sealer.open(text) === undefined));
	});
});
