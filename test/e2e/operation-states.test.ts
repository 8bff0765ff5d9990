import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Server } from '../../src/config/snapshot.ts';
import { legacy, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp, stdioServer } from '../fakes/upstream.ts';
import { type Cable, callTool, codeOf, layCable, until } from './failure-calls.ts';

let gateway: TestGateway;
let upstream: LegacyHttpFixture;
let cable: Cable;

beforeEach(async () => {
	upstream = await startLegacyHttp({ canary: 'canary', sessions: false });
	cable = await layCable(upstream.url);
	gateway = await startGateway(config());
});
afterEach(async () => {
	await gateway.close();
	await cable.close();
	await upstream.close();
});

function config(far: object = {}) {
	const servers = {
		far: { transport: 'http', url: cable.url, ...far },
		child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD' }) },
		never: { transport: 'http', url: 'http://127.0.0.1:1/mcp' },
	};
	return { workspaces: { google: { servers } }, grants: [{ group: 'G', workspace: 'google', access: 'write' }] };
}

const stateOf = (slug: string) => {
	const server = gateway.snapshots.current().workspaces.get('google')?.servers.get(slug) as Server;
	return gateway.app.serverState(server);
};
const list = () =>
	post(`${gateway.url}/mcp`, legacy('tools/list'), { authorization: `Bearer ${gateway.tokenFor(['G'])}` });
const FAR = { path: '/w/google/s/far/mcp', era: 'legacy' } as const;

describe('the state of servers', () => {
	it('is unknown at first, and what a list has shown afterwards', async () => {
		expect(['far', 'child', 'never'].map((slug) => stateOf(slug).state)).toEqual(['unknown', 'unknown', 'unknown']);
		await list();
		expect(stateOf('far')).toMatchObject({ state: 'ready', era: 'legacy', revision: '2025-11-25', way: 'http' });
		expect(stateOf('child')).toMatchObject({ state: 'ready', way: 'stdio' });
		expect(stateOf('far').toolCount).toBeGreaterThan(5);
		expect(stateOf('never')).toMatchObject({ state: 'failing', lastError: { code: 'PC_UPSTREAM_UNREACHABLE' } });
	});

	it('follows the calls, and holds nothing that the server said', async () => {
		await callTool(gateway, FAR, 'echo');
		expect(stateOf('far').state).toBe('ready');
		await cable.cut();
		expect(codeOf(await callTool(gateway, FAR, 'echo'))).toBe('PC_UPSTREAM_UNREACHABLE');
		expect(stateOf('far')).toMatchObject({
			state: 'failing',
			era: 'legacy',
			lastError: { code: 'PC_UPSTREAM_UNREACHABLE' },
		});
		await cable.restore();
		expect(codeOf(await callTool(gateway, FAR, 'echo'))).toBe('ok');
		expect(stateOf('far').state).toBe('ready');
		expect(JSON.stringify(stateOf('far'))).not.toContain('canary');
	});

	it('does not count what a caller did wrong', async () => {
		await callTool(gateway, FAR, 'echo');
		expect(codeOf(await callTool(gateway, FAR, 'no-such-tool'))).toBe('PC_TOOL_UNKNOWN');
		expect(stateOf('far')).toMatchObject({ state: 'ready' });
		expect(stateOf('far').lastError).toBeUndefined();
	});

	it('stays with a changed rule and is forgotten with the server', async () => {
		await list();
		await gateway.reconfigure(config({ tools: { rules: { echo: { enabled: false } } } }));
		expect(stateOf('far').state).toBe('ready');
		await gateway.reconfigure(config({ limits: { totalMs: 9_999 } }));
		expect(stateOf('far')).toEqual({ state: 'unknown', checkedAt: undefined });
		await until(() => stateOf('child').state === 'ready');
	});
});
