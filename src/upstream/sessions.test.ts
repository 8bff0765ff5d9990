import { describe, expect, it } from 'vitest';
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
