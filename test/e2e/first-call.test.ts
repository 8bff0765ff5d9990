import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startModernHttp, stdioServer } from '../fakes/upstream.ts';

let gateway: TestGateway;
let close: (() => Promise<void>)[];
let headers: Record<string, string>;

beforeAll(async () => {
	const old = await startLegacyHttp({ canary: 'OLD', requireHeader: { header: 'x-api-key', value: 'k-old' } });
	const fresh = await startModernHttp({ canary: 'NEW', requireHeader: { header: 'x-api-key', value: 'k-new' } });
	gateway = await startGateway(
		{
			workspaces: {
				google: {
					servers: {
						old: { transport: 'http', url: old.url, headers: { 'x-api-key': '${env:OLD}' } },
						fresh: { transport: 'http', url: fresh.url, headers: { 'x-api-key': '${env:NEW}' } },
						child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD' }) },
					},
				},
			},
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		},
		{ OLD: 'k-old', NEW: 'k-new' },
	);
	headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
	close = [old.close, fresh.close];
});
afterAll(async () => {
	await gateway.close();
	await Promise.all(close.map((each) => each()));
});

describe('a first call', () => {
	for (const server of ['old', 'fresh', 'child']) {
		it(`reaches ${server} from a legacy client`, async () => {
			const url = `${gateway.url}/w/google/s/${server}/mcp`;
			const started = await post(
				url,
				legacy('initialize', {
					protocolVersion: '2025-11-25',
					capabilities: {},
					clientInfo: { name: 't', version: '1' },
				}),
				headers,
			);
			expect(started.status, started.text).toBe(200);
			const session = started.headers.get('mcp-session-id');
			const all = { ...headers, ...(session && { 'mcp-session-id': session }) };
			const answer = await post(url, legacy('tools/call', { name: 'echo', arguments: { text: 'hi' } }), all);
			expect(answer.status, answer.text).toBe(200);
			expect(JSON.stringify(answer.json.result)).toContain('hi');
		});
		it(`reaches ${server} from a modern client`, async () => {
			const { body, headers: more } = modern('tools/call', { name: 'echo', arguments: { text: 'hi' } });
			const answer = await post(`${gateway.url}/w/google/s/${server}/mcp`, body, { ...headers, ...more });
			expect(answer.status, answer.text).toBe(200);
			expect(answer.json.result.resultType).toBe('complete');
			expect(JSON.stringify(answer.json.result)).toContain('hi');
		});
	}
	it('lists all three behind one address', async () => {
		const answer = await post(`${gateway.url}/mcp`, legacy('tools/list'), headers);
		const names = answer.json.result.tools.map((tool: { name: string }) => tool.name);
		expect(names).toContain('google__old__echo');
		expect(names).toContain('google__fresh__echo');
		expect(names).toContain('google__child__echo');
	});
});
