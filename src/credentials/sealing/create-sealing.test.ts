import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyRing, type RingKey } from '../keys/key-ring.ts';
import { createSealing, type SealBinding, type Sealed } from './create-sealing.ts';

const SIGNAL = new AbortController().signal;
const SECRET = 'a secret that nobody may ever see, 4711';
const UNREADABLE = { code: 'PC_SECRET_UNREADABLE', facts: {} };

const place = (parts: Partial<SealBinding> = {}): SealBinding => {
	return { purpose: 'credential', workspaceId: 'google', id: 'one', ...parts };
};
const newKey = (id: string): RingKey => ({ id, key: randomBytes(32) });
const failure = (work: Promise<unknown>): Promise<unknown> =>
	work.then(
		() => 'no failure',
		(error: unknown) => error,
	);

describe('a sealed value', () => {
	const [key, other] = [newKey('2026'), newKey('2025')];
	const sealing = createSealing(createKeyRing([key, other]));

	it('opens in its place and holds nothing of its text', async () => {
		const sealed = await sealing.seal(SECRET, place(), SIGNAL);
		expect(sealed.keyId).toBe('2026');
		expect(sealed.bytes.includes(Buffer.from('secret'))).toBe(false);
		expect(await sealing.open(sealed, place(), SIGNAL)).toBe(SECRET);
	});

	it('is another one each time, under a data key of its own', async () => {
		const [one, two] = [await sealing.seal(SECRET, place(), SIGNAL), await sealing.seal(SECRET, place(), SIGNAL)];
		const wrapped = (sealed: Sealed) => sealed.bytes.subarray(3, 63).toString('hex');
		expect(wrapped(one)).not.toBe(wrapped(two));
		expect(one.bytes.subarray(63).equals(two.bytes.subarray(63))).toBe(false);
	});

	it('opens neither in another workspace nor in another row nor for another purpose', async () => {
		const sealed = await sealing.seal(SECRET, place(), SIGNAL);
		for (const elsewhere of [
			place({ workspaceId: 'microsoft' }),
			place({ id: 'two' }),
			place({ purpose: 'key-check' }),
		])
			expect(await failure(sealing.open(sealed, elsewhere, SIGNAL))).toMatchObject(UNREADABLE);
	});

	it('is told apart from one whose workspace and row only read alike together', async () => {
		const sealed = await sealing.seal(SECRET, place({ workspaceId: 'a', id: 'b","c' }), SIGNAL);
		const swapped = sealing.open(sealed, place({ workspaceId: 'a","b', id: 'c' }), SIGNAL);
		expect(await failure(swapped)).toMatchObject(UNREADABLE);
	});

	it('opens with an older key that is still in the ring, and is no more readable once that has gone', async () => {
		const old = await createSealing(createKeyRing([other])).seal(SECRET, place(), SIGNAL);
		expect(await sealing.open(old, place(), SIGNAL)).toBe(SECRET);
		const without = createSealing(createKeyRing([key]));
		expect(await failure(without.open(old, place(), SIGNAL))).toMatchObject(UNREADABLE);
	});

	it('is put under the current key without a look at its text, and still opens in its own place alone', async () => {
		const old = await createSealing(createKeyRing([other])).seal(SECRET, place(), SIGNAL);
		const moved = await sealing.rewrap(old, SIGNAL);
		expect(moved.keyId).toBe('2026');
		expect(await createSealing(createKeyRing([key])).open(moved, place(), SIGNAL)).toBe(SECRET);
		expect(await failure(sealing.open(moved, place({ id: 'two' }), SIGNAL))).toMatchObject(UNREADABLE);
		expect(await sealing.rewrap(moved, SIGNAL)).toBe(moved);
	});

	it('gives no text and one and the same error for 10,000 values with a bit flipped', async () => {
		const sealed = await sealing.seal(SECRET, place(), SIGNAL);
		const bits = sealed.bytes.length * 8;
		let opened = 0;
		for (let trial = 0; trial < 10_000; trial++) {
			const bit = trial < bits ? trial : randomInt(bits);
			const bytes = Buffer.from(sealed.bytes);
			bytes[bit >> 3]! ^= 1 << (bit & 7);
			const result = await failure(sealing.open({ ...sealed, bytes }, place(), SIGNAL));
			if (!isUnreadable(result)) opened++;
		}
		expect(opened).toBe(0);
	});

	it('gives no text for 10,000 values in the rows of others, nor for parts of two put together', async () => {
		const owners = Array.from({ length: 101 }, (_, index) =>
			place({ workspaceId: `workspace-${index % 7}`, id: `row-${index}` }),
		);
		const sealed = await Promise.all(owners.map((owner) => sealing.seal(SECRET, owner, SIGNAL)));
		let [tried, opened] = [0, 0];
		const tryIt = async (value: Sealed, at: SealBinding): Promise<void> => {
			tried++;
			if (!isUnreadable(await failure(sealing.open(value, at, SIGNAL)))) opened++;
		};
		for (const [from, value] of sealed.entries())
			for (const [to, owner] of owners.entries()) if (from !== to) await tryIt(value, owner);
		const [head, body] = [sealed[0]!.bytes.subarray(0, 63), sealed[1]!.bytes.subarray(63)];
		const mixed = Buffer.concat([head, body]);
		for (const owner of owners) await tryIt({ ...sealed[0]!, bytes: mixed }, owner);
		expect(tried).toBeGreaterThan(10_000);
		expect(opened).toBe(0);
	});

	it('gives no text where it is cut, longer, empty or of another layout', async () => {
		const { keyId, bytes } = await sealing.seal(SECRET, place(), SIGNAL);
		const odd = [
			...Array.from({ length: bytes.length }, (_, length) => bytes.subarray(0, length)),
			Buffer.concat([bytes, Buffer.alloc(1)]),
			Buffer.concat([Buffer.from([2]), bytes.subarray(1)]),
		];
		for (const each of odd)
			expect(isUnreadable(await failure(sealing.open({ keyId, bytes: each }, place(), SIGNAL)))).toBe(true);
	});
});

function isUnreadable(error: unknown): boolean {
	const { code, facts, cause, message } = error as Record<string, unknown>;
	const says = JSON.stringify([facts, message]);
	return code === 'PC_SECRET_UNREADABLE' && cause === undefined && says.startsWith('[{},') && !says.includes(SECRET);
}
