import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';

const FIXTURE = join(import.meta.dirname, '..', 'fakes', 'mcpo-fixture.mjs');
const fixture = { transport: 'stdio', command: process.execPath, args: [FIXTURE] };

/** What mcpo answered in front of the same server. */
interface Pair {
	readonly name: string;
	readonly path: string;
	readonly method?: string;
	readonly body?: string;
	readonly type?: string;
	readonly answer: { readonly status: number; readonly text: string };
}

const PAIRS = JSON.parse(readFileSync('test/golden/mcpo/pairs.json', 'utf8')) as readonly Pair[];
const DOCUMENT = JSON.parse(readFileSync('test/golden/mcpo/document.json', 'utf8'));

/** A server that answers every call with HTTP headers which Open WebUI would act on, and with a page. */
async function startShowing() {
	const server = createServer((request, response) => void answerShowing(request, response));
	await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
	const { port } = server.address() as AddressInfo;
	return { url: `http://127.0.0.1:${port}/mcp`, close: () => server.close() };
}

async function answerShowing(request: IncomingMessage, response: ServerResponse): Promise<void> {
	let text = '';
	for await (const chunk of request) text += String(chunk);
	const { id, method } = JSON.parse(text) as { id?: number; method: string };
	const meta = { 'io.modelcontextprotocol/serverInfo': { name: 'showing', version: '9.9' } };
	const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta: meta };
	const html = { uri: 'ui://page', mimeType: 'text/html', text: '<p>a page</p>' };
	const results: Readonly<Record<string, object>> = {
		'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, instructions: 'Ask me.' },
		'tools/list': { tools: [{ name: 'show', inputSchema: { type: 'object' } }] },
		'tools/call': { content: [{ type: 'resource', resource: html }] },
	};
	response.writeHead(200, {
		...{
			'content-type': 'application/json',
			'content-disposition': 'inline; filename=x',
			location: 'https://evil.example/',
		},
		...{ refresh: '0; url=https://evil.example/', 'x-upstream': 'canary-of-a-header', 'set-cookie': 'canary=1' },
	});
	response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { ...complete, ...results[method] } }));
}

let showing: Awaited<ReturnType<typeof startShowing>>;
let gateway: TestGateway;
beforeAll(async () => {
	showing = await startShowing();
	const servers = { fixture, showing: { transport: 'http', url: showing.url } };
	gateway = await startGateway({
		workspaces: {
			better: { servers },
			exact: { servers, openApi: { mcpo: 'strict' } },
			typed: { servers, openApi: { coercion: 'deny' } },
			shown: { servers, openApi: { embeds: 'allow' } },
		},
		grants: [{ group: 'ALL', workspace: '*', access: 'write' }],
		limits: { openApiCallMs: 400 },
	});
});
afterAll(async () => {
	await gateway.close();
	showing.close();
});

interface Asked extends Pick<Pair, 'path' | 'method' | 'body' | 'type'> {
	readonly authorization?: string;
}

async function ask({ path, method = 'POST', body, type = 'application/json', authorization }: Asked) {
	const contentType = body === undefined || type === '' ? undefined : { 'content-type': type };
	// A text gets a content type from fetch, bytes do not.
	const bytes = body === undefined ? null : Buffer.from(body);
	const response = await fetch(gateway.url + path, {
		...{ method, redirect: 'manual' },
		headers: { authorization: authorization ?? `Bearer ${gateway.tokenFor(['ALL'])}`, ...contentType },
		...(bytes && { body: bytes }),
	});
	return { status: response.status, headers: response.headers, text: await response.text() };
}

const give = (workspace: string, kind: string) =>
	ask({ path: `/w/${workspace}/s/fixture/give`, body: JSON.stringify({ kind }) });

describe('a workspace that wants what mcpo 0.0.20 does', () => {
	it.each(PAIRS)('is answered like that: $name', async (pair) => {
		const { status, text } = await ask({ ...pair, path: `/w/exact/s/fixture${pair.path}` });
		// JSON has no word for what mcpo calls null.
		const wanted = pair.name === 'result nan' ? 'NaN' : JSON.parse(pair.answer.text);
		expect({ status, json: JSON.parse(text) }).toEqual({ status: pair.answer.status, json: wanted });
	});

	it('has its document, member by member', async () => {
		const { text } = await ask({ path: '/w/exact/s/fixture/openapi.json', method: 'GET' });
		const { servers, ...document } = JSON.parse(text);
		expect(document).toEqual(DOCUMENT);
		expect(servers).toEqual([{ url: '/w/exact/s/fixture' }]);
	});

	it('keeps it to itself: others, and the whole set of the caller, have the better way', async () => {
		const enumOf = (text: string, key: string) => JSON.parse(text).components.schemas[key].properties.color.enum;
		for (const [path, key] of [
			['/w/better/s/fixture', 'types'],
			['/w/better', 'fixture__types'],
			['', 'better__fixture__types'],
			['', 'exact__fixture__types'],
		]) {
			const { text } = await ask({ path: `${path}/openapi.json`, method: 'GET' });
			expect(enumOf(text, `${key}_form_model`), path).toEqual(['red', 'green']);
		}
		const own = await ask({ path: '/w/exact/openapi.json', method: 'GET' });
		expect(enumOf(own.text, 'fixture__types_form_model')).toBeUndefined();
	});

	it('is answered like that also where workspaces are called together', async () => {
		const body = '{"kind":"error"}';
		const strict = '{"detail":{"message":"Unexpected error","error":"500: {\'message\': \'boom\'}"}}';
		for (const [path, text] of [
			['/exact__fixture__give', strict],
			['/tools/exact/fixture__give/execute', strict],
			['/better__fixture__give', '{"detail":{"message":"boom"}}'],
			['/tools/better/fixture__give/execute', '{"detail":{"message":"boom"}}'],
		] as const) {
			expect(await ask({ path, body }), path).toMatchObject({ status: 500, text });
		}
	});
});

