import { readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
	type AuditLine,
	legacy,
	modern,
	type PlainAnswer,
	post,
	startGateway,
	type TestGateway,
} from '../fakes/gateway.ts';
import { type Listener, listen, sendJson } from '../fakes/mcp/http-server.ts';
import { type LegacyHttpFixture, startLegacyHttp, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { auditOf, outcomeOf, refused } from './edge-refusal.ts';
import { callTool, codeOf, until, type Way } from './failure-calls.ts';

const SECRET = 'k-77aa-audit-secret';
const OLD: Way = { path: '/w/google/s/old/mcp', era: 'legacy' };
const FRESH: Way = { path: '/w/google/s/fresh/mcp', era: 'modern' };
const CHILD: Way = { path: '/w/google/s/child/mcp', era: 'legacy' };
const WATCHER: Way = { path: '/w/google/s/watcher/mcp', era: 'legacy' };

let gateway: TestGateway;
let old: LegacyHttpFixture;
let fresh: Awaited<ReturnType<typeof startModernHttp>>;
let watcher: Listener;
/** The audit as it stood when a call reached the server. */
const watched: (readonly AuditLine[])[] = [];

beforeAll(async () => {
	old = await startLegacyHttp({ canary: 'RESULT-of-old', sessions: false });
	fresh = await startModernHttp({ canary: 'RESULT-of-fresh' });
	watcher = await startWatcher();
	const headers = { 'x-api-key': '${env:KEY}' };
	gateway = await startGateway(
		{
			workspaces: {
				google: {
					servers: {
						old: { transport: 'http', url: old.url, headers },
						fresh: { transport: 'http', url: fresh.url, headers },
						child: {
							transport: 'stdio',
							...stdioServer({ canary: 'RESULT-of-child' }),
							env: { API_KEY: '${env:KEY}' },
						},
						watcher: { transport: 'http', url: `${watcher.origin}/mcp` },
					},
				},
				microsoft: { servers: { old: { transport: 'http', url: old.url } } },
			},
			grants: [
				{ group: 'G', workspace: 'google', access: 'write' },
				{ group: 'R', workspace: 'google', access: 'read' },
			],
		},
		{ KEY: SECRET },
	);
	await callTool(gateway, OLD, 'echo');
});
afterAll(async () => {
	await gateway.close();
	await Promise.all([old.close(), fresh.close(), watcher.close()]);
});
afterEach(() => {
	watched.length = 0;
});

/** A server of one tool that looks into the gateway's audit while it is called. */
function startWatcher(): Promise<Listener> {
	return listen(({ response, seen }) => {
		const id = (seen.body as { id?: unknown } | undefined)?.id;
		const reply = (result: object): void => sendJson(response, 200, { jsonrpc: '2.0', id, result });
		if (seen.method === 'initialize') return reply({ protocolVersion: '2025-11-25', capabilities: { tools: {} } });
		if (seen.method === 'tools/list') return reply({ tools: [{ name: 'look', inputSchema: { type: 'object' } }] });
		if (seen.method !== 'tools/call') return void response.writeHead(seen.method === undefined ? 405 : 404).end();
		watched.push(gateway.audit());
		return reply({ content: [{ type: 'text', text: 'looked' }] });
	});
}

const authorization = (groups: readonly string[] = ['G']): string => `Bearer ${gateway.tokenFor(groups)}`;

function headersOf(way: Way, groups?: readonly string[]): Record<string, string> {
	return { authorization: authorization(groups), 'x-way': way.path };
}

describe('the audit of a call', () => {
	it('says what is about to happen before the server hears of it, and what happened afterwards', async () => {
		const answer = await callTool(gateway, WATCHER, 'look');
		const requestId = answer.headers.get('x-request-id');
		expect(watched[0]?.filter((line) => line['request'] === requestId)).toEqual([
			{
				time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
				...{ kind: 'intent', request: requestId, address: WATCHER.path },
				principal: {
					issuer: gateway.directory.directory.issuer,
					tid: gateway.directory.directory.tenantId,
					oid: '0a1b2c3d-person',
				},
				...{ vouchedBy: 'token', era: 'legacy', method: 'tools/call', route: 'raw' },
				...{ workspace: 'google', workspaceId: 'google', server: 'watcher', tool: 'look' },
				...{ level: 'write', rules: ['grants[0]'] },
				reasons: ['workspace-granted', 'server-enabled', 'tool-enabled', 'level-sufficient'],
				credential: 'workspace:google/watcher',
			},
		]);
		const [, outcome, ...more] = auditOf(gateway, answer);
		expect(more).toEqual([]);
		expect(outcome).toEqual({
			...{ time: expect.any(String), kind: 'outcome', request: requestId, outcome: 'ok' },
			...{ workspace: 'google', workspaceId: 'google', server: 'watcher', tool: 'look' },
			durationMs: expect.any(Number),
		});
	});

	it.each<[string, Way, string]>([
		['plain', OLD, 'echo'],
		['of the modern revision', FRESH, 'echo'],
		['of a child process', CHILD, 'echo'],
	])('is complete before the first byte of an answer leaves: %s', async (_, way, tool) => {
		await callTool(gateway, way, tool);
		const before = gateway.audit().length;
		const lines = await auditAtFirst(way, { name: tool, arguments: { text: 'x' } }, '"result"');
		expect(lines.slice(before)).toMatchObject([{ kind: 'intent' }, { kind: 'outcome', outcome: 'ok' }]);
	});

	it('is complete before the last event of a stream leaves, and not before it is due', async () => {
		const before = gateway.audit().length;
		const params = { name: 'slow', arguments: { ms: 200, steps: 2 }, _meta: { progressToken: 't' } };
		const early = await auditAtFirst(OLD, params, 'notifications/progress');
		expect(early.slice(before)).toMatchObject([{ kind: 'intent' }]);
		await until(() => gateway.audit().length === before + 2);
		const late = await auditAtFirst(OLD, params, '"result"');
		expect(late.slice(before + 2)).toMatchObject([{ kind: 'intent' }, { kind: 'outcome', outcome: 'ok' }]);
	});

	it('tells a tool that failed from a call that did', async () => {
		for (const [tool, outcome] of [
			['echo', 'ok'],
			['fail', 'error'],
			['rpcError', 'error'],
		] as const) {
			for (const way of [OLD, FRESH, CHILD]) {
				expect(auditOf(gateway, await callTool(gateway, way, tool)).at(-1)).toMatchObject({ tool, outcome });
			}
		}
	});

	it('has no argument, result, token, secret or sentence of a server in it', async () => {
		const args = { text: 'ARGUMENT-canary', key: 'ARGUMENT-key', value: 'ARGUMENT-value' };
		for (const way of [OLD, FRESH, CHILD]) {
			for (const tool of ['echo', 'remember', 'recall', 'whoami', 'fail', 'rpcError', 'log', 'no-such-tool']) {
				await callTool(gateway, way, tool, args);
			}
		}
		await post(gateway.url + OLD.path, legacy('resources/read', { uri: 'test://ARGUMENT-uri' }), headersOf(OLD));
		await post(gateway.url + OLD.path, legacy('prompts/get', { name: 'ARGUMENT-prompt' }), headersOf(OLD));
		const trail = readFileSync(join(gateway.folder, 'audit.jsonl'), 'utf8');
		for (const foreign of ['ARGUMENT', 'RESULT-of', SECRET, 'Bearer', gateway.tokenFor(['G']), 'eyJ', '"text"']) {
			expect(trail).not.toContain(foreign);
		}
	});

	it('cannot be flooded by a method name that is as long as a body may be', async () => {
		for (const [length, code] of [
			[128, 'PC_METHOD_UNKNOWN'],
			[129, 'PC_MESSAGE_INVALID'],
			[500_000, 'PC_MESSAGE_INVALID'],
		] as const) {
			const answer = await post(`${gateway.url}/mcp`, legacy('x'.repeat(length)), headersOf(OLD));
			expect(outcomeOf(answer)).toBe(refused(code));
			expect(JSON.stringify(auditOf(gateway, answer)).length).toBeLessThan(1_000);
		}
	});

	it('is a file for its owner alone', () => {
		expect(statSync(join(gateway.folder, 'audit.jsonl')).mode & 0o777).toBe(0o600);
	});
});

/** The audit at the moment in which the text was first seen in the answer's bytes. */
function auditAtFirst(way: Way, params: object, text: string): Promise<readonly AuditLine[]> {
	const message =
		way.era === 'modern'
			? modern('tools/call', params as Record<string, unknown>)
			: { body: legacy('tools/call', params), headers: {} };
	const headers = {
		...{ authorization: authorization(), 'content-type': 'application/json' },
		...{ accept: 'application/json, text/event-stream', ...message.headers },
	};
	return new Promise((resolve, reject) => {
		const sent = request(gateway.url + way.path, { method: 'POST', headers }, (response) => {
			let seen = '';
			response.on('data', (chunk: Buffer) => {
				seen += chunk.toString();
				if (seen.includes(text)) resolve(gateway.audit());
			});
		});
		sent.on('error', reject).end(JSON.stringify(message.body));
	});
}

describe('the audit of what was refused', () => {
	it('has every refusal, with how far it came and why', async () => {
		const call = legacy('tools/call', { name: 'remember', arguments: {} });
		const url = gateway.url + OLD.path;
		const cases: readonly [PlainAnswer, object][] = [
			[await post(url, call), { code: 'PC_TOKEN_MISSING', stage: 'identity', address: OLD.path }],
			[await post(url, '{', headersOf(OLD)), { code: 'PC_JSON_INVALID', principal: expect.anything() }],
			[await post(`${gateway.url}/x`, call), { code: 'PC_ADDRESS_UNKNOWN', stage: 'edge' }],
			[
				await post(`${gateway.url}/w/microsoft/mcp`, call, headersOf(OLD)),
				{ code: 'PC_ADDRESS_UNKNOWN', detail: 'workspace-not-granted' },
			],
			[await post(`${gateway.url}/w/nowhere/mcp`, call, headersOf(OLD)), { detail: 'workspace-unknown' }],
			[
				await post(url, call, headersOf(OLD, ['R'])),
				{
					...{ code: 'PC_TOOL_UNKNOWN', tool: 'remember', level: 'read', workspace: 'google', server: 'old' },
					reasons: ['workspace-granted', 'server-enabled', 'tool-enabled', 'tool-not-read-only'],
				},
			],
		];
		for (const [answer, facts] of cases) {
			const lines = auditOf(gateway, answer);
			expect(lines).toHaveLength(1);
			expect(lines[0]).toMatchObject({ kind: 'outcome', outcome: 'refused', ...facts });
		}
	});

	it('has each message of a batch by itself', async () => {
		const batch = [
			legacy('ping', {}, 1),
			legacy('tools/call', { name: 'google__old__echo', arguments: {} }, 2),
			legacy('tools/call', { name: 'no-such', arguments: {} }, 3),
		];
		const answer = await post(`${gateway.url}/mcp`, batch, headersOf(OLD));
		const id = answer.headers.get('x-request-id');
		const lines = gateway.audit().filter((line) => String(line['request']).startsWith(String(id)));
		expect(lines.map((line) => [line['request'], line['kind'], line['outcome'] ?? '-']).sort()).toEqual(
			[
				[id, 'outcome', 'ok'],
				[`${id}.1`, 'intent', '-'],
				[`${id}.1`, 'outcome', 'ok'],
				[`${id}.2`, 'outcome', 'refused'],
			].sort(),
		);
	});

	it('has each message of a batch, and each its answer, also when the first is refused', async () => {
		const batch = [legacy('tools/call', { name: 'no-such', arguments: {} }, 1), legacy('ping', {}, 2)];
		const answer = await post(`${gateway.url}/mcp`, batch, headersOf(OLD));
		expect(answer.json).toMatchObject([
			{ id: 1, error: { data: { code: 'PC_TOOL_UNKNOWN' } } },
			{ id: 2, result: {} },
		]);
		const id = String(answer.headers.get('x-request-id'));
		const lines = gateway.audit().filter((line) => String(line['request']).startsWith(id));
		expect(lines.map((line) => line['outcome'])).toEqual(['refused', 'ok']);
	});
});

describe('the audit of a caller that leaves', () => {
	/** Sends a call and hangs up once the server has it. */
	async function abandon(
		way: Way,
		upstream: { seen: { name: string | undefined }[] },
		params: object,
	): Promise<string> {
		const before = new Set(gateway.audit().map((line) => line['request']));
		const arrived = upstream.seen.length;
		const message =
			way.era === 'modern'
				? modern('tools/call', params as Record<string, unknown>)
				: { body: legacy('tools/call', params) };
		const hangUp = new AbortController();
		const sent = fetch(gateway.url + way.path, {
			method: 'POST',
			headers: {
				...headersOf(way),
				...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
				...('headers' in message && message.headers),
			},
			body: JSON.stringify(message.body),
			signal: hangUp.signal,
		}).then((response) => response.text());
		await until(() => upstream.seen.slice(arrived).some(({ name }) => name === 'slow'));
		hangUp.abort();
		await sent.catch(() => undefined);
		return String(gateway.audit().find((line) => !before.has(line['request']))?.['request']);
	}
	const outcomeFor = (id: string) =>
		gateway.audit().find((line) => line['request'] === id && line['kind'] === 'outcome');

	it('says that a modern call was cancelled', async () => {
		const id = await abandon(FRESH, fresh, { name: 'slow', arguments: { ms: 20_000 } });
		await until(() => outcomeFor(id) !== undefined);
		expect(outcomeFor(id)).toMatchObject({ outcome: 'failed', code: 'PC_CALL_CANCELLED', tool: 'slow' });
		await until(() => fresh.cancelled.length > 0);
	});

	it('says how a legacy call ended all the same, for leaving is not cancelling', async () => {
		const id = await abandon(OLD, old, { name: 'slow', arguments: { ms: 300 } });
		await until(() => outcomeFor(id) !== undefined);
		expect(outcomeFor(id)).toMatchObject({ outcome: 'ok', tool: 'slow' });
	});

	it('says how a streamed legacy call ended', async () => {
		const params = { name: 'slow', arguments: { ms: 300, steps: 3 }, _meta: { progressToken: 't' } };
		const id = await abandon(OLD, old, params);
		await until(() => outcomeFor(id) !== undefined);
		expect(outcomeFor(id)).toMatchObject({ outcome: 'ok', tool: 'slow' });
	});

	it('says that a streamed modern call was cut', async () => {
		const params = { name: 'slow', arguments: { ms: 20_000, steps: 2_000 }, _meta: { progressToken: 't' } };
		const id = await abandon(FRESH, fresh, params);
		await until(() => outcomeFor(id) !== undefined);
		expect(outcomeFor(id)?.['outcome']).toMatch(/^(?:cut|failed)$/);
		expect(outcomeFor(id)).toMatchObject({ code: 'PC_CALL_CANCELLED', tool: 'slow' });
	});
});

describe('the counts of calls', () => {
	it('agree with the audit: as many outcomes as answers', async () => {
		const counted = async (): Promise<number> => {
			const text = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
			const lines = text.split('\n').filter((line) => line.startsWith('portcullis_calls_total{'));
			return lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
		};
		const answers = await Promise.all([
			callTool(gateway, OLD, 'echo'),
			callTool(gateway, CHILD, 'fail'),
			callTool(gateway, OLD, 'no-such'),
			post(`${gateway.url}/nowhere`, '{}'),
		]);
		expect(answers.map(outcomeOf)).toEqual(['200', '200', refused('PC_TOOL_UNKNOWN'), refused('PC_ADDRESS_UNKNOWN')]);
		expect(codeOf(answers[0] as PlainAnswer)).toBe('ok');
		expect(await counted()).toBe(gateway.audit().filter((line) => line['kind'] === 'outcome').length);
	});
});
