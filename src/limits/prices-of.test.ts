import { describe, expect, it } from 'vitest';
import type { RateLimits, Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { Call } from '../mcp/call.ts';
import type { Route } from '../router/route.ts';
import { isWork, pricesOf, type WorkRoute } from './prices-of.ts';

const RATE = { perMinute: 1, burst: 1 };
const OTHER = { perMinute: 2, burst: 2 };
const LIMITS: RateLimits = {
	workspace: RATE,
	principal: RATE,
	key: RATE,
	tool: RATE,
	tools: new Map([['jira/search', OTHER]]),
	daily: { workspace: 10, principal: 5 },
};
const server = { workspaceId: 'id-1', workspace: 'google', slug: 'jira' } as Server;
const routeOf = (tool?: string, kind: WorkRoute['kind'] = 'raw') =>
	({ kind, server, tool: tool === undefined ? undefined : { name: tool } }) as unknown as WorkRoute;
const personBy = (vouchedBy: string) => ({ key: 'ann', vouchedBy }) as Principal;
const kindsOf = (principal: Principal, route: WorkRoute, limits = LIMITS): readonly string[] =>
	pricesOf(principal, route, limits).map(({ kind, of }) => `${kind} ${of}`.trim());

describe('a call takes a token', () => {
	it('of its workspace, its person, its tool, and of their day', () => {
		expect(kindsOf(personBy('token'), routeOf('read'))).toEqual([
			...['workspace', 'principal ann', 'tool jira/read', 'workspace-daily', 'principal-daily ann'],
		]);
	});

	it.each(['api-key:7', 'open-webui:7'])('of the key, where one vouched for it: %s', (vouchedBy) => {
		expect(kindsOf(personBy(vouchedBy), routeOf())).toContain(`key ${vouchedBy}`);
	});

	it.each(['token', 'edge:front', 'operator'])('of no key where there is none: %s', (vouchedBy) => {
		expect(kindsOf(personBy(vouchedBy), routeOf()).filter((kind) => kind.startsWith('key'))).toEqual([]);
	});

	it('of the limit of its tool where that is named, else of the one of all tools', () => {
		const limitFor = (tool: string) =>
			pricesOf(personBy('token'), routeOf(tool), LIMITS).find(({ kind }) => kind === 'tool')?.limit;
		expect([limitFor('search'), limitFor('read')]).toEqual([OTHER, RATE]);
	});

	it('of nothing that is not limited', () => {
		const none = { workspace: undefined, principal: undefined, key: undefined, tool: undefined };
		const limits = { ...none, tools: new Map(), daily: { workspace: undefined, principal: 5 } };
		expect(kindsOf(personBy('api-key:7'), routeOf('read'), limits)).toEqual(['principal-daily ann']);
	});
});

describe('work is', () => {
	const callOf = (kind: Call['kind'], method: string) => ({ kind, method }) as Call;
	const list = { kind: 'list' } as Route;

	it.each(['raw', 'held', 'subscribe'] as const)('a request to a server: %s', (kind) => {
		expect(isWork(routeOf('read', kind), callOf('request', 'tools/call'))).toBe(true);
	});

	it('a notification to a server, but not the word that a call is no longer wanted', () => {
		expect(isWork(routeOf(), callOf('notification', 'notifications/roots/list_changed'))).toBe(true);
		expect(isWork(routeOf(), callOf('notification', 'notifications/cancelled'))).toBe(false);
	});

	it('no answer to a question, no stream and no end of a session', () => {
		for (const kind of ['response', 'listen', 'end'] as const) expect(isWork(routeOf(), callOf(kind, ''))).toBe(false);
	});

	it('nothing that the gateway answers by itself', () => {
		expect(isWork(list, callOf('request', 'tools/list'))).toBe(false);
	});
});
