import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startOpenApiService } from '../fakes/openapi-api.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { closedPortUrl, startModernHttp } from '../fakes/upstream.ts';
import {
	type AdminStage,
	describeConventions,
	expectLimit,
	expectRefused,
	OTHERS,
	openAdminStage,
} from './admin-resource.ts';

const SERVERS = '/workspaces/google/servers';
const WIKI = `${SERVERS}/wiki`;
const ADDRESS = '/w/google/s/wiki/mcp';

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	stage = await openAdminStage(postgres);
	upstream = await startModernHttp({ canary: 'WIKI' });
});
afterAll(async () => {
	await stage.close();
	await upstream.close();
	await postgres.close();
});

describe('a server', () => {
	describeConventions(() => stage, {
		...{ kind: 'server', table: 'server', listPath: SERVERS, as: 'admins', others: OTHERS, chain: 'google' },
		make: (n) => ({
			...{ method: 'POST', path: SERVERS },
			body: { slug: `server-${n}`, transport: 'http', url: 'https://mcp.example/mcp' },
		}),
		change: { method: 'PATCH', body: { title: 'Wiki', url: 'https://other.example/mcp', enabled: false } },
	});

	it('is reached as soon as it is there, gone while it is disabled, and gone with its end', async () => {
		const body = { slug: 'wiki', title: 'Wiki', transport: 'http', url: upstream.url };
		const made = await stage.ask('POST', SERVERS, { body });
		expect(made.json).toMatchObject({
			...body,
			...{ era: 'auto', isolation: 'shared', clientFeatures: null, limits: {}, enabled: true },
			...{ tools: { default: 'enabled' }, managedBy: 'api', version: 1 },
			...{ state: 'unknown', spokenEra: null, toolCount: null, lastError: null, fault: null },
		});
		expect(await stage.tools(ADDRESS, 'readers')).toContain('echo');
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('WIKI: hello');
		const { json } = await stage.ask('GET', WIKI);
		expect(json).toMatchObject({ state: 'ready', spokenEra: 'modern', lastError: null, version: 1 });
		expect(json.toolCount).toBeGreaterThan(3);
		expect((await stage.ask('GET', SERVERS)).json.items).toEqual([json]);

		const patch = (change: unknown, match: string) => stage.ask('PATCH', WIKI, { body: change, match });
		await patch({ enabled: false }, '"1"');
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('PC_ADDRESS_UNKNOWN');
		await patch({ enabled: true, tools: { default: 'disabled' } }, '"2"');
		expect(await stage.tools(ADDRESS, 'admins')).toEqual([]);
		await patch({ tools: null, title: null }, '"3"');
		expect(await stage.tools(ADDRESS, 'readers')).toContain('echo');
		expect((await stage.records()).at(-1)).toMatchObject({
			fields: ['title', 'tools'],
			object: 'wiki',
			chain: 'google',
		});
		await stage.ask('DELETE', WIKI, { match: '"4"' });
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('PC_ADDRESS_UNKNOWN');
	});

	it('says what went wrong on its side', async () => {
		const url = await closedPortUrl();
		await stage.ask('POST', SERVERS, { body: { slug: 'wiki', transport: 'http', url } });
		await stage.call(ADDRESS, 'readers', 'echo');
		const { json } = await stage.ask('GET', WIKI);
		expect(json).toMatchObject({ state: 'failing', lastError: { code: 'PC_UPSTREAM_UNREACHABLE' } });
		const { json: mended } = await stage.ask('PATCH', WIKI, { body: { url: upstream.url }, match: '*' });
		expect(mended).toMatchObject({ state: 'unknown', lastError: null });
		expect(await stage.call(ADDRESS, 'readers', 'echo')).toBe('WIKI: hello');
		await stage.ask('DELETE', WIKI, { match: '*' });
	});

	it('may be a service with an OpenAPI document, of which some operations are tools', async () => {
		const document = {
			openapi: '3.1.0',
			paths: { '/pets': { get: { operationId: 'list' }, post: { operationId: 'add' } } },
		};
		const api = await startOpenApiService(({ url }) => ({
			body: url === '/openapi.json' ? JSON.stringify(document) : '"no pets"',
		}));
		const body = { slug: 'wiki', transport: 'openapi', url: `${api.url}/openapi.json`, operations: ['GET /pets*'] };
		const made = await stage.ask('POST', SERVERS, { body });
		expect(made.json).toMatchObject({ ...body, era: 'auto', clientFeatures: null });
		// A GET is no promise to change nothing: whoever may only read sees it when an administrator has marked it.
		expect(await stage.tools(ADDRESS, 'readers')).toEqual([]);
		await stage.ask('PUT', `${WIKI}/rules/list`, { body: { readable: true }, headers: { 'if-none-match': '*' } });
		expect(await stage.tools(ADDRESS, 'readers')).toEqual(['list']);
		expect(await stage.call(ADDRESS, 'readers', 'list')).toContain('does not take');
		const wrong = await stage.ask('PATCH', WIKI, { body: { baseUrl: 'https://a.example/?x=1' }, match: '*' });
		expect(wrong.json.errors).toEqual([{ path: 'body.baseUrl', message: 'must not have a query (?…)' }]);
		await stage.ask('DELETE', WIKI, { match: '*' });
		await api.close();
	});

	it('is held to the rules of the configuration file, in its sentences', async () => {
		const faultsOf = async (body: object) => {
			const told = await stage.ask('POST', SERVERS, { body: { slug: 'wrong', ...body } });
			expectRefused(told, 'PC_INPUT_INVALID');
			return told.json.errors;
		};
		const http = { transport: 'http', url: 'https://mcp.example' };
		expect(await faultsOf({ ...http, url: 'ftp://mcp.example' })).toEqual([
			{ path: 'body.url', message: 'expected an http or https URL' },
		]);
		expect(await faultsOf({ ...http, url: 'http://mcp.example' })).toMatchObject([
			{ path: 'body.url', message: expect.stringContaining('allowPlainHttp: true') },
		]);
		expect(await faultsOf({ ...http, url: 'https://user:pass@mcp.example' })).toHaveLength(1);
		expect(await faultsOf({ ...http, headers: { Authorization: 'Bearer abc', Host: 'x', 'a b': 'c' } })).toEqual([
			{
				path: 'body.headers.Authorization',
				message: 'put the secret into ${secret:NAME}, ${env:NAME} or ${file:path}',
			},
			{ path: 'body.headers.Host', message: 'the gateway sets this header itself' },
			{ path: 'body.headers.[…]', message: 'this is not a header name' },
		]);
		expect(await faultsOf({ ...http, command: 'sh' })).toMatchObject([{ path: 'body.command' }]);
		expect(await faultsOf({ transport: 'http' })).toEqual([{ path: 'body.url', message: 'is missing' }]);
		expect(await faultsOf({ ...http, tools: { rules: {} } })).toEqual([
			{ path: 'body.tools.rules', message: 'is not known here' },
		]);
		const wrong = [
			...[{ transport: 'smoke' }, { era: 'old' }, { isolation: 'session' }, { limits: { totalMs: 0 } }],
			...[{ limits: { colour: 1 } }, { limits: { totalMs: 2 ** 31 } }, { headers: { a: 1 } }, { headers: [] }],
			...[{ clientFeatures: ['x'] }, { enabled: 'yes' }, { url: 7 }, { url: `https://x.example/\ud800` }],
		];
		for (const each of wrong) expect(await faultsOf({ ...http, ...each }), JSON.stringify(each)).not.toEqual([]);
		expect((await stage.ask('GET', SERVERS)).json.items).toEqual([]);
	});

	it('keeps its slug, and has limits at their limits', async () => {
		const body = { slug: 'wiki', transport: 'http', url: upstream.url };
		await stage.ask('POST', SERVERS, { body });
		expectRefused(await stage.ask('POST', SERVERS, { body }), 'PC_CONFLICT');
		const patch = (change: unknown) => stage.ask('PATCH', WIKI, { body: change, match: '*' });
		for (const slug of ['wiki', 'other']) expectRefused(await patch({ slug }), 'PC_INPUT_INVALID');
		await expectLimit(200, (title) => patch({ title }));
		const title = 'Literal ${env:HOME}';
		expect((await patch({ title })).json.title).toBe(title);
		const highest = 2 ** 31 - 1;
		for (const totalMs of [1, highest - 1, highest]) {
			expect((await patch({ limits: { totalMs } })).json.limits).toEqual({ totalMs });
		}
		for (const totalMs of [0, highest + 1, 1.5, '1'])
			expectRefused(await patch({ limits: { totalMs } }), 'PC_INPUT_INVALID');
		await expectLimit(8_192 - 23, (text) => patch({ url: `https://mcp.example/?a=${text}` }));
		await stage.ask('DELETE', WIKI, { match: '*' });
	});
});
