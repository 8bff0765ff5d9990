import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import { STRANGE, TOOLS } from '../fakes/mcpo-fixture-data.mjs';

const FIXTURE = join(import.meta.dirname, '..', 'fakes', 'mcpo-fixture.mjs');
const stdio = { transport: 'stdio', command: process.execPath, args: [FIXTURE] };

/** What mcpo answered in front of the same server. */
interface Pair {
	readonly name: string;
	readonly path: string;
	readonly method?: string;
	readonly body?: string;
	readonly type?: string;
	readonly answer: { readonly status: number; readonly text: string; readonly allow?: string };
}

const PAIRS = JSON.parse(readFileSync('test/golden/mcpo/pairs.json', 'utf8')) as readonly Pair[];

let gateway: TestGateway;
beforeAll(async () => {
	gateway = await startGateway({
		workspaces: {
			google: { servers: { fixture: stdio, strange: { ...stdio, args: [FIXTURE, 'strange'] } } },
			microsoft: { servers: { fixture: stdio } },
		},
		grants: [
			{ group: 'MCP-Google', workspace: 'google', access: 'write' },
			{ group: 'MCP-Google-Readers', workspace: 'google', access: 'read' },
			{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'write' },
		],
	});
});
afterAll(() => gateway.close());

interface Asked extends Pick<Pair, 'path' | 'method' | 'body' | 'type'> {
	readonly groups?: readonly string[];
}

async function ask({ path, method = 'POST', body, type = 'application/json', groups = ['MCP-Google'] }: Asked) {
	const authorization = `Bearer ${gateway.tokenFor(groups)}`;
	const contentType = body === undefined || type === '' ? undefined : { 'content-type': type };
	// A text gets a content type from fetch, bytes do not.
	const bytes = body === undefined ? null : Buffer.from(body);
	const response = await fetch(gateway.url + path, {
		...{ method, redirect: 'manual', headers: { authorization, ...contentType } },
		...(bytes && { body: bytes }),
	});
	return { status: response.status, headers: response.headers, text: await response.text() };
}

const BASE = '/w/google/s/fixture';

/** Pairs in which the better way differs from mcpo's, and what it is. */
const BETTER: Readonly<Record<string, Partial<Pair['answer']>>> = {
	'result nan': { text: '"NaN"' },
	'result exact': { text: '{"big":12345678901234567890,"one":1.0,"e":1e2}' },
	'result spaced': { text: '{"a" : 1}' },
	'result audio': { text: '"data:audio/wav;base64,UklGRg=="' },
	'result link': { text: '{"type":"resource_link","uri":"file:///a.txt","name":"a"}' },
	'result embedded': { text: '"inside"' },
	'result blob': { text: '"data:application/octet-stream;base64,AAE="' },
	'result structured': { text: '{"total":99.50}' },
	'result both': { text: '{"total":99.50}' },
	'result error': { text: '{"detail":{"message":"boom"}}' },
	'result errors': { text: '{"detail":{"message":"boom\\nbang"}}' },
	'result silent error': { text: '{"detail":{"message":"Unknown tool execution error"}}' },
	'open, unknown key': { text: '{"a":1,"more":2}' },
	'types number from int': { text: '{"s":"a","i":3,"n":7}' },
};

