import { afterEach, describe, expect, it, vi } from 'vitest';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import { createSessions } from './sessions.ts';
import type { Target } from './target.ts';
import type { Wire, WireEvents, WireNotification, WireResponse } from './wire.ts';

const KEY = 'scope' as ScopeKey;
const TARGET = {
	server: { workspace: 'w', slug: 's', era: 'legacy', transport: { kind: 'sse' }, limits: { childIdleMs: 60_000 } },
	credential: { key: KEY },
} as unknown as Target;

const INITIALIZED = { protocolVersion: '2025-11-25', capabilities: {} };

/** A wire to a server that shakes hands and says nothing else. */
const quietWire = (): Wire => ({
	way: 'sse',
	request: async ({ stamp }): Promise<WireResponse> => {
		const value = { jsonrpc: '2.0', id: 1, result: INITIALIZED };
		return { text: JSON.stringify(value), value, stamp };
	},
	notify: async () => undefined,
	settle: () => undefined,
	watch: async () => undefined,
	close: async () => undefined,
});

describe('what a session hears outside of calls', () => {
	const updated: WireNotification = { method: 'notifications/resources/updated', params: { uri: 'test://a' } };
	const listed: WireNotification = { method: 'notifications/tools/list_changed', params: {} };
	const logged: WireNotification = { method: 'notifications/message', params: { level: 'info', data: 'x' } };

	it('is for everybody of its scope; in the session of one person only that a list has changed is', async () => {
		const opened: WireEvents[] = [];
		const heard: unknown[] = [];
		const sessions = createSessions({
			openWire: async (_target, events) => {
				opened.push(events);
				return quietWire();
			},
			onNotification: (key, { method }) => void heard.push([key, method]),
			onReopened: () => undefined,
		});
		await sessions.acquire(TARGET, '{}');
		await sessions.lease(TARGET, { profile: '{"roots":{}}', owner: 'ada', signal: undefined });
		const [shared, personal] = opened;
		for (const notification of [updated, listed, logged]) shared?.onNotification(notification);
		expect(heard.splice(0)).toEqual([updated, listed, logged].map(({ method }) => [KEY, method]));
		for (const notification of [updated, listed, logged]) personal?.onNotification(notification);
		expect(heard).toEqual([[KEY, listed.method]]);
		await sessions.close();
	});
});

describe('how a server speaks', () => {
	afterEach(() => void vi.useRealTimers());

	it('stays known while it is away, however long ago it was found out, and is found out again afterwards', async () => {
		vi.useFakeTimers({ toFake: ['Date'] });
		let isAway = false;
		let opened = 0;
		const sessions = createSessions({
			async openWire() {
				opened++;
				if (isAway) throw new PortcullisError('PC_UPSTREAM_UNREACHABLE');
				return quietWire();
			},
			onNotification: () => undefined,
			onReopened: () => undefined,
		});
		const idle = { ...TARGET, server: { ...TARGET.server, limits: { ...TARGET.server.limits, childIdleMs: 1 } } };
		const before = await sessions.spokenBy(idle);
		expect(before).toMatchObject({ era: 'legacy', way: 'sse' });
		await expect.poll(() => sessions.size).toBe(0);
		isAway = true;
		vi.setSystemTime(Date.now() + 3_600_000);
		expect(await sessions.spokenBy(TARGET)).toEqual(before);
		// Whoever comes next does not wait for it either.
		expect(sessions.spokenBy(TARGET)).toEqual(before);
		expect(opened).toBe(2);
		isAway = false;
		await sessions.acquire(TARGET, '{}');
		expect(await sessions.spokenBy(TARGET)).toMatchObject({ era: 'legacy', at: Date.now() });
		await sessions.close();
	});

	it('is an error where it was never known', async () => {
		const sessions = createSessions({
			openWire: async () => Promise.reject(new PortcullisError('PC_UPSTREAM_UNREACHABLE')),
			onNotification: () => undefined,
			onReopened: () => undefined,
		});
		for (let round = 0; round < 2; round++) {
			await expect(async () => sessions.spokenBy(TARGET)).rejects.toMatchObject({ code: 'PC_UPSTREAM_UNREACHABLE' });
		}
		await sessions.close();
	});
});
