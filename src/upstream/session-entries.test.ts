import { describe, expect, it } from 'vitest';
import type { ScopeKey } from '../lib/scope.ts';
import { createEntries, type Entry, NO_CAPABILITIES } from './session-entries.ts';
import type { Target } from './target.ts';

const MAX_PROFILES = 16;
const MAX_OWNED = 64;
const PROFILE = '{"roots":{}}';

const target = (kind: 'http' | 'sse' | 'stdio', key = 'scope') =>
	({ server: { transport: { kind } }, credential: { key: key as ScopeKey } }) as unknown as Target;
const HTTP = target('http');
const STDIO = target('stdio');
const wanted = (owner: string, profile = PROFILE, isExclusive = false) => ({
	owner,
	profile,
	isExclusive,
	signal: undefined,
});

function entries() {
	const retired: Entry[] = [];
	return { retired, entries: createEntries((entry) => void retired.push(entry)) };
}

describe('shared sessions', () => {
	it('are one for each scope and profile', () => {
		const { entries: all } = entries();
		const one = all.shared(HTTP, PROFILE);
		expect(all.shared(target('http'), PROFILE)).toBe(one);
		expect(all.shared(HTTP, NO_CAPABILITIES)).not.toBe(one);
		expect(all.shared(target('http', 'other'), PROFILE)).not.toBe(one);
		expect(one.owner).toBeUndefined();
	});

	it('are at most sixteen of a scope: the oldest goes, and never the common one', () => {
		const { entries: all, retired } = entries();
		const common = all.shared(HTTP, NO_CAPABILITIES);
		const made = Array.from({ length: MAX_PROFILES - 1 }, (_, index) => all.shared(HTTP, `{"x":${index}}`));
		expect(retired).toEqual([]);
		all.shared(HTTP, '{"one":"more"}');
		expect(retired).toEqual([made[0]]);
		expect(all.shared(HTTP, NO_CAPABILITIES)).toBe(common);
		expect(all.all()).toHaveLength(MAX_PROFILES);
	});
});

describe('shared sessions that are all still opening', () => {
	it('make no room for another set of capabilities, and always for the common one', () => {
		const { entries: all, retired } = entries();
		const opening = new Promise<never>(() => undefined);
		const made = Array.from({ length: MAX_PROFILES }, (_, index) => all.shared(HTTP, `{"x":${index}}`));
		for (const entry of made) entry.opening = opening;
		expect(() => all.shared(HTTP, '{"one":"more"}')).toThrow(expect.objectContaining({ code: 'PC_UPSTREAM_BUSY' }));
		expect(all.shared(HTTP, NO_CAPABILITIES)).toBeDefined();
		made[3]!.openedAt = 1;
		expect(all.shared(HTTP, '{"one":"more"}')).toBeDefined();
		expect(retired).toEqual([made[3]]);
	});
});

describe('sessions of one person', () => {
	it('are nobody else’s, in no other scope, under no other capabilities, and never the shared one', () => {
		const { entries: all } = entries();
		const mine = all.owned(HTTP, wanted('ada'));
		const others = [
			all.owned(HTTP, wanted('eve')),
			all.owned(target('http', 'other'), wanted('ada')),
			all.owned(HTTP, wanted('ada', '{"sampling":{}}')),
			all.shared(HTTP, PROFILE),
		];
		expect(others).not.toContain(mine);
		expect(new Set(others).size).toBe(others.length);
	});

	it('cannot be had by a name that looks like another one’s', () => {
		const { entries: all } = entries();
		const one = all.owned(HTTP, wanted('a","b', '{}'));
		expect(all.owned(HTTP, wanted('b', '{}","a'))).not.toBe(one);
		expect(all.shared(HTTP, JSON.stringify(['{}', 'a","b', 0]))).not.toBe(undefined);
	});

	it('serve several calls of that person over http', () => {
		const { entries: all } = entries();
		const first = all.owned(HTTP, wanted('ada'));
		expect(all.owned(HTTP, wanted('ada'))).toBe(first);
		expect(first.leases).toBe(2);
	});

	it.each(['sse', 'stdio'] as const)('serve one call at a time over %s, and the next when it is given back', (kind) => {
		const { entries: all } = entries();
		const first = all.owned(target(kind), wanted('ada', PROFILE, true));
		const second = all.owned(target(kind), wanted('ada', PROFILE, true));
		expect(second).not.toBe(first);
		first.leases--;
		expect(all.owned(target(kind), wanted('ada', PROFILE, true))).toBe(first);
		expect(all.all()).toHaveLength(2);
	});

	it('are at most sixty-four of a scope: a free one makes room, and without one the server is busy', () => {
		const { entries: all, retired } = entries();
		const made = Array.from({ length: MAX_OWNED - 1 }, (_, index) => all.owned(STDIO, wanted(`p${index}`)));
		made.push(all.owned(STDIO, wanted('last')));
		expect(retired).toEqual([]);
		expect(() => all.owned(STDIO, wanted('one more'))).toThrow(
			expect.objectContaining({ code: 'PC_UPSTREAM_BUSY', facts: { retryAfterSeconds: 5 } }),
		);
		expect(all.all()).toHaveLength(MAX_OWNED);
		expect(all.owned(target('stdio', 'other'), wanted('one more')).leases).toBe(1);
		made[7]!.leases--;
		expect(all.owned(STDIO, wanted('one more')).leases).toBe(1);
		expect(retired).toEqual([made[7]]);
	});

	it('that are still opening do not make room: a child of theirs would be nobody’s', () => {
		const { entries: all, retired } = entries();
		const made = Array.from({ length: MAX_OWNED }, (_, index) => all.owned(STDIO, wanted(`p${index}`)));
		// Whoever wanted it has gone meanwhile.
		made[0]!.leases--;
		made[0]!.opening = new Promise(() => undefined);
		expect(() => all.owned(STDIO, wanted('one more'))).toThrow(expect.objectContaining({ code: 'PC_UPSTREAM_BUSY' }));
		expect(retired).toEqual([]);
		made[0]!.openedAt = 1;
		expect(all.owned(STDIO, wanted('one more')).leases).toBe(1);
		expect(retired).toEqual([made[0]]);
	});

	it('that still carry a request do not make room', () => {
		const { entries: all, retired } = entries();
		const made = Array.from({ length: MAX_OWNED }, (_, index) => all.owned(STDIO, wanted(`p${index}`)));
		made[0]!.leases--;
		made[0]!.inFlight++;
		expect(() => all.owned(STDIO, wanted('one more'))).toThrow(expect.objectContaining({ code: 'PC_UPSTREAM_BUSY' }));
		expect(retired).toEqual([]);
		// A person who has one goes on.
		expect(all.owned(HTTP, wanted('p3')).leases).toBe(2);
	});
});
