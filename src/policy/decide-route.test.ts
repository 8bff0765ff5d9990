import { describe, expect, it } from 'vitest';
import type { Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { Call } from '../mcp/call.ts';
import type { Route } from '../router/route.ts';
import { decideRoute } from './decide-route.ts';

const server = (workspace: string, enabled = true) =>
	({ workspace, slug: 's', enabled, toolsEnabledByDefault: true, toolRules: new Map() }) as unknown as Server;

const reader = {
	grants: new Map([['google', { workspace: 'google', level: 'read', rules: ['grants[0]'] }]]),
} as unknown as Principal;

const call = (method: string, kind: Call['kind'] = 'request') => ({ method, kind }) as Call;
const route = (kind: Route['kind'], more: object) => ({ kind, ...more }) as unknown as Route;
const tool = { name: 'tool', readOnly: false };

describe('a route to one server', () => {
	it.each(['raw', 'held'] as const)('is judged by its tool (%s)', (kind) => {
		const to = (readOnly: boolean) => route(kind, { server: server('google'), tool: { ...tool, readOnly } });
		expect(decideRoute(reader, to(true), call('tools/call')).allowed).toBe(true);
		const refused = decideRoute(reader, to(false), call('tools/call'));
		expect(refused).toMatchObject({ allowed: false, refusal: 'PC_TOOL_UNKNOWN' });
		expect(refused.reasons.at(-1)).toBe('tool-not-read-only');
	});

	it('is judged by its method where there is no tool', () => {
		const to = route('raw', { server: server('google'), tool: undefined });
		expect(decideRoute(reader, to, call('prompts/get')).allowed).toBe(true);
		expect(decideRoute(reader, to, call('vendor/x'))).toMatchObject({ allowed: false, refusal: 'PC_METHOD_UNKNOWN' });
		expect(decideRoute(reader, to, call('', 'response')).allowed).toBe(true);
		expect(decideRoute(reader, to, call('constructor')).allowed).toBe(false);
	});

	it('of a workspace the caller does not have is refused like an address that does not exist', () => {
		const to = route('raw', { server: server('microsoft'), tool: undefined });
		expect(decideRoute(reader, to, call('prompts/list'))).toMatchObject({
			allowed: false,
			refusal: 'PC_ADDRESS_UNKNOWN',
			reasons: ['workspace-not-granted'],
		});
	});
});

describe('a route that speaks for several servers', () => {
	it('is refused when any of them is, with the reason of that one', () => {
		const all = [server('google'), server('google', false), server('microsoft')];
		expect(decideRoute(reader, route('list', { servers: all.slice(0, 1) }), call('tools/list')).allowed).toBe(true);
		const mixed = decideRoute(reader, route('list', { servers: all }), call('tools/list'));
		expect(mixed).toMatchObject({ allowed: false, reasons: ['workspace-granted', 'server-disabled'] });
	});

	it('of none at all is allowed: it shows nothing', () => {
		expect(decideRoute(reader, route('local', { servers: [] }), call('ping')).allowed).toBe(true);
	});
});
