import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseKeyRing, weakness } from './parse-key-ring.ts';

const KEY = randomBytes(32);
const OTHER = randomBytes(32);
const b64 = (key: Buffer): string => key.toString('base64');

describe('the keys of a ring', () => {
	it.each([
		['base64', b64(KEY)],
		['base64url', KEY.toString('base64url')],
		['hex', KEY.toString('hex')],
	])('are read from %s', (_, text) => {
		expect(parseKeyRing(`2026:${text}`)).toEqual({ keys: [{ id: '2026', key: KEY }] });
	});

	it('stand on lines or between commas, the one that seals first, with comments beside', () => {
		const wanted = {
			keys: [
				{ id: 'b', key: KEY },
				{ id: 'a', key: OTHER },
			],
		};
		expect(parseKeyRing(`# new\nb:${b64(KEY)}\n\n# old\na:${b64(OTHER)}\n`)).toEqual(wanted);
		expect(parseKeyRing(`b:${b64(KEY)}, a:${b64(OTHER)}`)).toEqual(wanted);
	});

	it.each([
		['of another length', randomBytes(31)],
		['of double length', randomBytes(64)],
		['of zeros', Buffer.alloc(32)],
		['of one byte', Buffer.alloc(32, 0xa7)],
		['of two bytes', Buffer.from('ab01'.repeat(16), 'hex')],
		['that are text', Buffer.from('correct horse battery staple 123')],
		['that are hex once more', Buffer.from(randomBytes(16).toString('hex'))],
		['that count', Buffer.from(Array.from({ length: 32 }, (_, at) => at + 200))],
		['that count by three', Buffer.from(Array.from({ length: 32 }, (_, at) => at * 3))],
		['of which half is zeros', Buffer.concat([randomBytes(16), Buffer.alloc(16)])],
	])('are refused when they are %s, and the fault does not quote them', (_, key) => {
		const reading = parseKeyRing(`2026:${b64(key)}`);
		expect(reading).toMatchObject({ faults: [expect.stringMatching(/^key 1 (has|is) /)] });
		expect(JSON.stringify(reading)).not.toContain(b64(key).slice(0, 12));
	});

	it('are never refused when a random generator made them', () => {
		for (let trial = 0; trial < 20_000; trial++) expect(weakness(randomBytes(32))).toBeUndefined();
	});

	it.each([
		['', 'there is no key'],
		['# nothing', 'there is no key'],
		[b64(KEY), 'key 1 must be written as id:key'],
		[`UPPER:${b64(KEY)}`, 'key 1 must be written as id:key'],
		['a:***', 'key 1 is not base64 or hex'],
		[`a:${b64(KEY)},a:${b64(OTHER)}`, 'id a is given twice'],
		[`a:${b64(KEY)},b:${b64(KEY)}`, 'keys a and b are the same'],
	])('cannot be %j', (text, fault) => {
		expect(parseKeyRing(text)).toMatchObject({ faults: [expect.stringContaining(fault)] });
	});
});
