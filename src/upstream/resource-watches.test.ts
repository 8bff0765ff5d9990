import { describe, expect, it } from 'vitest';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { Era } from '../mcp/revisions.ts';
import { createResourceWatches } from './resource-watches.ts';
import type { Session } from './session-entries.ts';
import type { Target } from './target.ts';
import type { WireRequest } from './wire.ts';

const targetOf = (name: string, kind = 'http') =>
	({ server: { workspace: 'w', slug: name, transport: { kind } }, credential: { key: name } }) as unknown as Target;

const TARGET = targetOf('s');

/** Watches over sessions that note what they are asked; the test decides how they answer and when they are lost. */
function setUp(era: Era, offers: object = { resources: { subscribe: true } }) {
	const asked: string[] = [];
	const keepers = new Set<() => void>();
	const reopened: ScopeKey[] = [];
	const refused = new Set<string>();
	let failure: PortcullisError | undefined;
	let opened = 0;
	const session = (): Session => ({
		info: { era, revision: '', capabilities: { ...offers }, serverInfo: '{}', instructions: undefined },
		notify: async () => undefined,
		async request({ method, paramsFor, stamp }: WireRequest) {
			const { uri } = JSON.parse(paramsFor(0));
			asked.push(`${method === 'resources/subscribe' ? '+' : '-'}${uri}`);
			await Promise.resolve();
			const value = refused.has(uri) ? { error: { code: -32002 } } : { result: {} };
			return { text: '', value, stamp };
		},
		async watch(uris) {
			if (era === 'modern') asked.push(uris.join(' '));
			return new Set(uris.filter((uri) => !refused.has(uri)));
		},
		keep(onLost) {
			keepers.add(onLost);
			return () => keepers.delete(onLost);
		},
	});
	const watches = createResourceWatches({
		sessions: {
			async acquire() {
				if (failure !== undefined) throw failure;
				opened++;
				return session();
			},
		},
		onReopened: (key) => reopened.push(key),
	});
	const lose = (): void => {
		const told = [...keepers];
		keepers.clear();
		for (const onLost of told) onLost();
	};
	const fail = (error: PortcullisError | undefined): void => {
		failure = error;
	};
	return { watches, asked, refused, keepers, reopened, lose, fail, opened: () => opened };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a watched resource', () => {
	it('is asked for once, and given up with its last watcher', async () => {
		const { watches, asked, keepers } = setUp('legacy');
		const stops = await Promise.all([1, 2, 3].map(() => watches.watch(TARGET, 'a:1')));
		stops.push(await watches.watch(TARGET, 'a:1'));
		expect([asked, watches.urisOf('s' as ScopeKey), keepers.size]).toEqual([['+a:1'], ['a:1'], 1]);
		stops[0]?.();
		stops[0]?.();
		for (const stop of stops.slice(1, 3)) stop();
		await settled();
		expect(asked).toEqual(['+a:1']);
		stops[3]?.();
		await settled();
		expect([asked, keepers.size, watches.size]).toEqual([['+a:1', '-a:1'], 0, 0]);
	});

	it('of a modern server is one of its filter, which shrinks again', async () => {
		const { watches, asked, keepers } = setUp('modern');
		const first = await watches.watch(TARGET, 'a:1');
		const second = await watches.watch(TARGET, 'a:2');
		first();
		await settled();
		second();
		await settled();
		expect([asked, keepers.size, watches.size]).toEqual([['a:1', 'a:1 a:2', 'a:2', ''], 0, 0]);
	});

	it.each(['legacy', 'modern'] as const)('given up and wanted again at once is asked for again (%s)', async (era) => {
		const { watches, asked } = setUp(era);
		const kept = await watches.watch(TARGET, 'a:0');
		const stop = await watches.watch(TARGET, 'a:1');
		stop();
		const again = await watches.watch(TARGET, 'a:1');
		await settled();
		expect(watches.urisOf('s' as ScopeKey)).toEqual(['a:0', 'a:1']);
		expect(asked.at(-1)).toBe(era === 'legacy' ? '+a:1' : 'a:0 a:1');
		for (const each of [kept, again]) each();
	});

	it.each(['legacy', 'modern'] as const)('that the server refuses is unknown, and others are not (%s)', async (era) => {
		const { watches, refused } = setUp(era);
		refused.add('a:no');
		const answers = await Promise.all(
			['a:yes', 'a:no'].map((uri) => watches.watch(TARGET, uri).then(() => 'watched', errorCode)),
		);
		expect(answers).toEqual(['watched', 'PC_RESOURCE_UNKNOWN']);
		await settled();
		expect(watches.urisOf('s' as ScopeKey)).toEqual(['a:yes']);
	});

	it('cannot be watched where the server tells of none', async () => {
		const { watches, asked, keepers } = setUp('legacy', { resources: { listChanged: true } });
		expect(await watches.watch(TARGET, 'a:1').catch(errorCode)).toBe('PC_METHOD_UNKNOWN');
		await settled();
		expect([asked, keepers.size, watches.size]).toEqual([[], 0, 0]);
	});

	it('of one scope is nothing to another', async () => {
		const { watches, asked } = setUp('legacy');
		await watches.watch(TARGET, 'a:1');
		await watches.watch(targetOf('t'), 'a:1');
		expect(asked).toEqual(['+a:1', '+a:1']);
		watches.retire((key) => key === ('t' as ScopeKey));
		expect([watches.urisOf('s' as ScopeKey), watches.urisOf('t' as ScopeKey)]).toEqual([[], ['a:1']]);
	});
});

describe('a lost session', () => {
	it('is opened again while somebody watches, and those who listen are told', async () => {
		const { watches, asked, lose, reopened, opened } = setUp('legacy');
		const stop = await watches.watch(TARGET, 'a:1');
		lose();
		await settled();
		expect([asked, reopened, opened()]).toEqual([['+a:1', '+a:1'], ['s'], 2]);
		stop();
		await settled();
		lose();
		await settled();
		expect(opened()).toBe(2);
	});

	it('is tried again for as long as it fails', async () => {
		const { watches, asked, lose, fail } = setUp('legacy');
		await watches.watch(TARGET, 'a:1');
		fail(new PortcullisError('PC_UPSTREAM_UNREACHABLE'));
		lose();
		await settled();
		expect(await watches.watch(TARGET, 'a:2').catch(errorCode)).toBe('PC_UPSTREAM_UNREACHABLE');
		fail(undefined);
		await expect.poll(() => asked, { timeout: 5_000 }).toEqual(['+a:1', '+a:1']);
	});

	it('is not opened again by anybody who has stopped', async () => {
		const { watches, lose, fail, opened } = setUp('legacy');
		const stop = await watches.watch(TARGET, 'a:1');
		fail(new PortcullisError('PC_UPSTREAM_UNREACHABLE'));
		lose();
		await settled();
		stop();
		await settled();
		fail(undefined);
		await new Promise((resolve) => setTimeout(resolve, 700));
		expect([opened(), watches.size]).toEqual([1, 0]);
	});
});

describe('a held session', () => {
	it('is kept open for lists over the network, and no process is', async () => {
		const { watches, keepers, lose, opened } = setUp('legacy', {});
		const releases = [watches.hold(TARGET), watches.hold(TARGET), watches.hold(targetOf('p', 'stdio'))];
		await settled();
		expect([keepers.size, opened()]).toEqual([1, 1]);
		lose();
		await settled();
		expect([keepers.size, opened()]).toEqual([1, 2]);
		for (const release of releases) release();
		await settled();
		expect([keepers.size, watches.size]).toEqual([0, 0]);
	});
});
