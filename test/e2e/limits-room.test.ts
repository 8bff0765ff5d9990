import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { expectRefusal } from './edge-refusal.ts';
import { codeOf, metric, until } from './failure-calls.ts';

const ROOM = 3;

let busy: Awaited<ReturnType<typeof startModernHttp>>;
let idle: Awaited<ReturnType<typeof startModernHttp>>;
let gateway: TestGateway;

beforeEach(async () => {
	busy = await startModernHttp({ canary: 'BUSY' });
	idle = await startModernHttp({ canary: 'IDLE' });
	const limits = { concurrency: ROOM };
	gateway = await startGateway({
		workspaces: {
			google: {
				servers: {
					busy: { transport: 'http', url: busy.url, limits },
					idle: { transport: 'http', url: idle.url, limits },
					child: { transport: 'stdio', ...stdioServer({ canary: 'CHILD' }), limits: { ...limits, totalMs: 1_500 } },
				},
			},
			microsoft: { servers: { busy: { transport: 'http', url: busy.url, limits } } },
		},
		grants: ['google', 'microsoft'].map((workspace) => ({ group: 'G', workspace, access: 'write' })),
	});
});
afterEach(async () => {
	await gateway.close();
	await Promise.all([busy.close(), idle.close()]);
});

interface Said {
	readonly at?: string;
	readonly signal?: AbortSignal;
	/** With progress the answer is a stream. */
	readonly meta?: object;
}

async function slow(ms: number, { at = '/w/google/s/busy/mcp', signal, meta = {} }: Said = {}): Promise<PlainAnswer> {
	const { body, headers } = modern('tools/call', { name: 'slow', arguments: { ms, steps: 5 }, _meta: meta });
	const response = await fetch(gateway.url + at, {
		method: 'POST',
		headers: {
			...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
			...{ authorization: `Bearer ${gateway.tokenFor(['G'])}`, ...headers },
		},
		body: JSON.stringify(body),
		...(signal !== undefined && { signal }),
	});
	const text = await response.text();
	const last =
		text
			.split('\n')
			.findLast((line) => line.startsWith('data: {'))
			?.slice(6) ?? text;
	return { status: response.status, headers: response.headers, text, json: JSON.parse(last) };
}

const inFlight = (): Promise<number> => metric(gateway, 'portcullis_in_flight');
const started = (count: number): Promise<void> => until(async () => (await inFlight()) === count);

describe('a server with as many calls under way as it may have', () => {
	it('takes limit - 1 and limit, refuses limit + 1 and says so, and takes the next when one has ended', async () => {
		const under = [slow(1_500), slow(60_000, { signal: AbortSignal.timeout(20_000) }).catch(() => undefined)];
		await started(ROOM - 1);
		const last = slow(60_000, { signal: AbortSignal.timeout(20_000) }).catch(() => undefined);
		await started(ROOM);
		const refused = await slow(1);
		expectRefusal(refused, 'PC_SERVER_BUSY', 1);
		expect(refused.headers.get('retry-after')).toBe('1');
		expect(refused.json.error.data).toMatchObject({ limit: 'server', retry_after: 1 });
		expect(await metric(gateway, 'portcullis_limited_total{limit="server"}')).toBe(1);
		expect(codeOf((await under[0]) as PlainAnswer)).toBe('ok');
		expect(codeOf(await slow(1))).toBe('ok');
		void last;
	});

	it('holds up no other server, and none of its name in another workspace', async () => {
		const stop = new AbortController();
		const under = Array.from({ length: ROOM }, () => slow(60_000, { signal: stop.signal }).catch(() => undefined));
		await started(ROOM);
		expect(codeOf(await slow(1))).toBe('PC_SERVER_BUSY');
		expect(codeOf(await slow(1, { at: '/w/google/s/idle/mcp' }))).toBe('ok');
		expect(codeOf(await slow(1, { at: '/w/microsoft/s/busy/mcp' }))).toBe('ok');
		stop.abort();
		await Promise.all(under);
		await started(0);
		expect(codeOf(await slow(1))).toBe('ok');
	});
});

describe('room at a server is free again', () => {
	it('when a stream has ended, and not before', async () => {
		const stream = slow(800, { meta: { progressToken: 1 } });
		await started(1);
		expect((await stream).headers.get('content-type')).toContain('text/event-stream');
		await started(0);
	});

	it.each([
		['before its first byte', {}],
		['in a stream', { progressToken: 1 }],
	])('when the caller goes away %s', async (_, meta) => {
		const stop = new AbortController();
		const under = Array.from({ length: ROOM }, () =>
			slow(60_000, { signal: stop.signal, meta }).catch(() => undefined),
		);
		await started(ROOM);
		stop.abort();
		await Promise.all(under);
		await started(0);
		expect(codeOf(await slow(1))).toBe('ok');
	});

	it('when the server hangs up, fails, or takes too long', async () => {
		const codes = await Promise.all(Array.from({ length: ROOM }, () => slow(5_000, { at: '/w/google/s/child/mcp' })));
		expect(codes.map(codeOf)).toEqual(Array.from({ length: ROOM }, () => 'PC_UPSTREAM_TIMEOUT'));
		const cut = slow(60_000).catch(() => undefined);
		await started(1);
		await busy.close();
		await cut;
		await started(0);
	});

	it('when a call is refused for another reason', async () => {
		await gateway.reconfigure({
			workspaces: {
				google: {
					servers: { busy: { transport: 'http', url: busy.url, limits: { concurrency: 1 } } },
					rateLimits: { workspace: { perMinute: 1, burst: 1 } },
				},
			},
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		});
		expect([codeOf(await slow(1)), codeOf(await slow(1)), codeOf(await slow(1))]).toEqual([
			...['ok', 'PC_RATE_LIMITED', 'PC_RATE_LIMITED'],
		]);
		expect(await inFlight()).toBe(0);
	});

	it('after notifications and lists, which the gateway answers by itself', async () => {
		const { body, headers } = modern('tools/list');
		const at = `${gateway.url}/w/google/s/busy/mcp`;
		const bearer = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
		expect((await post(at, body, { ...headers, ...bearer })).status).toBe(200);
		expect(await inFlight()).toBe(0);
	});
});
