import { describe, expect, it } from 'vitest';
import { snapshotOf, workspaceOf } from '../../test/fakes/snapshot.ts';
import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { createServerStates } from './server-states.ts';

const serverOf = (parts: Partial<Server> = {}): Server =>
	({ workspace: 'google', workspaceId: 'id-1', slug: 's', revision: 'r1', ...parts }) as Server;
const SPOKEN = { era: 'modern', revision: '2026-07-28', way: 'http' } as const;

function setUp() {
	const clock = { now: 1_000 };
	return { clock, states: createServerStates(() => clock.now) };
}

const snapshotWith = (...servers: Server[]) => {
	const own = new Map(servers.map((server) => [server.slug, server]));
	return snapshotOf([], { workspaces: new Map([['google', workspaceOf('google', { servers: own })]]) });
};

describe('the state of a server', () => {
	it('is unknown until something is tried, and asking remembers nothing', () => {
		const { states } = setUp();
		expect(states.of(serverOf())).toEqual({ state: 'unknown', checkedAt: undefined });
	});

	it('says how it speaks, how many tools it has and when it was last heard of', () => {
		const { states, clock } = setUp();
		states.opened(serverOf(), { ...SPOKEN, at: 5 } as typeof SPOKEN);
		states.listed(serverOf(), 3);
		clock.now = 2_000;
		states.answered(serverOf());
		expect(states.of(serverOf())).toEqual({ state: 'ready', ...SPOKEN, toolCount: 3, checkedAt: 2_000 });
	});

	it('is failing after a fault of the server, and ready again after an answer; the fault stays on record', () => {
		const { states, clock } = setUp();
		states.listed(serverOf(), 3);
		clock.now = 2_000;
		states.failed(serverOf(), new PortcullisError('PC_UPSTREAM_UNREACHABLE', { detail: 'canary' }));
		const lastError = { code: 'PC_UPSTREAM_UNREACHABLE', at: 2_000 };
		expect(states.of(serverOf())).toEqual({ state: 'failing', toolCount: 3, lastError, checkedAt: 2_000 });
		clock.now = 3_000;
		states.answered(serverOf());
		expect(states.of(serverOf())).toEqual({ state: 'ready', toolCount: 3, lastError, checkedAt: 3_000 });
	});

	it('keeps why a server failed while it is left alone', () => {
		const { states } = setUp();
		states.failed(serverOf(), new PortcullisError('PC_UPSTREAM_CRASHED'));
		states.failed(serverOf(), new PortcullisError('PC_UPSTREAM_STARTING'));
		expect(states.of(serverOf()).lastError?.code).toBe('PC_UPSTREAM_CRASHED');
	});

	it.each(['PC_CALL_CANCELLED', 'PC_UPSTREAM_BUSY', 'PC_UPSTREAM_SESSION_LOST', 'PC_UPSTREAM_TOO_LARGE'] as const)(
		'does not change for %s, nor for errors that are not ours',
		(code) => {
			const { states } = setUp();
			states.answered(serverOf());
			states.failed(serverOf(), new PortcullisError(code));
			states.failed(serverOf(), new Error('canary'));
			expect(states.of(serverOf())).toEqual({ state: 'ready', checkedAt: 1_000 });
		},
	);

	it('is of one definition: another workspace under the same slug, or another revision, is unknown', () => {
		const { states } = setUp();
		states.answered(serverOf());
		for (const other of [{ workspaceId: 'id-2' }, { slug: 't' }, { revision: 'r2' }])
			expect(states.of(serverOf(other)).state).toBe('unknown');
		expect(states.of({ ...serverOf(), title: 'Another' }).state).toBe('ready');
	});

	it('is forgotten with its definition, and a late answer of the old one is not of the new one', () => {
		const { states } = setUp();
		const [old, changed, kept] = [serverOf(), serverOf({ revision: 'r2' }), serverOf({ slug: 'kept' })];
		states.answered(old);
		states.answered(kept);
		states.retire(snapshotWith(changed, kept));
		states.answered(old);
		expect([old, changed, kept].map((server) => states.of(server).state)).toEqual(['unknown', 'unknown', 'ready']);
	});
});
