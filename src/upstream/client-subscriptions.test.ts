import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import type { Told } from './change-feed.ts';
import { createChanges } from './changes.ts';
import { createClientSubscriptions } from './client-subscriptions.ts';
import type { ResourceWatches } from './resource-watches.ts';
import type { Target } from './target.ts';

const HOUR_MS = 60 * 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const claim = (nonce: string, owner = 'ada') => ({ nonce, owner }) as SessionClaim;
const targetOf = (slug: string, revision = '1') =>
	({ server: { workspace: 'w', slug }, credential: { key: `${slug} ${revision}` } }) as unknown as Target;
const [S, T] = [targetOf('s'), targetOf('t')];
const keyOf = ({ credential }: Target): ScopeKey => credential.key;
const resource = (uri: string, target = S) => ({ target, uri, exposed: uri });

/** Subscriptions over watches that only count. */
function setUp() {
	const watched: string[] = [];
	const ended: string[] = [];
	let held = 0;
	const count = (name: string) => {
		watched.push(name);
		return () => void watched.splice(watched.indexOf(name), 1);
	};
	const watches = {
		watch: async (target: Target, uri: string) => count(`${target.credential.key} ${uri}`),
		hold: () => {
			held++;
			return () => held--;
		},
	} as unknown as ResourceWatches;
	const changes = createChanges();
	const subscriptions = createClientSubscriptions({
		changes,
		watches,
		sessionIds: { end: ({ nonce }) => void ended.push(nonce) },
	});
	const open = (session: SessionClaim, targets: readonly Target[] = [S]) => {
		const told: Told[] = [];
		const state = { ended: false };
		const stream = {
			targets,
			lists: ['tools'] as const,
			write: (each: Told) => void told.push(each),
			end: () => {
				state.ended = true;
				close();
			},
		};
		const close = subscriptions.open(session, stream);
		return { told, state, close };
	};
	return { subscriptions, watched, ended, changes, open, held: () => held };
}

const later = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
const updated = (uri: string) => ({ kind: 'resource', uri, params: { uri } }) as const;

describe('what a session watches', () => {
	it('reaches its stream, what lies within it too, and nothing else does', async () => {
		const { subscriptions, changes, open } = setUp();
		const { told } = open(claim('a'));
		await subscriptions.subscribe(claim('a'), resource('file:///docs'));
		await subscriptions.subscribe(claim('b'), resource('file:///other'));
		for (const uri of ['file:///docs', 'file:///docs/a/b', 'file:///docs2', 'file:///', 'file:///other'])
			changes.publish(keyOf(S), updated(uri));
		changes.publish(keyOf(T), updated('file:///docs'));
		await later();
		expect(told.map((each) => each.kind === 'resource' && each.uri)).toEqual(['file:///docs', 'file:///docs/a/b']);
	});

	it('is named as the caller named it, and what lies within it alike', async () => {
		const { subscriptions, changes, open } = setUp();
		const { told } = open(claim('a'));
		await subscriptions.subscribe(claim('a'), { target: S, uri: 'a:x', exposed: 'portcullis://w/s/a%3Ax' });
		for (const uri of ['a:x', 'a:x/y']) changes.publish(keyOf(S), updated(uri));
		await later();
		const uris = told.map((each) => each.kind === 'resource' && each.uri);
		expect(uris).toEqual(['portcullis://w/s/a%3Ax', 'portcullis://w/s/a%3Ax%2Fy']);
	});

	it('ends with the session, once, and its streams end too', async () => {
		const { subscriptions, watched, open, held, changes } = setUp();
		const { state } = open(claim('a'));
		await subscriptions.subscribe(claim('a'), resource('a:1'));
		subscriptions.end(claim('b'));
		expect([watched, held(), state.ended]).toEqual([['s 1 a:1'], 1, false]);
		subscriptions.end(claim('a'));
		expect([watched, held(), state.ended, subscriptions.size, changes.size]).toEqual([[], 0, true, 0, 0]);
	});

	it('is at most 1,000 resources', async () => {
		const { subscriptions, watched } = setUp();
		const subscribe = (at: number) =>
			subscriptions.subscribe(claim('a'), resource(`a:${at}`)).then(() => 'watched', errorCode);
		for (let at = 0; at < 999; at++) await subscribe(at);
		expect(await subscribe(999)).toBe('watched');
		expect(await subscribe(1_000)).toBe('PC_SUBSCRIPTIONS_FULL');
		expect(await subscribe(0)).toBe('watched');
		expect(watched).toHaveLength(1_000);
		subscriptions.unsubscribe(claim('a'), 'a:5');
		expect(await subscribe(1_000)).toBe('watched');
	});
});

