import { beforeAll, describe, expect, it } from 'vitest';
import {
	EDGE_PROXIES,
	type EdgeProxyKind,
	hasEdgeProxy,
	PUBLIC_HOST,
	resolveTo,
	startEdgeProxy,
} from '../fakes/edge-proxy.ts';
import { modern, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession, openStream } from './protocol-clients.ts';
import { openSse } from './protocol-sse.ts';

// For PORTCULLIS_LONG=1 alone; all proxies wait at the same time.
const LONG = process.env['PORTCULLIS_LONG'] === '1';
const IDLE_MS = 70_000;

const PUBLIC_URL = `https://${PUBLIC_HOST}`;
const FRESH = `${PUBLIC_URL}/w/google/s/fresh/mcp`;
const OLD = `${PUBLIC_URL}/w/google/s/old/mcp`;

describe.runIf(LONG)('streams behind real proxies', () => {
	const keep = keepForFile();
	let gateway: TestGateway;
	let authorization: { readonly authorization: string };

	beforeAll(async () => {
		const fresh = keep(await startModernHttp({ canary: 'FRESH' }));
		const old = keep(await startLegacyHttp({ canary: 'OLD' }));
		// The server may be as silent as the proxies must bear.
		const http = (url: string) => ({ transport: 'http', url, limits: { idleMs: 2 * IDLE_MS } });
		const google = { servers: { fresh: http(fresh.url), old: http(old.url) } };
		const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
		gateway = keep(await startGateway({ publicUrl: PUBLIC_URL, workspaces: { google }, grants }));
		authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
	});

	/** Opens a stream of every kind through a proxy, and looks at each when its call has ended. */
	async function openAll(kind: EdgeProxyKind) {
		const proxy = keep(await startEdgeProxy(kind, Number(new URL(gateway.url).port)));
		keep(resolveTo(proxy));
		const session = await openPlainSession(OLD, authorization);
		const listening = keep(await openStream(OLD, session.headers));
		const sse = keep(await openSse(`${PUBLIC_URL}/w/google/sse`, authorization));
		const slow = { name: 'slow', arguments: { ms: IDLE_MS, steps: 1 }, _meta: { progressToken: 't' } };
		const { body, headers } = modern('tools/call', slow, 'long');
		const call = keep(await openStream(FRESH, { ...authorization, ...headers }, body));
		expect(await call.next()).toMatchObject({ params: { progress: 1 } });
		return async () => {
			const result = { content: [{ text: 'FRESH: slow done' }] };
			expect(await call.next(), kind).toMatchObject({ id: 'long', result });
			keep(resolveTo(proxy));
			await session.request('tools/call', { name: 'toggle_tool', arguments: {} });
			expect(await listening.next(), kind).toMatchObject({ method: 'notifications/tools/list_changed' });
			expect(await sse.initialize(), kind).toMatchObject({ id: 'init' });
		};
	}

	it.runIf(EDGE_PROXIES.every(hasEdgeProxy))(
		'stay open although nothing happens on them for 70 seconds',
		async () => {
			const checks: (() => Promise<void>)[] = [];
			for (const kind of EDGE_PROXIES) checks.push(await openAll(kind));
			for (const check of checks) await check();
		},
		3 * IDLE_MS,
	);
});
