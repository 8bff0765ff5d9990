import { expect, it } from 'vitest';
import { legacy, modern, post, startGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession } from './protocol-clients.ts';
const keep = keepForFile();
it('does not let one caller use up the connections', async () => {
	const old = keep(await startLegacyHttp({ sessions: true }));
	const fresh = keep(await startModernHttp());
	const gateway = keep(await startGateway({ workspaces: { google: { servers: { old: { transport: 'http', url: old.url }, fresh: { transport: 'http', url: fresh.url } } } }, grants: [{ group: 'G', workspace: 'google', access: 'write' }] }));
	const auth = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
	for (let i = 0; i < 300; i++) {
		const { body, headers } = modern('tools/list', { _meta: { 'io.modelcontextprotocol/clientCapabilities': { experimental: { [`x${i}`]: {} } } } });
		const a = await Promise.race([post(`${gateway.url}/w/google/s/fresh/mcp`, body, { ...auth, ...headers }), new Promise<any>((r) => setTimeout(r, 3000, undefined))]);
		if (a === undefined || a.status !== 200) { console.log('stuck at', i, a?.text); break; }
	}
	console.log('sessions', (gateway.app as any).directory && await (await fetch(`${gateway.operatorUrl}/metrics`)).text().then((t) => t.match(/.*session.*/g)));
	const s = await Promise.race([openPlainSession(`${gateway.url}/w/google/s/fresh/mcp`, auth), new Promise<any>((r) => setTimeout(r, 3000, undefined))]);
	console.log('legacy session', s?.id !== undefined, legacy('x'));
	expect(1).toBe(1);
});
