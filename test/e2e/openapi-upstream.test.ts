import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	type OpenApiService,
	type ServiceAnswer,
	type ServiceRequest,
	startOpenApiService,
} from '../fakes/openapi-api.ts';

interface Pair {
	readonly path: string;
	readonly method?: string;
	readonly body?: string;
	readonly type?: string;
	readonly name: string;
	readonly answer: { readonly status: number; readonly text: string };
}

const FIXTURE = join(import.meta.dirname, '..', 'fakes', 'mcpo-fixture.mjs');
const DOCUMENT = readFileSync('test/golden/mcpo/document.json', 'utf8');
const PAIRS = (JSON.parse(readFileSync('test/golden/mcpo/pairs.json', 'utf8')) as readonly Pair[]).filter(
	({ method, type }) => method === undefined && type === undefined,
);

/** Arguments of the others are filled in and converted on the way in, as mcpo does it. */
const RESULTS = PAIRS.filter(
	({ path, answer }) => answer.status === 200 && !/^\/(?:types|optional_only|open)$/.test(path),
);

const PETS = `
openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: /v1}]
paths:
  /pets/{petId}:
    put:
      operationId: updatePet
      summary: Change a pet
      parameters:
        - {name: petId, in: path, required: true, schema: {type: integer}}
        - {name: dryRun, in: query, schema: {type: boolean}}
        - {name: tags, in: query, schema: {type: array, items: {type: string}}}
        - {name: X-Reason, in: header, schema: {type: string}}
        - {name: X-Api-Key, in: header, required: true, schema: {type: string}}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
    get:
      operationId: getPet
      parameters: [{name: petId, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
components:
  schemas:
    Pet: {type: object, required: [name], properties: {name: {type: string}, weight: {type: number}}}
`;

const isDocument = ({ url }: ServiceRequest): boolean => /\/openapi\.(json|yaml)$/.test(url);

/** What real mcpo answered to the same request, its 404 included. */
function mcpoAnswer(request: ServiceRequest): ServiceAnswer {
	if (isDocument(request)) return { body: DOCUMENT };
	const same = PAIRS.find(({ path, body }) => path === request.url && canonical(body) === canonical(request.body));
	return same === undefined
		? { status: 404, body: '{"detail":"Not Found"}' }
		: { status: same.answer.status, body: same.answer.text };
}

const canonical = (text: string | undefined): string => (text ?? '').replace(/\s/g, '') || '{}';