describe('an abandoned session', () => {
	it('ends after an hour without use, and lets go of what it watched', async () => {
		const { subscriptions, watched, ended } = setUp();
		for (const nonce of ['idle', 'used']) await subscriptions.subscribe(claim(nonce), resource(`a:${nonce}`));
		await later(HOUR_MS / 2);
		subscriptions.touch(claim('used'));
		await later(HOUR_MS / 2 + 1);
		expect([ended, watched]).toEqual([['idle'], ['s 1 a:used']]);
		await later(HOUR_MS);
		expect([ended, watched, subscriptions.size, vi.getTimerCount()]).toEqual([['idle', 'used'], [], 0, 0]);
	});

	it('is not one whose stream is open', async () => {
		const { subscriptions, ended, open } = setUp();
		await subscriptions.subscribe(claim('a'), resource('a:1'));
		const { close } = open(claim('a'));
		await later(5 * HOUR_MS);
		expect(ended).toEqual([]);
		close();
		await later(HOUR_MS / 2);
		expect(ended).toEqual([]);
		await later(HOUR_MS);
		expect(ended).toEqual(['a']);
	});

	it('makes room for newer ones of its owner, and costs nobody else theirs', async () => {
		const { subscriptions, watched, ended } = setUp();
		await subscriptions.subscribe(claim('bobs', 'bob'), resource('a:bob'));
		for (let at = 0; at < 100; at++) await subscriptions.subscribe(claim(`${at}`), resource(`a:${at}`));
		expect(ended).toEqual([]);
		await subscriptions.subscribe(claim('100'), resource('a:100'));
		expect(ended).toEqual(['0']);
		expect(watched).toContain('s 1 a:bob');
		expect(watched).not.toContain('s 1 a:0');
	});

	it('that only listened costs nothing, ten thousand times', async () => {
		const { subscriptions, open, held, changes } = setUp();
		for (let at = 0; at < 10_000; at++) {
			const { close } = open(claim(`${at}`));
			close();
		}
		expect([subscriptions.size, held(), changes.size]).toEqual([0, 0, 0]);
	});

	it('that watched costs nothing in the end, ten thousand times', async () => {
		const { subscriptions, watched, changes } = setUp();
		for (let at = 0; at < 10_000; at++) {
			await subscriptions.subscribe(claim(`${at}`, `owner ${at % 500}`), resource('a:1'));
		}
		await later(2 * HOUR_MS);
		expect([subscriptions.size, watched.length, changes.size, vi.getTimerCount()]).toEqual([0, 0, 0, 0]);
	});
});

describe('streams of a session', () => {
	it('are eight at most: the oldest ends for a ninth', () => {
		const { open } = setUp();
		const streams = Array.from({ length: 8 }, () => open(claim('a')));
		expect(streams.some(({ state }) => state.ended)).toBe(false);
		open(claim('a'));
		expect(streams.map(({ state }) => state.ended)).toEqual([true, ...Array(7).fill(false)]);
	});

	it('with fewer servers than the one before hear nothing of the others', async () => {
		const { subscriptions, changes, open, watched } = setUp();
		const session = claim('a');
		const first = open(session, [S, T]);
		await subscriptions.subscribe(session, resource('a:s', S));
		await subscriptions.subscribe(session, resource('a:t', T));
		changes.publish(keyOf(T), { kind: 'list', list: 'tools' });
		const second = open(session, [S]);
		expect(watched).toEqual(['s 1 a:s']);
		changes.publish(keyOf(T), updated('a:t'));
		changes.publish(keyOf(T), { kind: 'list', list: 'tools' });
		changes.publish(keyOf(S), updated('a:s'));
		await later(100);
		expect([first.told, second.told]).toEqual([[], [updated('a:s')]]);
	});

	it('follow a server that was defined anew', async () => {
		const { subscriptions, changes, open, watched } = setUp();
		await subscriptions.subscribe(claim('a'), resource('a:1'));
		const anew = targetOf('s', '2');
		const { told } = open(claim('a'), [anew]);
		await later();
		expect(watched).toEqual(['s 2 a:1']);
		changes.publish(keyOf(anew), updated('a:1'));
		await later();
		expect(told).toEqual([updated('a:1')]);
	});
});