describe('a server as an OpenAPI service', () => {
	it.each(PAIRS)('answers as mcpo does, or better: $name', async (pair) => {
		const wanted = { ...pair.answer, ...BETTER[pair.name] };
		const { status, headers, text } = await ask({ ...pair, path: BASE + pair.path });
		expect({ status, text }).toEqual({ status: wanted.status, text: wanted.text });
		expect(headers.get('content-type')).toBe('application/json');
		if (wanted.allow !== undefined) expect(headers.get('allow')).toBe(wanted.allow);
	});

	it('documents every tool of the caller, with the addresses and operation ids of mcpo', async () => {
		const { status, text } = await ask({ path: `${BASE}/openapi.json`, method: 'GET' });
		const theirs = JSON.parse(readFileSync('test/golden/mcpo/document.json', 'utf8'));
		expect(status).toBe(200);
		expect(JSON.parse(text).paths).toEqual(theirs.paths);
		expect(JSON.parse(text).servers).toEqual([{ url: BASE }]);
	});

	it('answers both slash forms, HEAD, and no redirect', async () => {
		const [plain, slashed] = await Promise.all(
			['', '/'].map((slash) => ask({ path: `${BASE}/openapi.json${slash}`, method: 'GET' })),
		);
		expect(slashed!.text).toBe(plain!.text);
		expect(await ask({ path: `${BASE}/openapi.json`, method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
		expect(await ask({ path: `${BASE}/get_current_time/`, body: '{"timezone":"UTC"}' })).toMatchObject({
			text: '"hello"',
		});
	});

	it('tells how to sign in, in the words of mcpo', async () => {
		const response = await fetch(`${gateway.url}${BASE}/give`, { method: 'POST', body: '{}' });
		expect(response.status).toBe(401);
		expect(response.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="/);
		expect(await response.json()).toEqual({ detail: 'Missing or invalid Authorization header' });
	});

	it('has for others neither tools nor a name', async () => {
		const foreign = { groups: ['MCP-Microsoft'] };
		for (const path of [
			`${BASE}/give`,
			'/w/nowhere/s/fixture/give',
			'/w/google/s/none/give',
			'/w/google/fixture__give',
		]) {
			const told = await ask({ path, body: '{"kind":"text"}', ...foreign });
			expect(told).toMatchObject({ status: 404, text: '{"detail":"Not Found"}' });
		}
		expect((await ask({ path: `${BASE}/openapi.json`, method: 'GET', ...foreign })).status).toBe(404);
		expect((await ask({ path: `${BASE}/give`, body: '{"kind":"text"}' })).status).toBe(200);
	});

	it('neither documents nor looks at what a level does not allow', async () => {
		const reader = { groups: ['MCP-Google-Readers'] };
		const { text } = await ask({ path: `${BASE}/openapi.json`, method: 'GET', ...reader });
		expect(JSON.parse(text).paths).toEqual({});
		// Wrong arguments would tell that there is such a tool.
		for (const path of [`${BASE}/give`, `${BASE}/nothing`]) {
			expect(await ask({ path, body: '{}', ...reader })).toMatchObject({ status: 404, text: '{"detail":"Not Found"}' });
		}
	});

	it('says in a word that a body is too large', async () => {
		const body = JSON.stringify({ kind: 'x'.repeat(1_200_000) });
		const { status, text } = await ask({ path: `${BASE}/give`, body });
		expect([status, JSON.parse(text)]).toEqual([413, { detail: expect.stringMatching(/larger than/) }]);
	});

	it('serves a tool that is called like an address, and one whose reference mcpo cannot follow', async () => {
		const { text } = await ask({ path: '/w/google/s/strange/openapi.json', method: 'GET' });
		expect(Object.keys(JSON.parse(text).paths)).toEqual(expect.arrayContaining(['/mcp_2', '/foreign']));
		const told = await ask({ path: '/w/google/s/strange/mcp_2', body: '{"kind":"number"}' });
		expect(told).toMatchObject({ status: 200, text: '42' });
		expect((await ask({ path: `${BASE}/mcp_2`, body: '{"kind":"number"}' })).status).toBe(404);
	});

	it('is recorded like every other call', async () => {
		const { headers } = await ask({ path: `${BASE}/give`, body: '{"kind":"text"}' });
		const lines = gateway.audit().filter(({ request }) => request === headers.get('x-request-id'));
		expect(lines).toMatchObject([
			{ kind: 'intent', workspace: 'google', server: 'fixture', tool: 'give', method: 'tools/call' },
			{ kind: 'outcome', outcome: 'ok' },
		]);
	});
});

describe('a workspace and all workspaces as an OpenAPI service', () => {
	it('have the names of their aggregates', async () => {
		const workspace = JSON.parse((await ask({ path: '/w/google/openapi.json', method: 'GET' })).text);
		expect(Object.keys(workspace.paths)).toContain('/fixture__give');
		const groups = ['MCP-Google', 'MCP-Microsoft'];
		const all = JSON.parse((await ask({ path: '/openapi.json', method: 'GET', groups })).text);
		expect(Object.keys(all.paths)).toEqual(
			expect.arrayContaining(['/google__fixture__give', '/microsoft__fixture__give']),
		);
		expect(all.paths['/google__fixture__give'].post.operationId).toBe('tool_google__fixture__give_post');
		const body = '{"kind":"exact"}';
		for (const path of ['/w/google/fixture__give', '/google__fixture__give']) {
			const told = await ask({ path, body, groups });
			expect(told).toMatchObject({ status: 200, text: '{"big":12345678901234567890,"one":1.0,"e":1e2}' });
		}
	});
});

describe('the plain list of tools', () => {
	it('has the tools of each workspace of the caller, and calls them', async () => {
		const { tools } = JSON.parse(
			(await ask({ path: '/tools', method: 'GET', groups: ['MCP-Google', 'MCP-Microsoft'] })).text,
		);
		expect(tools).toHaveLength(3 * TOOLS.length + STRANGE.length);
		expect(tools.filter(({ workspace }: { workspace: string }) => workspace === 'google')).toContainEqual({
			...{ name: 'fixture__get_current_time', workspace: 'google', server: 'fixture', access_level: 'write' },
			description: 'Get current time in a specific timezone',
			input_schema: TOOLS[0]!['inputSchema'],
		});
		const named = tools.find(({ name }: { name: string }) => name === 'fixture__with_output');
		expect(named.output_schema).toEqual(TOOLS.find(({ name }) => name === 'with_output')!['outputSchema']);
		const told = await ask({ path: '/tools/google/fixture__give/execute', body: '{"kind":"exact"}' });
		expect(told.text).toBe('{"big":12345678901234567890,"one":1.0,"e":1e2}');
	});

	it('has nothing of a workspace that is not the caller’s, and calls nothing there', async () => {
		const { tools } = JSON.parse((await ask({ path: '/tools', method: 'GET' })).text);
		expect(new Set(tools.map(({ workspace }: { workspace: string }) => workspace))).toEqual(new Set(['google']));
		for (const path of [
			'/tools/microsoft/fixture__give/execute',
			'/tools/nowhere/fixture__give/execute',
			'/tools/google/fixture__none/execute',
			'/tools/google/none__give/execute',
		]) {
			expect(await ask({ path, body: '{"kind":"text"}' })).toMatchObject({
				status: 404,
				text: '{"detail":"Not Found"}',
			});
		}
	});
});

describe('the viewer', () => {
	it('is one page for every address, with files of its own and nothing from elsewhere', async () => {
		const [page, other] = await Promise.all(
			[`${BASE}/docs`, '/w/nowhere/docs/'].map((path) => fetch(gateway.url + path, { redirect: 'manual' })),
		);
		expect([page!.status, other!.status]).toEqual([200, 200]);
		const html = await page!.text();
		expect(await other!.text()).toBe(html);
		expect(page!.headers.get('content-type')).toBe('text/html; charset=utf-8');
		expect(page!.headers.get('content-security-policy')).toContain("script-src 'self';");
		const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link as string);
		expect(links).toHaveLength(4);
		for (const link of links) {
			expect(link).toMatch(/^\/docs-files\//);
			expect((await fetch(gateway.url + link)).status).toBe(200);
		}
	});

	it('has files that anybody may keep for a day, and that are not sent again to who has them', async () => {
		for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css', 'viewer.js', 'viewer.css']) {
			const url = `${gateway.url}/docs-files/${name}`;
			const first = await fetch(url);
			const tag = first.headers.get('etag') as string;
			expect([tag.length > 20, first.headers.get('cache-control')]).toEqual([true, 'public, max-age=86400']);
			for (const known of [tag, `"other", W/${tag}`]) {
				const again = await fetch(url, { headers: { 'if-none-match': known } });
				expect([again.status, await again.text(), again.headers.get('etag')], name).toEqual([304, '', tag]);
			}
			expect((await fetch(url, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
		}
		// What says something of somebody is kept by nobody.
		const document = await ask({ path: `${BASE}/openapi.json`, method: 'GET' });
		expect([document.headers.get('cache-control'), document.headers.get('etag')]).toEqual(['no-store', null]);
	});

	it('has no other files', async () => {
		for (const name of ['swagger-ui.js', '../package.json', '..%2fpackage.json', '__proto__', 'toString', '']) {
			expect((await fetch(`${gateway.url}/docs-files/${name}`)).status, name).toBe(404);
		}
	});
});
