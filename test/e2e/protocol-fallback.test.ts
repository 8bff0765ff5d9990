import { beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacySseFixture, startLegacyHttp, startLegacySse, startModernHttp } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession } from './protocol-clients.ts';

const keep = keepForFile();
let gateway: TestGateway;
let old: LegacySseFixture;
let authorization: { readonly authorization: string };

beforeAll(async () => {
	old = keep(await startLegacySse({ canary: 'OLD' }));
	const servers = {
		// Configured as http, though it knows only the older transport.
		old: { transport: 'http', url: old.url },
		nowhere: { transport: 'http', url: `${new URL(old.url).origin}/nowhere` },
		fresh: { transport: 'http', url: keep(await startModernHttp({ canary: 'FRESH' })).url },
		http: { transport: 'http', url: keep(await startLegacyHttp({ canary: 'HTTP' })).url },
		down: {
			transport: 'http',
			url: keep(await startLegacyHttp({ canary: 'DOWN', hostile: { kind: 'html-500' } })).url,
		},
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

const addressOf = (server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;
const principal = () => gateway.app.authenticator.authenticateToken(authorization.authorization.slice(7));

async function spokenBy(slug: string) {
	const server = gateway.snapshots.current().workspaces.get('google')?.servers.get(slug);
	const { era, way } = await gateway.app.directory.spokenBy({ principal: await principal(), server: server! });
	return [era, way];
}

describe('a server that is configured as http', () => {
	it('is spoken to over HTTP+SSE when it takes no POST, by callers of both eras', async () => {
		const call = { name: 'echo', arguments: { text: 'hi' } };
		const session = await openPlainSession(addressOf('old'), authorization);
		expect((await session.request('tools/call', call)).text).toContain('OLD');
		const { body, headers } = modern('tools/call', call);
		expect((await post(addressOf('old'), body, { ...authorization, ...headers })).text).toContain('OLD');
		expect(await spokenBy('old')).toEqual(['legacy', 'sse']);
	});

	it('is found out for what it is, once', async () => {
		expect(await spokenBy('fresh')).toEqual(['modern', 'http']);
		expect(await spokenBy('http')).toEqual(['legacy', 'http']);
		const before = old.seen.length;
		expect(await spokenBy('old')).toEqual(['legacy', 'sse']);
		expect(old.seen.length).toBe(before);
	});

	it('that is nowhere, or fails, is no verdict', async () => {
		const answer = await post(addressOf('nowhere'), legacy('tools/list'), authorization);
		expect(answer.json.error.data.code).toBe('PC_UPSTREAM_INVALID');
		await expect(spokenBy('down')).rejects.toMatchObject({ code: 'PC_UPSTREAM_FAILED' });
	});
});
