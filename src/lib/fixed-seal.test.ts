import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFixedSealer } from './fixed-seal.ts';

const key = randomBytes(32);
const sealer = createFixedSealer(key, 'test');
const text = fc.string({ unit: 'grapheme' });

describe('text that is sealed alike each time', () => {
	it('opens to what was sealed, for its holder alone', () => {
		fc.assert(
			fc.property(text, text, text, (value, holder, other) => {
				const sealed = sealer.seal(value, holder);
				expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
				expect(sealer.open(sealed, holder)).toBe(value);
				expect(sealer.open(sealed, other)).toBe(other === holder ? value : undefined);
			}),
		);
	});

	it('is the same exactly for the same text and holder, also for another instance with the key', () => {
		const twin = createFixedSealer(key, 'test');
		fc.assert(
			fc.property(text, text, text, text, (one, two, here, there) => {
				expect(twin.seal(one, here)).toBe(sealer.seal(one, here));
				expect(sealer.seal(one, here) === sealer.seal(two, there)).toBe(one === two && here === there);
			}),
		);
	});

	it('does not share its beginning, where the IV stands, with another text or holder', () => {
		const pairs = [
			['a', 'b'],
			['b', 'a'],
			['a', 'c'],
			['', 'ab'],
			['ab', ''],
		] as const;
		const ivs = pairs.map(([value, holder]) => sealer.seal(value, holder).slice(0, 16));
		expect(new Set(ivs).size).toBe(pairs.length);
	});

	it('does not show what was sealed', () => {
		const sealed = Buffer.from(sealer.seal('plain words', 'ada'), 'base64url').toString('latin1');
		expect(sealed).not.toMatch(/plain|ada/);
	});

	it('does not open when any one bit is another, or for another key or purpose', () => {
		const sealed = sealer.seal('t-1', 'ada');
		const bytes = Buffer.from(sealed, 'base64url');
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const forged = Buffer.from(bytes);
			forged[bit >> 3]! ^= 1 << (bit & 7);
			expect(sealer.open(forged.toString('base64url'), 'ada')).toBeUndefined();
		}
		expect(createFixedSealer(key, 'other').open(sealed, 'ada')).toBeUndefined();
		expect(createFixedSealer(randomBytes(32), 'test').open(sealed, 'ada')).toBeUndefined();
	});

	it('does not open when it is shorter, longer, spelled differently, or anything else', () => {
		const sealed = sealer.seal('t', 'ada');
		for (let length = 0; length < sealed.length; length++)
			expect(sealer.open(sealed.slice(0, length), 'ada')).toBeUndefined();
		for (const other of [`${sealed}A`, `${sealed}=`, ` ${sealed}`, `${sealed.slice(0, 5)}!${sealed.slice(5)}`])
			expect(sealer.open(other, 'ada')).toBeUndefined();
		fc.assert(fc.property(fc.string(), (any) => sealer.open(any, 'ada') === undefined));
	});
});
