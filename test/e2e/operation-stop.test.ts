import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditLine, legacy, modern, type PlainAnswer, post } from '../fakes/gateway.ts';
import {
	type LegacyHttpFixture,
	readStdioLog,
	startLegacyHttp,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';
import { codeOf, textOf, until } from './failure-calls.ts';
import { isRunning, openWorkbench, type ServingProcess, serve, type Workbench } from './operation-process.ts';

let bench: Workbench;
let old: LegacyHttpFixture;
let fresh: Awaited<ReturnType<typeof startModernHttp>>;

beforeEach(async () => {
	bench = await openWorkbench();
	old = await startLegacyHttp({ canary: 'OLD' });
	fresh = await startModernHttp({ canary: 'FRESH' });
});
afterEach(async () => {
	await bench.close();
	await Promise.all([old.close(), fresh.close()]);
	await until(() => children().every((pid) => !isRunning(pid)));
});

const children = (): number[] =>
	readStdioLog(bench.path('child.jsonl')).flatMap(({ event, pid }) => (event === 'start' && pid ? [pid] : []));
const childHas = (tool: string): boolean => readStdioLog(bench.path('child.jsonl')).some(({ name }) => name === tool);

function configure(drainMs = 15_000, options: object = {}): void {
	const child = {
		transport: 'stdio',
		...stdioServer({ canary: 'CHILD', logPath: bench.path('child.jsonl'), ...options }),
	};
	bench.configure({
		workspaces: {
			google: {
				servers: { child, old: { transport: 'http', url: old.url }, fresh: { transport: 'http', url: fresh.url } },
			},
		},
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		limits: { drainMs },
	});
}

const headers = () => ({ authorization: `Bearer ${bench.directory.token({ groups: ['G'] })}` });
const address = (gateway: ServingProcess, server: string): string => `${gateway.url}/w/google/s/${server}/mcp`;

function call(gateway: ServingProcess, server: string, tool: string, args: object): Promise<PlainAnswer> {
	return post(address(gateway, server), legacy('tools/call', { name: tool, arguments: args }), headers());
}

interface OpenStream {
	/** Resolves with all that came when the stream has ended well; rejects when it was cut. */
	readonly whole: Promise<string>;
}

/** Opens a session's GET stream. */
async function openGetStream(gateway: ServingProcess): Promise<OpenStream> {
	const url = address(gateway, 'old');
	const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
	const session = (await post(url, legacy('initialize', params), headers())).headers.get('mcp-session-id') ?? '';
	const all = { ...headers(), accept: 'text/event-stream', 'mcp-session-id': session };
	const response = await fetch(url, { headers: all });
	expect(response.status).toBe(200);
	return { whole: response.text() };
}

/** Opens a modern subscription; it has been acknowledged when this resolves. */
async function openSubscription(gateway: ServingProcess, id: number): Promise<OpenStream> {
	const message = modern('subscriptions/listen', { notifications: { toolsListChanged: true } }, id);
	const response = await fetch(address(gateway, 'fresh'), {
		method: 'POST',
		headers: {
			...headers(),
			...message.headers,
			...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
		},
		body: JSON.stringify(message.body),
	});
	expect(response.status).toBe(200);
	return { whole: response.text() };
}

describe('a gateway that is told to stop', () => {
	it('ends ten open streams, lets slow calls finish, takes no new ones, and leaves nothing behind', async () => {
		configure();
		const gateway = await serve(bench);
		const streams = await Promise.all([
			...[1, 2, 3, 4, 5].map(() => openGetStream(gateway)),
			...[1, 2, 3, 4, 5].map((id) => openSubscription(gateway, id)),
		]);
		const session = await openGetStream(gateway);
		const calls = [
			call(gateway, 'child', 'slow', { ms: 1_500 }),
			post(address(gateway, 'fresh'), ...modernSlow(1_500)),
			post(
				`${gateway.url}/mcp`,
				legacy('tools/call', { name: 'google__child__slow', arguments: { ms: 1_500 } }),
				headers(),
			),
		];
		await until(() => childHas('slow') && fresh.seen.some(({ name }) => name === 'slow'));
		gateway.signal('SIGTERM');
		const ended = await Promise.all([...streams, session].map(({ whole }) => whole));
		for (const text of ended.slice(5, 10)) expect(text).toContain('"resultType":"complete"');
		expect(isRunning(gateway.pid), 'the calls are still running').toBe(true);
		await expect(fetch(`${gateway.url}/mcp`, { method: 'POST' })).rejects.toThrow();
		expect((await fetch(`${gateway.operatorUrl}/readyz`)).status).toBe(503);
		expect((await fetch(`${gateway.operatorUrl}/healthz`)).status).toBe(200);
		for (const answer of await Promise.all(calls)) expect(textOf(answer)).toMatch(/slow done$/);
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
		expect(children().filter(isRunning)).toEqual([]);
		expect((await bench.audit()).filter(({ tool, outcome }) => tool === 'slow' && outcome === 'ok')).toHaveLength(3);
		expect(gateway.stderr()).toContain('"msg":"stopped"');
	});

	it('refuses a call that was half sent when it was told, and says to try again', async () => {
		configure();
		const gateway = await serve(bench);
		const slow = call(gateway, 'child', 'slow', { ms: 1_000 });
		await until(() => childHas('slow'));
		const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
		const answer = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
		await new Promise<void>((written) => socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\n', () => written()));
		expect(codeOf(await call(gateway, 'child', 'echo', { text: 'the half has arrived' }))).toBe('ok');
		gateway.signal('SIGTERM');
		await until(() => gateway.stderr().includes('draining'));
		socket.write(`Authorization: ${headers().authorization}\r\nContent-Length: 0\r\n\r\n`);
		const text = await answer;
		expect(text).toMatch(/^HTTP\/1.1 503 /);
		expect(text).toMatch(/^retry-after: \d+\r$/im);
		expect(text).toContain('PC_SHUTTING_DOWN');
		expect(textOf(await slow)).toBe('CHILD: slow done');
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
	});

	it('waits no longer than it was told to', async () => {
		configure(400);
		const gateway = await serve(bench);
		const endless = call(gateway, 'child', 'slow', { ms: 60_000 });
		await until(() => childHas('slow'));
		gateway.signal('SIGINT');
		await expect(endless).rejects.toThrow();
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
		expect(children().filter(isRunning)).toEqual([]);
	});

	it('ends children that would not go, and theirs', async () => {
		configure(400, { ignoreSigterm: true, ignoreEof: true, grandchild: true });
		const gateway = await serve(bench);
		expect(textOf(await call(gateway, 'child', 'echo', { text: 'x' }))).toBe('CHILD: x');
		const grandchild = readStdioLog(bench.path('child.jsonl')).find(({ event }) => event === 'grandchild')?.pid ?? 0;
		expect(isRunning(grandchild)).toBe(true);
		gateway.signal('SIGTERM');
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
		expect([...children(), grandchild].filter(isRunning)).toEqual([]);
	});

	it('twice ends at once, and its children with it', async () => {
		configure();
		const gateway = await serve(bench);
		const endless = call(gateway, 'child', 'slow', { ms: 60_000 }).catch(() => 'cut');
		await until(() => childHas('slow'));
		const press = setInterval(() => gateway.signal('SIGTERM'), 200);
		expect(await gateway.exit).toEqual({ code: 1, signal: null });
		clearInterval(press);
		expect(gateway.stderr()).toContain('draining');
		expect(await endless).toBe('cut');
		await until(() => children().every((pid) => !isRunning(pid)));
	});

	it('before its first call ends as well', async () => {
		configure();
		const gateway = await serve(bench);
		gateway.signal('SIGTERM');
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
	});
});

/** Others say what was changed and read in the database. */
const isOfCall = ({ kind }: AuditLine): boolean => kind === 'intent' || kind === 'outcome';

function modernSlow(ms: number): [object, Record<string, string>] {
	const message = modern('tools/call', { name: 'slow', arguments: { ms } });
	return [message.body, { ...headers(), ...message.headers }];
}

describe.skipIf(!existsSync('/usr/bin/setpriv'))('a gateway that is killed', () => {
	it('leaves no child, and the intent of the call it took with it is in the audit', async () => {
		configure();
		const gateway = await serve(bench);
		const cut = call(gateway, 'child', 'slow', { ms: 60_000 }).catch(() => 'cut');
		await until(() => childHas('slow'));
		expect(children().filter(isRunning)).toHaveLength(1);
		gateway.signal('SIGKILL');
		expect(await gateway.exit).toEqual({ code: null, signal: 'SIGKILL' });
		expect(await cut).toBe('cut');
		await until(() => children().every((pid) => !isRunning(pid)));
		expect((await bench.audit()).filter(({ tool }) => tool === 'slow')).toMatchObject([{ kind: 'intent' }]);
	});

	it('starts again over the same audit and goes on below it', async () => {
		configure();
		const first = await serve(bench);
		expect(textOf(await call(first, 'child', 'echo', { text: 'x' }))).toBe('CHILD: x');
		first.signal('SIGKILL');
		await first.exit;
		const kept = (await bench.audit()).filter(isOfCall);
		expect(kept).toHaveLength(2);
		const second = await serve(bench);
		expect(textOf(await call(second, 'child', 'echo', { text: 'y' }))).toBe('CHILD: y');
		second.signal('SIGTERM');
		await second.exit;
		const all = (await bench.audit()).filter(isOfCall);
		expect(all.slice(0, kept.length)).toEqual(kept);
		expect(all.length).toBe(kept.length + 2);
	});
});
