import { afterEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/table.ts';
import { legacy, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	closedPortUrl,
	type Hostile,
	type HttpFixture,
	type LegacySseFixture,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	startRecorder,
} from '../fakes/upstream.ts';
import { auditOf, expectRefusal } from './edge-refusal.ts';
import { type Cable, callTool, codeOf, layCable, metric, textOf, until, type Way } from './failure-calls.ts';

const LIMITS = { firstByteMs: 500, idleMs: 500, totalMs: 1_000, frameBytes: 100_000 };
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function keep<T extends { close(): Promise<unknown> }>(resource: T): T {
	cleanups.push(() => resource.close());
	return resource;
}

const GRANTS = [{ group: 'G', workspace: 'google', access: 'write' }];

async function gatewayTo(transport: 'http' | 'sse', url: string, limits: object = {}): Promise<TestGateway> {
	const servers = { far: { transport, url, limits } };
	return keep(await startGateway({ workspaces: { google: { servers } }, grants: GRANTS }));
}

const FAR: Way = { path: '/w/google/s/far/mcp', era: 'legacy' };
const ALL: Way = { path: '/mcp', era: 'legacy', prefix: 'google__far__' };

interface Kind {
	readonly name: string;
	readonly transport: 'http' | 'sse';
	readonly start: () => Promise<HttpFixture>;
}

const KINDS: readonly Kind[] = [
	{ name: 'a 2025 http server', transport: 'http', start: () => startLegacyHttp({ canary: 'FAR', sessions: false }) },
	{ name: 'a 2026 http server', transport: 'http', start: () => startModernHttp({ canary: 'FAR' }) },
	{ name: 'an sse server', transport: 'sse', start: () => startLegacySse({ canary: 'FAR' }) },
];

/** The server went away during the call; which of the two depends on what broke first. */
const LOST = /^PC_UPSTREAM_(?:FAILED|SESSION_LOST)$/;

function slowCalls(upstream: HttpFixture): number {
	return upstream.seen.filter(({ name }) => name === 'slow').length;
}

describe.each(KINDS)('$name that goes away', ({ transport, start }) => {
	async function connected(): Promise<{ upstream: HttpFixture; cable: Cable; gateway: TestGateway }> {
		const upstream = keep(await start());
		const cable = keep(await layCable(upstream.url));
		const gateway = await gatewayTo(transport, cable.url);
		for (const way of [FAR, ALL]) expect(codeOf(await callTool(gateway, way, 'echo', { text: 'x' }))).toBe('ok');
		return { upstream, cable, gateway };
	}

	it('during a call fails it once, and answers again when it is back on its port', async () => {
		const { upstream, cable, gateway } = await connected();
		const held = [callTool(gateway, FAR, 'slow', { ms: 20_000 }), callTool(gateway, ALL, 'slow', { ms: 20_000 })];
		await until(() => slowCalls(upstream) === 2);
		await cable.cut();
		for (const answer of await Promise.all(held)) {
			expect(codeOf(answer)).toMatch(LOST);
			expectRefusal(answer, codeOf(answer) as ErrorCode, 7);
			expect(auditOf(gateway, answer)).toMatchObject([{ kind: 'intent' }, { outcome: 'failed' }]);
		}
		await cable.restore();
		for (const way of [FAR, ALL])
			expect(textOf(await callTool(gateway, way, 'echo', { text: 'back' }))).toBe('FAR: back');
		expect(slowCalls(upstream), 'no call was repeated').toBe(2);
		expect(await metric(gateway, 'portcullis_tripwire_total')).toBe(0);
	});

	it('between calls is unreachable, and answers again when it is back on its port', async () => {
		const { cable, gateway } = await connected();
		await cable.cut();
		const down = await callTool(gateway, FAR, 'echo', { text: 'x' });
		expect(codeOf(down)).toMatch(/^PC_UPSTREAM_(?:UNREACHABLE|FAILED|SESSION_LOST)$/);
		expectRefusal(await callTool(gateway, FAR, 'echo', { text: 'x' }), 'PC_UPSTREAM_UNREACHABLE', 7);
		await cable.restore();
		expect(textOf(await callTool(gateway, FAR, 'echo', { text: 'back' }))).toBe('FAR: back');
	});
});

describe('a server that cannot be reached', () => {
	it.each(['http', 'sse'] as const)('over %s is named as that, and not as a crash', async (transport) => {
		const gateway = await gatewayTo(transport, await closedPortUrl());
		const answer = await callTool(gateway, FAR, 'echo', { text: 'x' });
		expectRefusal(answer, 'PC_UPSTREAM_UNREACHABLE', 7);
		expect(answer.text).not.toMatch(/ECONN|127\.0\.0\.1/);
	});

	it('leaves its neighbours in the list, and the list says whose tools are missing', async () => {
		const upstream = keep(await startLegacyHttp({ canary: 'FAR' }));
		const servers = {
			dead: { transport: 'http', url: await closedPortUrl() },
			far: { transport: 'http', url: upstream.url },
		};
		const gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants: GRANTS }));
		const headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
		const { json } = await post(`${gateway.url}/w/google/mcp`, legacy('tools/list'), headers);
		expect(json.result.tools.map(({ name }: { name: string }) => name)).toContain('far__echo');
		expect(json.result._meta).toEqual({ 'io.portcullis/unavailable': ['dead'] });
	});

	it('is not waited for by a list longer than the deadline', async () => {
		const hung = keep(await startLegacyHttp({ hostile: { kind: 'never' } }));
		const upstream = keep(await startLegacyHttp({ canary: 'FAR' }));
		const servers = {
			far: { transport: 'http', url: upstream.url },
			hung: { transport: 'http', url: hung.url },
		};
		const config = { workspaces: { google: { servers } }, grants: GRANTS, limits: { listDeadlineMs: 300 } };
		const gateway = keep(await startGateway(config));
		const headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
		const { json } = await post(`${gateway.url}/mcp`, legacy('tools/list'), headers);
		expect(json.result.tools.map(({ name }: { name: string }) => name)).toContain('google__far__echo');
		expect(json.result._meta).toEqual({ 'io.portcullis/unavailable': ['google/hung'] });
		const called = await callTool(gateway, ALL, 'echo', { text: 'at once' });
		expect(textOf(called)).toBe('FAR: at once');
	});
});

