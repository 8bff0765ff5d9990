import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import {
	ADMIN_CONFIG,
	type AdminStage,
	describeConventions,
	expectLimit,
	expectRefused,
	OTHERS,
	openAdminStage,
} from './admin-resource.ts';

const TOOLSETS = '/workspaces/google/toolsets';
const DAILY = '/w/google/t/daily/mcp';

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'WIKI' });
	const servers = { wiki: { transport: 'http', url: upstream.url } };
	const workspaces = { google: { servers }, microsoft: { servers: { mail: servers.wiki } } };
	stage = await openAdminStage(postgres, { ...ADMIN_CONFIG, workspaces });
});
afterAll(async () => {
	await stage.close();
	await upstream.close();
	await postgres.close();
});

describe('a toolset', () => {
	describeConventions(() => stage, {
		...{ kind: 'toolset', table: 'toolset', listPath: TOOLSETS, as: 'admins', others: OTHERS, chain: 'google' },
		make: (n) => ({ method: 'POST', path: TOOLSETS, body: { slug: `set-${n}`, title: 'Set', tools: ['wiki/echo'] } }),
		change: { method: 'PATCH', body: { title: null, tools: ['wiki/add', 'wiki/echo'] } },
	});

	it('has an address with the tools that are in it', async () => {
		expect(await stage.tools(DAILY, 'writers')).toBe('PC_ADDRESS_UNKNOWN');
		const body = { slug: 'daily', tools: ['wiki/echo'] };
		expect((await stage.ask('POST', TOOLSETS, { body })).json).toMatchObject({ ...body, title: null, version: 1 });
		expect(await stage.tools(DAILY, 'writers')).toEqual(['wiki__echo']);
		expect(await stage.call(DAILY, 'writers', 'wiki__echo')).toBe('WIKI: hello');
		const tools = ['wiki/add', 'wiki/echo'];
		const { json } = await stage.ask('PATCH', `${TOOLSETS}/daily`, { body: { tools }, match: '"1"' });
		expect(json).toMatchObject({ tools, version: 2 });
		expect(await stage.tools(DAILY, 'writers')).toEqual(['wiki__echo', 'wiki__add']);
		expect((await stage.records()).at(-1)).toMatchObject({
			action: 'toolset.update',
			object: 'daily',
			fields: ['tools'],
		});
		await stage.ask('DELETE', `${TOOLSETS}/daily`, { match: '"2"' });
		expect(await stage.tools(DAILY, 'writers')).toBe('PC_ADDRESS_UNKNOWN');
	});

	it('keeps its servers from going', async () => {
		await stage.ask('POST', TOOLSETS, { body: { slug: 'daily', tools: ['wiki/echo'] } });
		expectRefused(await stage.ask('DELETE', '/workspaces/google/servers/wiki', { match: '*' }), 'PC_CONFLICT');
		expect(await stage.tools(DAILY, 'writers')).toEqual(['wiki__echo']);
		await stage.ask('DELETE', `${TOOLSETS}/daily`, { match: '*' });
	});

	it('has tools of servers of its workspace, each once', async () => {
		const send = (tools: unknown) => stage.ask('POST', TOOLSETS, { body: { slug: 'wrong', tools } });
		const told = await send(['wiki/echo', 'mail/echo', 'nowhere/echo', 'wiki/echo']);
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual([
			{ path: 'body.tools.1', message: 'there is no such server' },
			{ path: 'body.tools.2', message: 'there is no such server' },
			{ path: 'body.tools.3', message: 'this tool is given twice' },
		]);
		for (const tools of [['echo'], ['wiki/'], ['/echo'], [''], [7], 'wiki/echo', null]) {
			expectRefused(await send(tools), 'PC_INPUT_INVALID');
		}
		// Names of tools may hold anything, slashes too.
		const odd = ['wiki/a/b', 'wiki/Ünïcödé ${x}'];
		const { json } = await stage.ask('POST', TOOLSETS, { body: { slug: 'odd', tools: odd } });
		expect(json.tools).toEqual(odd);
		await expectLimit(256, (name) =>
			stage.ask('PATCH', `${TOOLSETS}/odd`, { body: { tools: [`wiki/${name}`] }, match: '*' }),
		);
		await expectLimit(200, (title) => stage.ask('PATCH', `${TOOLSETS}/odd`, { body: { title }, match: '*' }));
		const many = (count: number) => Array.from({ length: count }, (_, index) => `wiki/${index}`);
		for (const [count, status] of [
			[1_999, 200],
			[2_000, 200],
			[2_001, 400],
		] as const) {
			const body = { tools: many(count) };
			expect((await stage.ask('PATCH', `${TOOLSETS}/odd`, { body, match: '*' })).status).toBe(status);
		}
		await stage.ask('DELETE', `${TOOLSETS}/odd`, { match: '*' });
	});
});
