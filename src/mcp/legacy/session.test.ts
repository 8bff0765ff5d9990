import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSealer } from '../../lib/seal.ts';
import { createSessionIds, isSessionOf, newClaim, profileOf } from './session.ts';

const ADA = { key: 'issuer/tid/ada' };
const BOB = { key: 'issuer/tid/bob' };
const SERVER = { kind: 'server', workspace: 'google', server: 'jira' } as const;
const about = { principal: ADA, address: SERVER, revision: 'r1', upstream: 'up-1', profile: '{}' };
const ids = createSessionIds(createSealer(randomBytes(32), 'mcp-session'));

describe('a session id', () => {
	it('reads back as what it was minted of, and fits into a header', () => {
		const claim = newClaim(about);
		const id = ids.mint(claim);
		expect(ids.read(id)).toEqual(claim);
		expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
	});

	it('is read by another instance with the same key, since it needs no memory', () => {
		const key = randomBytes(32);
		const [one, two] = [0, 0].map(() => createSessionIds(createSealer(key, 'mcp-session')));
		const claim = newClaim(about);
		expect(two!.read(one!.mint(claim))).toEqual(claim);
	});

	it('is ours or unknown', () => {
		const id = ids.mint(newClaim(about));
		const other = createSessionIds(createSealer(randomBytes(32), 'mcp-session'));
		for (const forged of ['', 'x', `${id}A`, id.slice(1), other.mint(newClaim(about))])
			expect(ids.read(forged)).toBeUndefined();
		expect(ids.read(id)).toBeDefined();
	});

	it('is unknown once its session has ended, and no other is', () => {
		const [one, two] = [newClaim(about), newClaim(about)];
		const [first, second] = [ids.mint(one), ids.mint(two)];
		expect(ids.read(first)).toEqual(one);
		ids.end(one);
		expect([ids.read(first), ids.read(second)]).toEqual([undefined, two]);
	});

	it('is another one each time, and names its owner by a digest alone', () => {
		const [one, two] = [newClaim(about), newClaim(about)];
		expect(one.nonce).not.toBe(two.nonce);
		expect(JSON.stringify(one)).not.toContain(ADA.key);
	});
});

describe('a session', () => {
	const claim = newClaim(about);

	it('belongs to one principal, one address and one definition of the server', () => {
		expect(isSessionOf(claim, ADA, SERVER, 'r1')).toBe(true);
		expect(isSessionOf(claim, BOB, SERVER, 'r1')).toBe(false);
		expect(isSessionOf(claim, ADA, SERVER, 'r2')).toBe(false);
		for (const address of [
			{ ...SERVER, server: 'git' },
			{ ...SERVER, workspace: 'microsoft' },
			{ kind: 'workspace', workspace: 'google' },
			{ kind: 'all' },
		] as const)
			expect(isSessionOf(claim, ADA, address, 'r1')).toBe(false);
	});
});

describe('the profile of declared capabilities', () => {
	it('does not depend on the order in which they were declared', () => {
		const reversed = (value: unknown): unknown => {
			if (typeof value !== 'object' || value === null) return value;
			if (Array.isArray(value)) return value.map(reversed);
			return Object.fromEntries(
				Object.entries(value)
					.reverse()
					.map(([key, inner]) => [key, reversed(inner)]),
			);
		};
		const declared = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 3 }), {
			noNullPrototype: true,
		});
		fc.assert(
			fc.property(declared, (capabilities) => {
				const other = reversed(capabilities) as Record<string, unknown>;
				expect(profileOf(other)).toBe(profileOf(capabilities));
			}),
		);
	});

	it('tells different declarations apart, and says what they were', () => {
		const profile = profileOf({ sampling: {}, elicitation: { form: {} }, x: [2, 1] });
		expect(profile).toBe('{"elicitation":{"form":{}},"sampling":{},"x":[2,1]}');
		expect(profileOf({ x: [1, 2] })).not.toBe(profileOf({ x: [2, 1] }));
		expect(profileOf(undefined)).toBe('{}');
	});

	it('is empty when they are too large to carry: that only takes away', () => {
		const filled = (length: number) => ({ x: 'y'.repeat(length - '{"x":""}'.length) });
		expect(profileOf(filled(2_048))).toHaveLength(2_048);
		expect(profileOf(filled(2_049))).toBe('{}');
	});
});
