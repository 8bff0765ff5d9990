import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './operation-process.ts';

const TOKEN = 'ey.canary-7f3a.token';

let bench: Workbench;
let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: { method: string; url: string; headers: IncomingMessage['headers'] }[];

beforeAll(async () => {
	bench = await openWorkbench();
	server = createServer((request, response) => {
		const { method = '', url = '', headers } = request;
		asked.push({ method, url, headers });
		answer(request, response);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
	asked = [];
});
afterEach(() => expect(asked.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true));
afterAll(async () => {
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
	await bench.close();
});

const run = (...args: string[]) => bench.run(args, { PORTCULLIS_URL: url, PORTCULLIS_TOKEN: TOKEN });

function json(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

describe('the command line at a gateway', () => {
	it('follows every page of a list, and no more than it is told to', async () => {
		answer = ({ url = '' }, response) => {
			const { searchParams } = new URL(url, 'http://x');
			const from = Number(searchParams.get('cursor') ?? '0');
			const limit = Math.min(Number(searchParams.get('limit')), 2);
			const items = Array.from({ length: limit }, (_, index) => ({ slug: `w${from + index}` }));
			json(response, 200, { items, ...(from + limit < 5 && { next: String(from + limit) }) });
		};
		const all = await run('workspace', 'list', '--json');
		expect((JSON.parse(all.out) as { items: { slug: string }[] }).items.map(({ slug }) => slug).join()).toMatch(
			/^w0,w1,w2,w3,w4/,
		);
		expect(asked.length).toBe(3);
		asked = [];
		const three = await run('workspace', 'list', '--limit', '3');
		expect(three.out.trim().split('\n').length).toBe(4);
		expect(asked.map(({ url }) => new URL(url, 'http://x').searchParams.get('limit'))).toEqual(['3', '1']);
	});

	it('follows no redirect, and takes no page for an answer', async () => {
		answer = (_request, response) => void response.writeHead(307, { location: `${url}/elsewhere` }).end();
		const moved = await run('workspace', 'list');
		expect([moved.code, moved.out, asked.length]).toEqual([1, '', 1]);
		expect(moved.err).toContain('answers with a redirect, which is not followed');
		answer = (_request, response) => void response.end('<html>Sign in</html>');
		const page = await run('workspace', 'list');
		expect([page.code, page.err]).toEqual([1, `${url} answers 200, but not like a gateway; is the address right?\n`]);
	});

	it('sends a creation again under its key when the answer gets lost', async () => {
		answer = (request, response) => {
			if (asked.length === 1) request.socket.destroy();
			else json(response, 201, { slug: 'google' });
		};
		const made = await run('workspace', 'create', 'google');
		expect([made.code, made.out]).toEqual([0, 'Made the workspace google.\n']);
		const keys = asked.map(({ headers }) => headers['idempotency-key']);
		expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), keys[0]]);
	});

	it('changes the version it has read', async () => {
		answer = ({ method }, response) => {
			response.setHeader('etag', '"7"');
			json(response, 200, { slug: 'google', version: method === 'GET' ? 7 : 8 });
		};
		const changed = await run('workspace', 'update', 'google', '--title', 'New');
		expect(changed.code).toBe(0);
		expect(asked.map(({ method, headers }) => [method, headers['if-match']])).toEqual([
			['GET', undefined],
			['PATCH', '"7"'],
		]);
	});

	it('changes of the OpenAPI settings what was given, and no more', async () => {
		const bodies: string[] = [];
		answer = (request, response) => {
			response.setHeader('etag', '"7"');
			request.on('data', (part) => bodies.push(String(part)));
			request.on('end', () => json(response, 200, { slug: 'google', version: 7 }));
		};
		expect((await run('workspace', 'update', 'google', '--mcpo', 'strict', '--embeds', 'deny')).code).toBe(0);
		expect(bodies).toEqual(['{"openApi":{"mcpo":"strict","embeds":"deny"}}']);
		expect((await run('workspace', 'update', 'google', '--mcpo', 'loose')).code).toBe(2);
	});

	it('tells a refusal as a sentence, what is wrong, and the request id, on standard error', async () => {
		const errors = [{ path: 'body.title', message: 'is too long\x1b[2J' }];
		const problem = { code: 'PC_INPUT_INVALID', detail: 'The request does not fit.', request_id: 'r-1', errors };
		answer = (_request, response) => json(response, 400, problem);
		const refused = await run('workspace', 'create', 'google', '--json');
		expect([refused.code, refused.out]).toEqual([1, '']);
		expect(refused.err).toBe(
			'The request does not fit.\n  body.title: is too long\\u{1b}[2J\n(PC_INPUT_INVALID, request r-1)\n',
		);
	});

	it('follows a chain of records part by part, and ends with 1 where it is broken', async () => {
		const parts = [
			{ intact: true, records: 2, seq: '2', head: 'aa', next: 'on' },
			{ intact: false, records: 1, seq: '4', fault: 'changed' },
		];
		answer = (_request, response) => json(response, 200, parts[asked.length - 1]);
		const broken = await run('audit', 'verify', 'google');
		expect([broken.code, broken.out]).toEqual([1, 'Broken at record 4 (changed); 3 records before it are right.\n']);
		expect(asked.map(({ url }) => url.split('verification')[1])).toEqual(['', '?cursor=on']);
	});

	it('ends with 3 where nobody answers, and where the database of the gateway is away', async () => {
		const gone = await bench.run(['workspace', 'list'], {
			PORTCULLIS_URL: 'http://127.0.0.1:9',
			PORTCULLIS_TOKEN: TOKEN,
		});
		expect([gone.code, gone.err]).toEqual([3, 'The gateway at http://127.0.0.1:9 cannot be reached (ECONNREFUSED).\n']);
		answer = (_request, response) =>
			json(response, 503, { code: 'PC_STORE_UNAVAILABLE', detail: 'Later.', request_id: 'r-2' });
		expect((await run('workspace', 'list')).code).toBe(3);
	});

	it('ends with 2 without a token, with an address that would send it in the clear, and with faulty options', async () => {
		const none = await bench.run(['workspace', 'list', '--url', url]);
		expect([none.code, none.err]).toEqual([2, expect.stringContaining('set PORTCULLIS_TOKEN to an access token')]);
		const clear = await bench.run(['workspace', 'list', '--url', 'http://mcp.example.com'], {
			PORTCULLIS_TOKEN: TOKEN,
		});
		expect([clear.code, clear.err]).toEqual([2, expect.stringMatching(/^PORTCULLIS_URL must be an https address/)]);
		for (const args of [
			['--limit', '0'],
			['--token', TOKEN],
			['--token-file', '/not/there'],
		]) {
			const faulty = await bench.run(['workspace', 'list', '--url', url, ...args]);
			expect([faulty.code, faulty.out]).toEqual([2, '']);
		}
	});

	it('reads the token from a file, and shows it nowhere', async () => {
		writeFileSync(bench.path('token'), `${TOKEN}\n`);
		let cmdline = '';
		answer = (_request, response) => {
			cmdline = bench.commandLines();
			json(response, 401, { code: 'PC_TOKEN_EXPIRED', detail: 'Sign in again.', request_id: 'r-3' });
		};
		const ended = await bench.run(['workspace', 'list', '--url', url, '--token-file', 'token']);
		expect(ended.code).toBe(1);
		expect(cmdline).toContain('--token-file');
		for (const text of [ended.out, ended.err, cmdline]) expect(text).not.toContain('canary');
	});
});