describe('a workspace that turns nothing into something else', () => {
	it('refuses a text where a number is wanted, and takes what is one', async () => {
		const told = async (workspace: string, member: object) => {
			const body = JSON.stringify({ s: 'a', ...member });
			const { status, text } = await ask({ path: `/w/${workspace}/s/fixture/types`, body });
			return [status, status === 422 ? JSON.parse(text).detail[0].type : 'ok'];
		};
		for (const [member, type] of [
			[{ i: '7' }, 'int_type'],
			[{ i: true }, 'int_type'],
			[{ n: '7.5' }, 'float_type'],
			[{ b: 'yes' }, 'bool_type'],
			[{ b: 1 }, 'bool_type'],
		] as const) {
			expect(await told('typed', member), JSON.stringify(member)).toEqual([422, type]);
			expect(await told('better', member), JSON.stringify(member)).toEqual([200, 'ok']);
		}
		expect(await told('typed', { i: 7, n: 7, b: false, either: 7 })).toEqual([200, 'ok']);
	});
});

describe('a page as the answer of a tool', () => {
	const SHOWN = ['content-disposition', 'location', 'refresh', 'x-upstream', 'set-cookie'];

	it('is a text like any other, and no header of a server ever passes', async () => {
		for (const workspace of ['better', 'exact', 'typed']) {
			for (const told of [
				await ask({ path: `/w/${workspace}/s/showing/show` }),
				await give(workspace, 'page'),
				await give(workspace, 'address'),
			]) {
				expect(told.status).toBe(200);
				expect(told.headers.get('content-type')).toBe('application/json');
				for (const name of SHOWN) expect(told.headers.get(name), name).toBeNull();
			}
		}
		expect((await ask({ path: '/w/better/s/showing/show' })).text).toBe('"<p>a page</p>"');
	});

	it('is shown in a workspace that allows it, by headers of the gateway’s own and in a sandbox', async () => {
		for (const path of ['/w/shown/s/showing/show', '/shown__showing__show', '/tools/shown/showing__show/execute']) {
			const { status, headers, text } = await ask({ path });
			expect([status, text]).toEqual([200, '<p>a page</p>']);
			const told = SHOWN.map((name) => headers.get(name));
			expect(told).toEqual(['inline', null, null, null, null]);
			expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
			expect(headers.get('content-security-policy')).toBe('sandbox');
		}
		expect((await give('shown', 'page')).text).toBe('<b>grüße</b>');
	});

	it('may be an address of the web, and no other', async () => {
		const told = await give('shown', 'address');
		const url = 'https://example.com/%C3%A4%20b';
		expect([told.headers.get('content-disposition'), told.headers.get('location')]).toEqual(['inline', url]);
		expect([told.headers.get('content-type'), told.text]).toEqual(['application/json', JSON.stringify(url)]);
		const script = await give('shown', 'script');
		expect([script.text, script.headers.get('location')]).toEqual(['"javascript:alert(1)"', null]);
		expect((await give('shown', 'embedded')).text).toBe('"inside"');
	});
});

describe('a document', () => {
	it('describes a server in its own words, and several by title and links', async () => {
		const infoAt = async (path: string) =>
			JSON.parse((await ask({ path: `${path}/openapi.json`, method: 'GET' })).text).info;
		expect(await infoAt('/w/better/s/fixture')).toEqual(DOCUMENT.info);
		expect(await infoAt('/w/better/s/showing')).toEqual({ title: 'showing', description: 'Ask me.', version: '9.9' });
		expect(await infoAt('/w/better')).toEqual({
			title: 'better',
			description:
				'better MCP Servers\n\n- **available tools**：\n    - [fixture](/w/better/s/fixture/docs)' +
				'\n    - [showing](/w/better/s/showing/docs)',
			version: '1.0.0',
		});
		expect((await infoAt('')).description).toContain('\n    - [exact/fixture](/w/exact/s/fixture/docs)');
	});
});

describe('a call', () => {
	it('says in the audit that it came by OpenAPI', async () => {
		const { headers } = await give('better', 'text');
		const [intent] = gateway.audit().filter(({ request }) => request === headers.get('x-request-id'));
		expect(intent).toMatchObject({ address: '/w/better/s/fixture/mcp', facade: 'openapi', tool: 'give' });
	});

	it('may bring its token as the password of Basic, whoever the user is said to be', async () => {
		const token = gateway.tokenFor(['ALL']);
		const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
		const called = (authorization: string, path = '/w/better/s/fixture/give') =>
			ask({ path, body: '{"kind":"text"}', authorization });
		for (const text of [`:${token}`, `somebody:${token}`]) {
			expect(await called(basic(text))).toMatchObject({ status: 200, text: '"hello"' });
			const read = { path: '/w/better/s/fixture/openapi.json', method: 'GET', authorization: basic(text) };
			expect((await ask(read)).status).toBe(200);
		}
		for (const authorization of [basic(token), basic(`a:${token}x`), basic('a:'), 'Basic !', 'Basic', 'Digest a']) {
			const told = await called(authorization);
			expect(told.status, authorization).toBe(401);
			// A browser that is asked for Basic would send it with every page.
			expect(told.headers.get('www-authenticate')).toMatch(/^Bearer /);
		}
	});
});