/** What the pet service does for a path below `/v1/pets/`; anything else it gives back. */
const PET_ANSWERS: Readonly<Record<string, ServiceAnswer>> = {
	redirect: { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
	refused: { status: 401, body: '{"detail":"Invalid API key"}' },
	gone: { status: 410, type: 'application/problem+json', body: '{"title":"Gone","detail":"It ran away."}' },
	busy: { status: 429, headers: { 'retry-after': '3' }, body: '{"message":"Too many"}' },
	broken: { status: 502, type: 'text/html', body: '<html>' },
	picture: { type: 'image/png', body: Buffer.from([137, 80]) },
	large: { body: `"${'x'.repeat(60_000)}"` },
	endless: { type: 'text/event-stream', body: 'data: {}\n\n' },
	nothing: { status: 204, type: 'text/plain' },
	away: 'hang-up',
	silent: 'silence',
};

function petAnswer(request: ServiceRequest): ServiceAnswer {
	if (isDocument(request)) return { type: 'application/yaml', body: PETS };
	const special = PET_ANSWERS[request.url.replace('/v1/pets/', '')];
	if (special !== undefined) return special;
	return {
		body: `{"name": "Tom", "weight": 12345678901234567890, "half": 1.50, "url": ${JSON.stringify(request.url)}}`,
	};
}

let mcpo: OpenApiService;
let pets: OpenApiService;
let hostile: OpenApiService;
let documents: OpenApiService;
let gateway: TestGateway;
const ending: (() => unknown)[] = [];

const HOSTILE: Readonly<Record<string, ServiceAnswer>> = {
	'/types/openapi.json': {
		body: '{"openapi":"3.1.0","paths":{"/x":5,"/y":{"post":{"parameters":"no","requestBody":[]}}}}',
	},
	'/deep/openapi.json': { body: `{"openapi":"3.1.0","paths":${'['.repeat(200_000)}${']'.repeat(200_000)}}` },
	'/large/openapi.json': { body: `{"openapi":"3.1.0","paths":{},"x":"${'x'.repeat(12 * 1024 * 1024)}"}` },
	'/circle/openapi.yaml': { type: 'application/yaml', body: 'openapi: 3.1.0\npaths: &p\n  /x: *p\n' },
	'/abroad/openapi.json': {
		body: '{"openapi":"3.1.0","servers":[{"url":"http://169.254.169.254/"}],"paths":{"/x":{"get":{}}}}',
	},
	'/redirect/openapi.json': { status: 302, headers: { location: 'http://127.0.0.1:1/openapi.json' } },
	'/page/openapi.json': { type: 'text/html', body: '<html></html>' },
};

beforeAll(async () => {
	[mcpo, pets, hostile, documents] = await Promise.all([
		startOpenApiService(mcpoAnswer),
		startOpenApiService(petAnswer),
		startOpenApiService(({ url }) => HOSTILE[url] ?? { status: 404 }),
		startOpenApiService(() => ({ body: PETS, type: 'application/yaml' })),
	]);
	const openapi = (url: string, more: object = {}) => ({ transport: 'openapi', url, ...more });
	const keyed = (secret: string) => ({ headers: { authorization: `Bearer \${env:${secret}}` } });
	const quick = { limits: { firstByteMs: 2_000, totalMs: 3_000, resultBytes: 50_000 } };
	const names = Object.keys(HOSTILE).map(
		(path) => [path.split('/')[1] as string, openapi(hostile.url + path)] as const,
	);
	gateway = await startGateway(
		{
			workspaces: {
				google: {
					servers: {
						mcpo: openapi(`${mcpo.url}/openapi.json`, keyed('GOOGLE')),
						pets: openapi(`${pets.url}/openapi.yaml`, { headers: { 'x-api-key': '${env:GOOGLE}' }, ...quick }),
						elsewhere: openapi(`${documents.url}/pets.yaml`, { baseUrl: `${pets.url}/v1`, ...keyed('GOOGLE') }),
						some: openapi(`${pets.url}/openapi.yaml`, {
							operations: ['GET /pets/*'],
							tools: { rules: { getPet: { readable: true } } },
						}),
						...Object.fromEntries(names),
					},
				},
				microsoft: { servers: { mcpo: openapi(mcpo.url, keyed('MICROSOFT')) } },
				stdio: { servers: { fixture: { transport: 'stdio', command: process.execPath, args: [FIXTURE] } } },
			},
			grants: [
				{ group: 'Google', workspace: 'google', access: 'write' },
				{ group: 'Readers', workspace: 'google', access: 'read' },
				{ group: 'Microsoft', workspace: 'microsoft', access: 'write' },
				{ group: 'Stdio', workspace: 'stdio', access: 'write' },
			],
		},
		{ GOOGLE: 'key-of-google', MICROSOFT: 'key-of-microsoft' },
		{ egressAllow: [new URL(documents.url).host] },
	);
});
afterAll(async () => {
	for (const end of ending.reverse()) await end();
	await gateway.close();
	await Promise.all([mcpo, pets, hostile, documents].map((service) => service.close()));
});

const signedIn = (group: string) => ({ authorization: `Bearer ${gateway.tokenFor([group])}` });

/** Calls a tool as a modern client; arguments are JSON text, so that numbers stay as they are. */
async function call(path: string, tool: string, given = '{}', group = 'Google') {
	const { body, headers } = modern('tools/call', { name: tool, arguments: '@' });
	const text = JSON.stringify(body).replace('"@"', () => given);
	return post(`${gateway.url}${path}/mcp`, text, { ...signedIn(group), ...headers });
}

const PETS_AT = '/w/google/s/pets';
const pet = (id: string) => call(PETS_AT, 'getPet', `{"petId":"${id}"}`);

async function toolsAt(path: string, group = 'Google'): Promise<readonly { readonly name: string }[]> {
	const answer = await post(`${gateway.url}${path}/mcp`, legacy('tools/list'), signedIn(group));
	return answer.json.result.tools;
}

describe('mcpo as a server', () => {
	it('has the tools that mcpo was given', async () => {
		const paths = Object.keys((JSON.parse(DOCUMENT) as { paths: object }).paths);
		expect((await toolsAt('/w/google/s/mcpo')).map(({ name }) => name)).toEqual(
			paths.map((path) => decodeURIComponent(path.slice(1))),
		);
		expect((await toolsAt('/w/google')).map(({ name }) => name)).toContain('mcpo__get_current_time');
	});

	it.each(RESULTS)('gives its results on as they were: $name', async (pair) => {
		const answer = await fetch(`${gateway.url}/w/google/s/mcpo${pair.path}`, {
			method: 'POST',
			headers: { ...signedIn('Google'), 'content-type': 'application/json' },
			...(pair.body !== undefined && { body: pair.body }),
		});
		expect({ status: answer.status, text: await answer.text() }).toEqual({
			status: 200,
			text: pair.answer.text,
		});
	});

	it.each([
		['error params', '/fail', '{"kind":"params"}', 'bad'],
		['result error', '/give', '{"kind":"error"}', 'boom'],
	])('tells its errors in a sentence: %s', async (_, path, given, sentence) => {
		const answer = await call('/w/google/s/mcpo', path.slice(1), given);
		expect(answer.json.result).toMatchObject({ isError: true, content: [{ type: 'text', text: sentence }] });
	});

	it('is called with the credential of each workspace, and never with the token of a caller', async () => {
		const before = mcpo.requests.length;
		await call('/w/google/s/mcpo', 'get_current_time', '{"timezone":"UTC"}');
		await call('/w/microsoft/s/mcpo', 'get_current_time', '{"timezone":"UTC"}', 'Microsoft');
		const sent = mcpo.requests.slice(before).filter(({ method }) => method === 'POST');
		expect(sent.map(({ headers }) => headers.authorization)).toEqual([
			'Bearer key-of-google',
			'Bearer key-of-microsoft',
		]);
		const everything = JSON.stringify([...mcpo.requests, ...pets.requests, ...documents.requests]);
		expect(/eyJ/.test(everything)).toBe(false);
	});

	it('is found at its root, without openapi.json in the address', async () => {
		expect((await toolsAt('/w/microsoft/s/mcpo', 'Microsoft')).length).toBeGreaterThan(5);
	});

	it('may be the facade of a gateway', async () => {
		const before = gateway.tokenFor(['Stdio']);
		const second = await startGateway(
			{
				workspaces: {
					far: {
						servers: {
							facade: {
								transport: 'openapi',
								url: `${gateway.url}/w/stdio/s/fixture`,
								headers: { authorization: 'Bearer ${env:TOKEN}' },
							},
						},
					},
				},
				grants: [{ group: 'Far', workspace: 'far', access: 'write' }],
			},
			{ TOKEN: before },
		);
		ending.push(second.close);
		const headers = { authorization: `Bearer ${second.tokenFor(['Far'])}`, 'content-type': 'application/json' };
		const ask = async (kind: string) => {
			const url = `${second.url}/w/far/s/facade/give`;
			return (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ kind }) })).text();
		};
		expect(await ask('exact')).toBe('{"big":12345678901234567890,"one":1.0,"e":1e2}');
		expect(await ask('image')).toBe('"data:image/png;base64,iVBORw0KGgo="');
		expect(await ask('error')).toBe('{"detail":{"message":"boom"}}');
	});

	it.skipIf(!process.env['MCPO'])('is real mcpo, where there is one', async () => {
		const child = spawn(
			process.env['MCPO'] ?? '',
			['--port', '18231', '--api-key', 'k', '--', process.execPath, FIXTURE],
			{
				stdio: 'ignore',
			},
		);
		ending.push(() => child.kill());
		const url = 'http://127.0.0.1:18231/openapi.json';
		await expect
			.poll(
				() =>
					fetch(url).then(
						({ status }) => status,
						() => 0,
					),
				{ timeout: 30_000 },
			)
			.toBe(200);
		const config = {
			workspaces: {
				w: { servers: { m: { transport: 'openapi', url, headers: { authorization: 'Bearer ${env:K}' } } } },
			},
			grants: [{ group: 'W', workspace: 'w', access: 'write' }],
		};
		const own = await startGateway(config, { K: 'k' });
		ending.push(own.close);
		const headers = { authorization: `Bearer ${own.tokenFor(['W'])}`, 'content-type': 'application/json' };
		const answer = await fetch(`${own.url}/w/w/s/m/give`, { method: 'POST', headers, body: '{"kind":"exact"}' });
		expect(await answer.text()).toBe('{"big":12345678901234567890,"one":1.0,"e":100.0}');
	});
});

