import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import { closedPortUrl, startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';

const FIXTURE = join(import.meta.dirname, '..', 'fakes', 'mcpo-fixture.mjs');
const fixture = { transport: 'stdio', command: process.execPath, args: [FIXTURE] };

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
	for (const each of open.splice(0).reverse()) await each.close();
});

function keep<T extends { close(): Promise<unknown> }>(thing: T): T {
	open.push(thing);
	return thing;
}

const start = async (servers: object, limits: object = {}): Promise<TestGateway> =>
	keep(
		await startGateway({
			workspaces: { google: { servers } } as never,
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
			limits,
		}),
	);

async function ask(gateway: TestGateway, path: string, body?: object) {
	const response = await fetch(gateway.url + path, {
		method: body === undefined ? 'GET' : 'POST',
		headers: { authorization: `Bearer ${gateway.tokenFor(['G'])}`, 'content-type': 'application/json' },
		redirect: 'manual',
		...(body && { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	return { status: response.status, headers: response.headers, text, json: JSON.parse(text) };
}

const WIKI = '/w/google/s/wiki/openapi.json';

describe('a document, while its server is away', () => {
	it.each([
		['modern', startModernHttp],
		['legacy', startLegacyHttp],
	] as const)('is the last one known, letter by letter: a %s server', async (_, startServer) => {
		const upstream = await startServer({ canary: 'WIKI' });
		const gateway = await start({ wiki: { transport: 'http', url: upstream.url, limits: { listAgeMs: 1 } } });
		const documents = async () =>
			Promise.all(
				[WIKI, '/w/google/openapi.json', '/openapi.json'].map(async (path) => (await ask(gateway, path)).text),
			);
		const before = await documents();
		expect(JSON.parse(before[0] as string).info).toMatchObject({
			title: 'fixture',
			description: 'Use echo to be answered. [WIKI]',
		});
		await upstream.close();
		// Until it has been asked again, and has not answered, and after that.
		for (let round = 0; round < 4; round++) {
			// Compared as a whole: a difference of two documents would fill the screen.
			expect((await documents()).map((text, at) => text === before[at])).toEqual([true, true, true]);
			const { status, json } = await ask(gateway, '/w/google/s/wiki/echo', { text: 'hello' });
			expect([status >= 500, typeof json.detail.message]).toEqual([true, 'string']);
		}
	});

	it('is refused, and never empty, where nothing was known when the gateway started', async () => {
		const gateway = await start({ wiki: { transport: 'http', url: await closedPortUrl() } });
		for (const path of [WIKI, '/w/google/openapi.json', '/openapi.json']) {
			const { status, headers, json } = await ask(gateway, path);
			expect([status, json.detail.code, headers.get('retry-after')], path).toEqual([503, 'PC_TOOLS_UNKNOWN', '5']);
			expect(json.detail.message).toMatch(/^What there is to call is not known at the moment/);
		}
		expect((await ask(gateway, '/tools')).json).toEqual({
			tools: [],
			unavailable: [{ workspace: 'google', server: 'wiki' }],
		});
	});

	it('of several has the tools of those that are known, and says who is missing', async () => {
		const gateway = await start({ fixture, wiki: { transport: 'http', url: await closedPortUrl() } });
		const { status, json } = await ask(gateway, '/w/google/openapi.json');
		expect(status).toBe(200);
		expect(Object.keys(json.paths)).toContain('/fixture__give');
		expect(json.info.description).toMatch(/\n\nNot available at the moment: wiki\.$/);
	});

	it('of several that offer nothing is no outage', async () => {
		const gateway = await start({ fixture: { ...fixture, tools: { default: 'disabled' } } });
		const { status, json } = await ask(gateway, '/w/google/openapi.json');
		expect([status, json.paths]).toEqual([200, {}]);
	});
});

describe('a call', () => {
	it('that takes too long is given up before its caller does, with a sentence, at the server too', async () => {
		const gateway = await start({ fixture }, { openApiCallMs: 2_000 });
		await expect.poll(async () => (await ask(gateway, '/w/google/s/fixture/openapi.json')).status).toBe(200);
		const { status, json, headers } = await ask(gateway, '/w/google/s/fixture/give', { kind: 'never' });
		expect([status, json]).toEqual([
			504,
			{
				detail: {
					message: 'The server did not answer in time; check the effect of the call before you repeat it.',
					code: 'PC_UPSTREAM_TIMEOUT',
					request_id: headers.get('x-request-id'),
				},
			},
		]);
		const lines = gateway.audit().filter(({ request }) => request === headers.get('x-request-id'));
		expect(lines.at(-1)).toMatchObject({ outcome: 'failed', code: 'PC_UPSTREAM_TIMEOUT', detail: 'openApiCallMs' });
		expect((await ask(gateway, '/w/google/s/fixture/give', { kind: 'text' })).json).toBe('hello');
	});
});
