import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { KEEP_ALIVE_MS } from '../../src/edge/keep-alive.ts';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession, soon } from './protocol-clients.ts';

const keep = keepForFile();
let gateway: TestGateway;
let authorization: { readonly authorization: string };

beforeAll(async () => {
	const fresh = keep(await startModernHttp({ canary: 'FRESH' }));
	const old = keep(await startLegacyHttp({ canary: 'OLD', answers: 'sse' }));
	const http = (url: string) => ({ transport: 'http', url });
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	const google = { servers: { fresh: http(fresh.url), old: http(old.url) } };
	gateway = keep(await startGateway({ workspaces: { google }, grants }));
	authorization = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
});

interface Open {
	readonly headers: Headers;
	/** What it brought so far. */
	text(): string;
}

const open: AbortController[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => {
	vi.useRealTimers();
	for (const controller of open.splice(0)) controller.abort();
});

async function follow(path: string, init: RequestInit): Promise<Open> {
	const controller = new AbortController();
	open.push(controller);
	const headers = { accept: 'application/json, text/event-stream', ...authorization, ...(init.headers as object) };
	const response = await fetch(gateway.url + path, { ...init, headers, signal: controller.signal });
	let text = '';
	const read = async () => {
		for await (const chunk of response.body as ReadableStream<Uint8Array>) text += Buffer.from(chunk).toString('utf8');
	};
	void read().catch(() => undefined);
	return { headers: response.headers, text: () => text };
}

async function getStream(path: string): Promise<Open> {
	const { headers } = await openPlainSession(gateway.url + path, authorization);
	return follow(path, { headers });
}

function send(path: string, message: { readonly body: object; readonly headers?: object }): Promise<Open> {
	const headers = { 'content-type': 'application/json', ...message.headers };
	return follow(path, { method: 'POST', headers, body: JSON.stringify(message.body) });
}

const subscription = (path: string): Promise<Open> =>
	send(path, modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, 7));

const SLOW = { name: 'slow', arguments: { ms: 60_000, steps: 2 }, _meta: { progressToken: 't' } };

async function callInSession(path: string): Promise<Open> {
	const { headers } = await openPlainSession(gateway.url + path, authorization);
	return send(path, { body: legacy('tools/call', SLOW), headers });
}

const STREAMS: readonly (readonly [title: string, begin: () => Promise<Open>])[] = [
	['of a session, at a server', () => getStream('/w/google/s/old/mcp')],
	['of a session, at everything', () => getStream('/mcp')],
	['of a subscription, at a server', () => subscription('/w/google/s/fresh/mcp')],
	['of a subscription, at everything', () => subscription('/mcp')],
	['of HTTP+SSE', () => follow('/w/google/sse', {})],
	['of a long call in a session', () => callInSession('/w/google/s/old/mcp')],
	['of a long call without one', () => send('/w/google/s/fresh/mcp', modern('tools/call', SLOW))],
];

describe('an idle stream', () => {
	it.each(STREAMS)('%s says in time that it lives, and asks not to be held back or kept', async (_, begin) => {
		const { headers, text } = await begin();
		expect(headers.get('content-type')).toBe('text/event-stream');
		expect(headers.get('cache-control')).toBe('no-store, no-transform');
		expect(headers.get('x-accel-buffering')).toBe('no');
		const comments = () => text().split(': keep-alive\n\n').length - 1;
		expect(comments()).toBe(0);
		for (let round = 1; round <= 3; round++) {
			vi.advanceTimersByTime(KEEP_ALIVE_MS);
			await soon(comments).toBe(round);
		}
	});

	it('is told from an answer in JSON, which has exactly its length', async () => {
		const answer = await post(`${gateway.url}/mcp`, legacy('ping'), authorization);
		expect(answer.headers.get('content-type')).toBe('application/json');
		expect(answer.headers.get('content-length')).toBe(String(answer.text.length));
	});
});