describe('an sse server that misbehaves', () => {
	async function connected(hostile?: Hostile): Promise<{ upstream: LegacySseFixture; gateway: TestGateway }> {
		const upstream = keep(await startLegacySse({ canary: 'FAR' }));
		const gateway = await gatewayTo('sse', upstream.url, LIMITS);
		expect(codeOf(await callTool(gateway, FAR, 'echo', { text: 'x' }))).toBe('ok');
		upstream.setBehaviour({ hostile: hostile && { ...hostile, methods: ['tools/call'] } });
		return { upstream, gateway };
	}

	it.each<[Hostile['kind'], string]>([
		['never', 'PC_UPSTREAM_TIMEOUT'],
		['wrong-id', 'PC_UPSTREAM_TIMEOUT'],
		['truncated-json', 'PC_UPSTREAM_TIMEOUT'],
		['html-500', 'PC_UPSTREAM_FAILED'],
	])('by %s fails the call with %s, and nothing of it is seen', async (kind, code) => {
		const { upstream, gateway } = await connected({ kind } as Hostile);
		const answer = await callTool(gateway, FAR, 'echo', { text: 'x' });
		expect(codeOf(answer)).toBe(code);
		expect(answer.text).not.toContain('FAR');
		upstream.setBehaviour({ hostile: undefined });
		expect(codeOf(await callTool(gateway, FAR, 'echo', { text: 'x' }))).toBe('ok');
		const calls = upstream.seen.filter(({ method }) => method === 'tools/call');
		expect(calls).toHaveLength(3);
	});

	it('by a huge event loses its session, and gets another for the next call', async () => {
		const { upstream, gateway } = await connected({ kind: 'huge-event', bytes: LIMITS.frameBytes });
		expectRefusal(await callTool(gateway, FAR, 'echo', { text: 'x' }), 'PC_UPSTREAM_TOO_LARGE', 7);
		upstream.setBehaviour({ hostile: undefined });
		expect(codeOf(await callTool(gateway, FAR, 'echo', { text: 'x' }))).toBe('ok');
	});

	it('by answering twice is heard once, and counted', async () => {
		const { gateway } = await connected({ kind: 'twice' });
		expect(textOf(await callTool(gateway, FAR, 'echo', { text: 'once' }))).toBe('FAR: once');
		await until(async () => (await metric(gateway, 'portcullis_misdirected_total')) === 1);
	});

	it('by breaking its stream fails the call, and gets another session for the next', async () => {
		const { gateway } = await connected();
		expect(codeOf(await callTool(gateway, FAR, 'crash'))).toMatch(LOST);
		expect(codeOf(await callTool(gateway, FAR, 'echo', { text: 'x' }))).toBe('ok');
	});

	it('by no longer knowing its session loses it, and gets another for the next call', async () => {
		const { upstream, gateway } = await connected({ kind: 'status', status: 404, methods: ['tools/call'] });
		expectRefusal(await callTool(gateway, FAR, 'remember', { key: 'k', value: 'v' }), 'PC_UPSTREAM_SESSION_LOST', 7);
		upstream.setBehaviour({ hostile: undefined });
		expect(codeOf(await callTool(gateway, FAR, 'echo', { text: 'x' }))).toBe('ok');
		expect(upstream.seen.filter(({ name }) => name === 'remember')).toHaveLength(1);
	});

	it.each(['{origin}/messages?sessionId={session}', '//127.0.0.1:1/x', 'file:///etc/passwd', 'http://[', ''])(
		'by naming the endpoint %j is not followed there',
		async (named) => {
			const recorder = keep(await startRecorder());
			const endpoint = named.replace('{origin}', new URL(recorder.url).origin);
			const upstream = keep(await startLegacySse({ canary: 'FAR', endpoint }));
			const gateway = await gatewayTo('sse', upstream.url, LIMITS);
			const answer = await callTool(gateway, FAR, 'echo', { text: 'x' });
			expect(codeOf(answer)).toMatch(/^PC_UPSTREAM_(?:INVALID|TIMEOUT|FAILED)$/);
			expect(answer.text).not.toContain(recorder.url);
			expect(recorder.seen).toEqual([]);
		},
	);
});

describe('a session of an http server', () => {
	it('that the server forgot is opened anew by the gateway, without repeating the call that found out', async () => {
		const upstream = keep(await startLegacyHttp({ canary: 'FAR' }));
		const gateway = await gatewayTo('http', upstream.url);
		expect(codeOf(await callTool(gateway, ALL, 'echo', { text: 'x' }))).toBe('ok');
		upstream.dropSessions();
		expectRefusal(await callTool(gateway, ALL, 'remember', { key: 'k', value: 'v' }), 'PC_UPSTREAM_SESSION_LOST', 7);
		expect(textOf(await callTool(gateway, ALL, 'echo', { text: 'again' }))).toBe('FAR: again');
		expect(upstream.seen.filter(({ name }) => name === 'remember')).toHaveLength(1);
	});
});