describe('a service with an OpenAPI document', () => {
	it('is called with path, query, header and body, every number as it was written', async () => {
		const given =
			'{"petId":12345678901234567890,"dryRun":true,"tags":["a b","c&d"],"X-Reason":"test","name":"Tom","weight":1.0}';
		const answer = await call(PETS_AT, 'updatePet', given);
		const sent = pets.requests.at(-1);
		expect(sent?.method).toBe('PUT');
		expect(sent?.url).toBe('/v1/pets/12345678901234567890?dryRun=true&tags=a%20b&tags=c%26d');
		expect(sent?.body).toBe('{"name":"Tom","weight":1.0}');
		expect(sent?.headers).toMatchObject({ 'x-reason': 'test', 'x-api-key': 'key-of-google' });
		expect(answer.text).toContain('"structuredContent":{"name": "Tom", "weight": 12345678901234567890, "half": 1.50');
		expect(answer.json.result.content[0].text).toContain('"weight": 12345678901234567890, "half": 1.50');
	});

	it('lets nobody set its key, nor leave the address of an operation', async () => {
		const update = (await toolsAt(PETS_AT)).find(({ name }) => name === 'updatePet');
		expect(JSON.stringify(update)).not.toMatch(/api-key/i);
		const before = pets.requests.length;
		for (const id of ['..', '../admin', '%2e%2e', '']) {
			expect((await pet(id)).json.result.isError, id).toBe(true);
		}
		expect(pets.requests).toHaveLength(before);
		await pet('a/b?c#d;e');
		expect(pets.requests.at(-1)?.url).toBe('/v1/pets/a%2Fb%3Fc%23d%3Be');
	});

	it.each([
		['gone', 'Gone: It ran away.'],
		['busy', 'Too many Wait 3 seconds before you try again.'],
	])('tells what it says of a call that failed: %s', async (id, sentence) => {
		expect((await pet(id)).json.result).toMatchObject({ isError: true, content: [{ text: sentence }] });
	});

	it.each([
		['redirect', 'PC_UPSTREAM_REDIRECT'],
		['refused', 'PC_UPSTREAM_REFUSED'],
		['broken', 'PC_UPSTREAM_FAILED'],
		['large', 'PC_UPSTREAM_TOO_LARGE'],
		['endless', 'PC_UPSTREAM_INVALID'],
		['away', 'PC_UPSTREAM_FAILED'],
		['silent', 'PC_UPSTREAM_TIMEOUT'],
	])('is asked once and not believed: %s is %s', async (id, code) => {
		const answer = await pet(id);
		expect(answer.json.error?.data?.code, answer.text).toBe(code);
		expect(pets.requests.filter(({ url }) => url === `/v1/pets/${id}`)).toHaveLength(1);
	});

	it('gives pictures as pictures, and nothing as nothing', async () => {
		expect((await pet('picture')).json.result.content).toEqual([
			{ type: 'image', mimeType: 'image/png', data: 'iVA=' },
		]);
		expect((await pet('nothing')).json.result.content).toEqual([]);
	});

	it('shows those who may only read what an administrator has marked, and nothing by itself', async () => {
		expect(await toolsAt(PETS_AT, 'Readers')).toEqual([]);
		expect((await toolsAt('/w/google/s/some', 'Readers')).map(({ name }) => name)).toEqual(['getPet']);
		expect((await toolsAt('/w/google/s/some')).map(({ name }) => name)).toEqual(['getPet']);
	});

	it('may have its document elsewhere, which is never sent the credential', async () => {
		const answer = await call('/w/google/s/elsewhere', 'getPet', '{"petId":"7"}');
		expect(answer.json.result.content[0].text).toContain('/v1/pets/7');
		expect(pets.requests.at(-1)?.headers.authorization).toBe('Bearer key-of-google');
		expect(documents.requests.length).toBeGreaterThan(0);
		expect(documents.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
	});

	it.each(Object.keys(HOSTILE).map((path) => path.split('/')[1] as string))(
		'harms nobody else with its document: %s',
		async (name) => {
			const listed = await post(`${gateway.url}/w/google/s/${name}/mcp`, legacy('tools/list'), signedIn('Google'));
			const { error, result } = listed.json;
			const isNamed = ['PC_UPSTREAM_INVALID', 'PC_UPSTREAM_TOO_LARGE', 'PC_UPSTREAM_REDIRECT'].includes(
				error?.data?.code,
			);
			expect(isNamed || result?.tools.length < 2, listed.text).toBe(true);
			expect((await pet('7')).json.result.isError).toBeUndefined();
		},
	);

	it('keeps its tools while its document cannot be had, and has new ones afterwards', async () => {
		let document: ServiceAnswer = { body: '{"openapi":"3.1.0","paths":{"/one":{"get":{}}}}' };
		const service = await startOpenApiService((request) => (isDocument(request) ? document : { body: '1' }));
		ending.push(service.close);
		const own = await startGateway({
			workspaces: { w: { servers: { s: { transport: 'openapi', url: service.url, limits: { listAgeMs: 1 } } } } },
			grants: [{ group: 'W', workspace: 'w', access: 'write' }],
		});
		ending.push(own.close);
		const headers = { authorization: `Bearer ${own.tokenFor(['W'])}` };
		const names = async (): Promise<string[]> => {
			const answer = await post(`${own.url}/w/w/s/s/mcp`, legacy('tools/list'), headers);
			return answer.json.result.tools.map(({ name }: { name: string }) => name);
		};
		expect(await names()).toEqual(['get_one']);
		document = { status: 503 };
		const tries = service.requests.length;
		await expect
			.poll(async () => (await names()) && service.requests.length, { timeout: 20_000 })
			.toBeGreaterThan(tries);
		expect(await names()).toEqual(['get_one']);
		document = { body: '{"openapi":"3.1.0","paths":{"/two":{"get":{}}}}' };
		await expect.poll(names, { timeout: 20_000 }).toEqual(['get_two']);
	});

	it('is not reached where its document would lead into a network of ours', async () => {
		const own = await startGateway({
			workspaces: {
				w: { servers: { s: { transport: 'openapi', url: `${documents.url}/x.yaml`, baseUrl: `${pets.url}/v1` } } },
			},
			grants: [{ group: 'W', workspace: 'w', access: 'write' }],
		});
		ending.push(own.close);
		const before = documents.requests.length;
		const headers = { authorization: `Bearer ${own.tokenFor(['W'])}` };
		const answer = await post(`${own.url}/w/w/s/s/mcp`, legacy('tools/list'), headers);
		expect(answer.json.error.data.code).toBe('PC_EGRESS_REFUSED');
		expect(documents.requests).toHaveLength(before);
	});
});
