import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSseParser } from '../../src/lib/sse-parser.ts';
import { legacy, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type Listener, listen, sendJson } from '../fakes/mcp/http-server.ts';
import { expectRefusal } from './edge-refusal.ts';
import { callTool, codeOf, metric, textOf, type Way } from './failure-calls.ts';

const ODD: Way = { path: '/w/google/s/odd/mcp', era: 'legacy' };
const HELD: Way = { path: '/mcp', era: 'legacy', prefix: 'google__odd__' };
const LIMITS = { firstByteMs: 500, idleMs: 500, totalMs: 1_500, resultBytes: 500_000, frameBytes: 100_000 };
const TOOL = { name: 'act', inputSchema: { type: 'object' } };

/** How the server answers a call with this JSON-RPC id. */
type Act = (response: ServerResponse, id: unknown) => void;
type Lists = (cursor: unknown) => object;

let gateway: TestGateway;
let server: Listener;
let act: Act = sendText('done');
let lists: Lists = () => ({ tools: [TOOL] });

beforeAll(async () => {
	server = await listen(({ response, seen }) => {
		const { id, params } = (seen.body ?? {}) as { id?: unknown; params?: { cursor?: unknown } };
		const reply = (result: object): void => sendJson(response, 200, { jsonrpc: '2.0', id, result });
		if (seen.method === 'initialize') return reply({ protocolVersion: '2025-11-25', capabilities: { tools: {} } });
		if (seen.method === 'tools/list') return reply(lists(params?.cursor));
		if (seen.method === 'tools/call') return act(response, id);
		response.writeHead(seen.httpMethod === 'POST' ? 202 : 405).end();
	});
	gateway = await startGateway(config('odd'));
});
afterAll(async () => {
	await gateway.close();
	await server.close();
});
afterEach(async () => {
	act = sendText('still here');
	for (const way of [ODD, HELD]) expect(textOf(await callTool(gateway, way, 'act'))).toBe('still here');
	expect(await metric(gateway, 'portcullis_tripwire_total')).toBe(0);
	expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

function config(slug: string) {
	const odd = { transport: 'http', url: `${server.origin}/mcp`, era: 'legacy', limits: LIMITS };
	return {
		workspaces: { google: { servers: { [slug]: odd } } },
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
	};
}

function resultText(id: unknown, text: string): string {
	return JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
}

function sendText(text: string): Act {
	return (response, id) =>
		void response.writeHead(200, { 'content-type': 'application/json' }).end(resultText(id, text));
}

/** Answers 200 with these headers and this body. */
function send(body: (id: unknown) => string | Buffer, headers: Readonly<Record<string, string>> = {}): Act {
	return (response, id) =>
		void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body(id));
}

function stream(write: (response: ServerResponse, id: unknown) => void): Act {
	return (response, id) => {
		response.writeHead(200, { 'content-type': 'text/event-stream' });
		write(response, id);
		response.end();
	};
}

/** Writes to the socket what HTTP has no words for. */
function raw(...parts: readonly string[]): Act {
	return (response) => {
		for (const part of parts) response.socket?.write(part);
		response.socket?.end();
	};
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

const FATAL: readonly [string, Act, RegExp][] = [
	['no content type', (response, id) => void response.writeHead(200).end(resultText(id, 'x')), /INVALID/],
	['compressed', send((id) => gzipSync(resultText(id, 'x')), { 'content-encoding': 'gzip' }), /INVALID/],
	['a byte order mark', send((id) => `\ufeff${resultText(id, 'x')}`), /INVALID/],
	['NaN', send((id) => `{"jsonrpc":"2.0","id":${id},"result":{"a":NaN}}`), /INVALID/],
	['a batch', send((id) => `[${resultText(id, 'x')}]`), /INVALID/],
	['a request', send((id) => `{"jsonrpc":"2.0","id":${id},"method":"sampling/createMessage"}`), /INVALID/],
	['neither result nor error', send((id) => `{"jsonrpc":"2.0","id":${id}}`), /INVALID/],
	['its id as text', send((id) => resultText(String(id), 'x')), /INVALID/],
	['its id with a fraction', send((id) => resultText(Number(id) + 0.5, 'x')), /INVALID/],
	['no id', send(() => resultText(undefined, 'x')), /INVALID/],
	['an empty body', send(() => ''), /INVALID/],
	['fewer bytes than announced', raw(`${HEAD}Content-Length: 500\r\n\r\n{"jsonrpc"`), /FAILED/],
	['a broken chunk', raw(`${HEAD}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}`), /FAILED/],
	['no HTTP at all', raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello'), /FAILED/],
	['a hang-up', (response) => void response.destroy(), /FAILED/],
	['a hundred kilobytes of headers', raw(`${HEAD}X-A: ${'a'.repeat(100_000)}\r\n\r\n`), /FAILED/],
	['half of its headers', (response) => void response.socket?.write(HEAD), /TIMEOUT/],
	['headers and no body', (response) => response.writeHead(200).flushHeaders(), /TIMEOUT/],
	['a drip of a body', (response) => drip(response), /TIMEOUT/],
];

function drip(response: ServerResponse): void {
	response.writeHead(200, { 'content-type': 'application/json' });
	const timer = setInterval(() => response.write(' '), 50);
	response.on('close', () => clearInterval(timer));
}

describe('a server that answers a call with', () => {
	it.each(FATAL)('%s fails it', async (_, how, code) => {
		for (const way of [ODD, HELD]) {
			act = how;
			const answer = await callTool(gateway, way, 'act');
			expect(codeOf(answer), answer.text).toMatch(code);
			expect(answer.json.id).toBe(7);
		}
	});
});

const HARMLESS: readonly [string, Act][] = [
	[
		'a spelling of its own for the content type',
		send((id) => resultText(id, 'fine'), { 'content-type': 'Application/JSON; Charset=UTF-8' }),
	],
	[
		'a storm of 102',
		(response, id) => {
			for (let times = 0; times < 50; times++) response.writeProcessing();
			sendText('fine')(response, id);
		},
	],
	[
		'names that every object has',
		send(
			(id) =>
				`${resultText(id, 'fine').slice(0, -2)},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`,
		),
	],
	['a name twice', send((id) => `{"id":0,"id":${id},${resultText(id, 'fine').slice(1)}`)],
	[
		'nesting without end',
		send((id) => `${resultText(id, 'fine').slice(0, -2)},"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`),
	],
	[
		'thousands of notifications first',
		stream((response, id) => {
			for (let at = 0; at < 5_000; at++)
				response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n');
			response.write(`data: ${resultText(id, 'fine')}\n\n`);
		}),
	],
	[
		'every kind of line end',
		stream((response, id) => {
			response.write(
				`: comment\r\n\r\nretry: 1\r\rid: 9\n\n\ndata:\n\nevent: evil\rdata: ${resultText(id, 'fine')}\r\n\r\n`,
			);
		}),
	],
	[
		'an event in many lines',
		stream((response, id) => {
			for (const line of JSON.stringify(JSON.parse(resultText(id, 'fine')), undefined, 1).split('\n'))
				response.write(`data: ${line}\n`);
			response.write('\n');
		}),
	],
	[
		'another answer after the first',
		stream((response, id) => {
			for (const text of ['fine', 'not this']) response.write(`data: ${resultText(id, text)}\n\n`);
			response.write(`data: ${'x'.repeat(200_000)}`);
		}),
	],
];

describe('a server that answers a call with', () => {
	it.each(HARMLESS)('%s is understood', async (_, how) => {
		for (const way of [ODD, HELD, { ...ODD, accept: 'application/json' }]) {
			act = how;
			const { text } = await callTool(gateway, way, 'act');
			expect(text).not.toContain('event: evil');
			const final = JSON.parse(messagesIn(text).at(-1) ?? '');
			expect([final.id, final.result?.content?.[0]?.text], text.slice(0, 500)).toEqual([7, 'fine']);
		}
	});

	it('headers of its own keeps them to itself', async () => {
		for (const way of [ODD, HELD]) {
			act = send((id) => resultText(id, 'fine'), {
				...{ 'set-cookie': 'CANARY=1', location: 'https://CANARY.example', 'www-authenticate': 'Bearer CANARY' },
				...{
					'access-control-allow-origin': '*',
					'x-request-id': 'CANARY',
					'mcp-session-id': 'CANARY',
					server: 'CANARY',
				},
				...{ 'content-disposition': 'attachment', 'strict-transport-security': 'max-age=0', 'retry-after': '99999' },
			});
			const answer = await callTool(gateway, way, 'act');
			expect(textOf(answer)).toBe('fine');
			const usual = ['connection', 'content-length', 'content-type', 'date', 'keep-alive', 'x-request-id'];
			expect([...answer.headers.keys()].sort()).toEqual(usual);
			expect([...answer.headers].join()).not.toContain('CANARY');
		}
	});
});

/** The messages of a body, one for each event of a stream. */
function messagesIn(text: string): readonly string[] {
	if (!text.startsWith('event:')) return [text];
	const messages: string[] = [];
	createSseParser(1_000_000, ({ data }) => void messages.push(data)).push(Buffer.from(text));
	return messages;
}

describe('a server whose list', () => {
	/** Names of the tools after the gateway has forgotten what it knew. */
	async function listAnew(slug: string): Promise<readonly string[]> {
		await gateway.reconfigure(config(slug));
		const headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
		const { json } = await post(`${gateway.url}/w/google/s/${slug}/mcp`, legacy('tools/list'), headers);
		expect(json.result.nextCursor).toBeUndefined();
		return json.result.tools.map(({ name }: { name: string }) => name);
	}
	afterEach(async () => {
		lists = () => ({ tools: [TOOL] });
		await gateway.reconfigure(config('odd'));
	});

	it('leads in a circle is read once around', async () => {
		lists = (cursor) => ({ tools: [{ ...TOOL, name: `t-${cursor ?? 0}` }], nextCursor: cursor === 'a' ? 'b' : 'a' });
		expect(await listAnew('circle')).toEqual(['t-0', 't-a', 't-b']);
	});

	it('never ends is read so far and no further', async () => {
		let page = 0;
		lists = () => ({ tools: [{ ...TOOL, name: `t-${page}` }], nextCursor: String(++page) });
		expect((await listAnew('endless')).length).toBeLessThanOrEqual(200);
		expect(page).toBeLessThanOrEqual(200);
	});

	it('has thousands of tools is listed with all of them, each callable', async () => {
		const tools = Array.from({ length: 5_000 }, (_, at) => ({ ...TOOL, name: `t-${at}` }));
		lists = () => ({ tools });
		expect(await listAnew('many')).toHaveLength(5_000);
		act = sendText('the last');
		expect(textOf(await callTool(gateway, { ...ODD, path: '/w/google/s/many/mcp' }, 't-4999'))).toBe('the last');
	});

	it('has things in it that are no tools is listed without them, and the first of two with one name stands', async () => {
		const strange = [
			null,
			7,
			'act',
			[],
			{},
			{ name: '' },
			{ name: 7 },
			{ ...TOOL, title: 'first' },
			{ ...TOOL, title: 'second' },
		];
		lists = () => ({ tools: strange });
		expect(await listAnew('strange')).toEqual(['act']);
	});

	it('is no list at all is empty, and its tools unknown', async () => {
		for (const [at, tools] of [undefined, null, 'act', { act: TOOL }].entries()) {
			lists = () => ({ tools });
			expect(await listAnew(`none-${at}`)).toEqual([]);
			const way = { ...ODD, path: `/w/google/s/none-${at}/mcp` };
			expectRefusal(await callTool(gateway, way, 'act'), 'PC_TOOL_UNKNOWN', 7);
		}
	});
});
