import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, createApiClient, expectProblem } from '../fakes/api-client.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import {
	closedPortUrl,
	type HttpFixture,
	type LegacyHttpFixture,
	LONG_TOOL_NAME,
	ODD_TOOL_NAME,
	startLegacyHttp,
	startModernHttp,
	stdioServer,
} from '../fakes/upstream.ts';

let postgres: TestPostgres;
let gateway: ManagedGateway;
let api: ApiClient;
let modernServer: HttpFixture;
let legacyServer: LegacyHttpFixture;

const RULES = {
	add: { enabled: false },
	remember: { readable: true, description: 'Ours.' },
	recall: { minimumLevel: 'admin' },
	slow: { definitionDigest: 'e'.repeat(64) },
};

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	modernServer = await startModernHttp({ canary: 'modern', pageSize: 5 });
	legacyServer = await startLegacyHttp({ canary: 'legacy' });
	const secrets: NodeJS.ProcessEnv = { NOTE: 'note' };
	const http = { transport: 'http', url: modernServer.url };
	gateway = await startManagedGateway(
		{
			workspaces: {
				google: {
					servers: {
						files: { ...http, tools: { rules: RULES } },
						old: { transport: 'http', url: legacyServer.url },
						child: { transport: 'stdio', ...stdioServer({ canary: 'child' }), isolation: 'principal' },
						closed: { ...http, enabled: false },
						keyless: { ...http, headers: { 'x-note': '${env:NOTE}' } },
						dead: { transport: 'http', url: await closedPortUrl() },
					},
				},
				microsoft: { servers: { files: http } },
			},
			grants: [
				{ group: 'readers', workspace: 'google', access: 'read' },
				{ group: 'writers', workspace: 'google', access: 'write' },
				{ group: 'admins', workspace: 'google', access: 'admin' },
				{ group: 'microsofts', workspace: 'microsoft', access: 'admin' },
				{ role: 'everywhere', workspace: '*', access: 'write' },
				{ group: 'platform', workspace: '*', access: 'admin' },
			],
		},
		{ postgres, secrets },
	);
	delete secrets['NOTE'];
	await gateway.configuration.reload();
	api = createApiClient(gateway);
});
afterAll(async () => {
	await gateway.close();
	await Promise.all([modernServer.close(), legacyServer.close()]);
	await postgres.close();
});

const SERVERS = '/workspaces/google/servers';
const HELD = ['workspace-granted', 'server-enabled'];

describe('the preview of tools', () => {
	const preview = (server: string, as = 'admins') => api.all({ path: `${SERVERS}/${server}/tools?limit=7`, as });

	it('shows each tool as its server describes it, its rule, and who may use it for which reasons', async () => {
		const tools = new Map((await preview('files')).map((tool) => [tool['name'], tool]));
		expect(tools.get('remember')).toMatchObject({
			...{ title: null, description: expect.stringContaining('[modern]'), readOnly: false },
			...{ digest: expect.stringMatching(/^[0-9a-f]{64}$/), inputSchema: { properties: { key: {}, value: {} } } },
			rule: {
				...{ enabled: true, minimumLevel: 'read', readable: true, description: 'Ours.', definitionDigest: null },
			},
			levels: {
				read: { allowed: true, reasons: [...HELD, 'tool-enabled', 'tool-marked-readable'] },
				write: { allowed: true, reasons: [...HELD, 'tool-enabled', 'level-sufficient'] },
				admin: { allowed: true },
			},
		});
		const off = { allowed: false, reasons: [...HELD, 'tool-disabled'] };
		expect(tools.get('add')?.['levels']).toEqual({ read: off, write: off, admin: off });
		expect(tools.get('recall')?.['levels']).toMatchObject({ write: { allowed: false }, admin: { allowed: true } });
		const changed = [...HELD, 'tool-enabled', 'tool-definition-changed'];
		expect(tools.get('slow')?.['levels']).toMatchObject({ admin: { allowed: false, reasons: changed } });
		expect(tools.get('toggle_tool')).toMatchObject({ rule: null, levels: { read: { allowed: false } } });
	});

	it('has every tool once, in the order of names, whatever the pages', async () => {
		const names = (await preview('files')).map(({ name }) => String(name));
		expect(names).toEqual([...new Set(names)].sort());
		expect(names).toEqual(expect.arrayContaining(['echo', ODD_TOOL_NAME, LONG_TOOL_NAME]));
		expect((await preview('child')).map(({ name }) => name)).toContain('echo');
	});

	it('fails by the name of what the server does not do', async () => {
		expectProblem(await api.ask({ path: `${SERVERS}/dead/tools`, as: 'admins' }), 'PC_UPSTREAM_UNREACHABLE');
		const before = modernServer.seen.length;
		for (const server of ['closed', 'keyless']) {
			expectProblem(await api.ask({ path: `${SERVERS}/${server}/tools`, as: 'admins' }), 'PC_SERVER_UNUSABLE');
		}
		expect(modernServer.seen).toHaveLength(before);
	});

	it('is for administrators of the workspace', async () => {
		expectProblem(await api.ask({ path: `${SERVERS}/files/tools`, as: 'writers' }), 'PC_LEVEL_TOO_LOW');
		expectProblem(await api.ask({ path: `${SERVERS}/files/tools`, as: 'microsofts' }), 'PC_NOT_FOUND');
		expectProblem(await api.ask({ path: `${SERVERS}/nothing/tools`, as: 'admins' }), 'PC_NOT_FOUND');
	});
});

describe('a call to try a tool', () => {
	const call = (tool: string, args: unknown, { server = 'files', as = 'writers' } = {}) =>
		api.ask({
			...{ method: 'POST', as, body: { arguments: args } },
			path: `${SERVERS}/${server}/tools/${encodeURIComponent(tool)}/call`,
		});
	const textOf = ({ json }: { json: { result: { content: readonly { text: string }[] } } }) =>
		json.result.content[0]?.text;

	it.each(['files', 'old', 'child'])('reaches %s and answers its result', async (server) => {
		const canary = { files: 'modern', old: 'legacy', child: 'child' }[server];
		const told = await call('echo', { text: 'hello' }, { server });
		expect(told.json).toMatchObject({ requestId: expect.stringMatching(/\.1$/) });
		expect(textOf(told)).toBe(`${canary}: hello`);
		expect(told.json.error).toBeUndefined();
	});

	it('takes names and headers as the tool wants them', async () => {
		expect(textOf(await call(ODD_TOOL_NAME, {}))).toBe('modern: odd');
		expect(textOf(await call('regional', { region: 'Zürich' }))).toBe('modern: Zürich');
	});

	it('answers errors of the server as they are', async () => {
		expect((await call('fail', {})).json.result).toMatchObject({ isError: true });
		const { error, result } = (await call('rpcError', {})).json;
		expect(result).toBeUndefined();
		expect(error).toMatchObject({ code: -32000, message: expect.stringContaining('rpc error') });
		expectProblem(await call('echo', {}, { server: 'dead' }), 'PC_UPSTREAM_UNREACHABLE');
		expectProblem(await call('huge', { bytes: 5_000_000 }), 'PC_UPSTREAM_TOO_LARGE');
	});

	it.each([
		['readers', 'toggle_tool'],
		['readers', 'recall'],
		['writers', 'recall'],
		['admins', 'add'],
		['admins', 'slow'],
		['admins', 'no-such-tool'],
	])('refuses %s the tool %s, as the data plane does', async (as, tool) => {
		const before = modernServer.seen.filter(({ method }) => method === 'tools/call').length;
		const { json, status } = await call(tool, {}, { as });
		const authorization = `Bearer ${gateway.tokenFor([as])}`;
		const url = `${gateway.url}/w/google/s/files/mcp`;
		const plain = await post(url, legacy('tools/call', { name: tool, arguments: {} }), { authorization });
		expect([status, json.result]).toEqual([200, undefined]);
		const { request_id: _, ...data } = plain.json.error.data;
		expect(json.error).toMatchObject({ ...plain.json.error, data: { ...data, request_id: json.requestId } });
		expect(modernServer.seen.filter(({ method }) => method === 'tools/call')).toHaveLength(before);
	});

	it('is refused where nobody may call anything', async () => {
		for (const server of ['closed', 'keyless']) expectProblem(await call('echo', {}, { server }), 'PC_ADDRESS_UNKNOWN');
		expectProblem(await call('echo', {}, { server: 'nothing' }), 'PC_NOT_FOUND');
		expectProblem(await call('echo', {}, { as: 'microsofts' }), 'PC_NOT_FOUND');
		expectProblem(await call('echo', 'text'), 'PC_INPUT_INVALID');
	});

	it('is recorded as every call, by the id that was answered', async () => {
		const told = await call('echo', { text: 'kept' });
		const refused = await call('toggle_tool', {}, { as: 'readers' });
		await gateway.shipped();
		const records = async (request: string) =>
			(await api.all({ path: `/workspaces/google/audit?request=${request}`, as: 'admins' })).toReversed();
		const principal = { oid: '0a1b2c3d-person' };
		expect(await records(told.json.requestId)).toMatchObject([
			{ kind: 'intent', principal, server: 'files', tool: 'echo', credential: 'workspace:google/files', era: 'modern' },
			{ kind: 'outcome', outcome: 'ok', server: 'files', tool: 'echo' },
		]);
		expect(await records(refused.json.requestId)).toMatchObject([
			{
				kind: 'outcome',
				outcome: 'refused',
				code: 'PC_TOOL_UNKNOWN',
				reasons: expect.arrayContaining(['tool-not-read-only']),
			},
		]);
		const own = await records(String(told.headers['x-request-id']));
		expect(own.map(({ kind }) => kind)).toEqual(['intent', 'outcome']);
	});

	it('is made by the operator as an administrator of every workspace', async () => {
		const operator = gateway.app.operatorApi();
		await operator.ready();
		const told = await operator.ask({
			...{ method: 'POST', url: `/api/v1${SERVERS}/files/tools/recall/call`, payload: '{"arguments":{"key":"a"}}' },
			headers: { 'content-type': 'application/json', host: 'localhost' },
		});
		expect(JSON.parse(told.text)).toMatchObject({ result: { content: [{ text: 'modern: (nothing)' }] } });
		await operator.close();
	});
});

describe('an explanation', () => {
	const explain = (body: object, as = 'readers') =>
		api.ask({ method: 'POST', path: '/explain', as, body: { workspace: 'google', server: 'files', ...body } });
	const words = ({ json }: Awaited<ReturnType<typeof explain>>) =>
		json.reasons.map(({ reason }: { reason: string }) => reason);

	it('says to oneself what one may do and why, with words and rules', async () => {
		const { json } = await explain({ tool: 'remember' });
		expect(json).toEqual({
			...{ allowed: true, verdict: 'Yes: google/files/remember is listed and callable.', level: 'read' },
			rules: ['google: group readers (group readers is read in google)'],
			reasons: expect.arrayContaining([
				{ reason: 'tool-marked-readable', sentence: expect.stringMatching(/^The workspace marked .+\.$/) },
			]),
			credential: { kind: 'workspace', id: 'workspace:google/files' },
			spoken: { revision: '2026-07-28', way: 'http' },
			definitionDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
		});
		const no = await explain({ tool: 'toggle_tool' });
		expect(no.json).toMatchObject({
			allowed: false,
			verdict: 'No: google/files/toggle_tool is neither listed nor callable.',
		});
		expect(words(no)).toEqual([...HELD, 'tool-enabled', 'tool-not-read-only']);
	});

	it('agrees with the data plane about every tool and level', async () => {
		const tools = await api.all({ path: `${SERVERS}/files/tools?limit=200`, as: 'admins' });
		for (const [as, level] of [
			['readers', 'read'],
			['writers', 'write'],
			['admins', 'admin'],
		] as const) {
			const headers = { authorization: `Bearer ${gateway.tokenFor([as])}` };
			const listed = await post(`${gateway.url}/w/google/s/files/mcp`, legacy('tools/list'), headers);
			const callable = new Set(listed.json.result.tools.map(({ name }: { name: string }) => name));
			for (const { name, levels } of tools) {
				const { allowed } = (await explain({ tool: name }, as)).json;
				expect([name, as, allowed]).toEqual([name, as, callable.has(name)]);
				expect((levels as Record<string, { allowed: boolean }>)[level]?.allowed).toBe(allowed);
			}
		}
	});

	it('tells an administrator about somebody described by groups, roles or oid', async () => {
		const nobody = await explain({ tool: 'echo', groups: [] }, 'admins');
		expect(nobody.json).toMatchObject({ allowed: false, level: null, rules: [], credential: null, spoken: null });
		expect(words(nobody)).toEqual(['workspace-not-granted']);
		const both = await explain({ tool: 'toggle_tool', groups: ['readers', 'none'], roles: ['everywhere'] }, 'admins');
		expect(both.json).toMatchObject({ allowed: true, level: 'write' });
		expect(both.json.rules).toEqual([
			'*: role everywhere (role everywhere is write in *)',
			'google: group readers (group readers is read in google)',
		]);
		const named = await explain({ tool: 'echo', oid: 'somebody', directory: 'fake' }, 'platform');
		expect(words(named)).toEqual(['workspace-not-granted']);
		expectProblem(await explain({ tool: 'echo', directory: 'other' }, 'admins'), 'PC_INPUT_INVALID');
	});

	it('tells others about themselves alone', async () => {
		for (const about of [{ groups: ['admins'] }, { roles: [] }, { oid: 'x' }, { directory: 'fake' }]) {
			expectProblem(await explain({ tool: 'echo', ...about }, 'writers'), 'PC_LEVEL_TOO_LOW');
		}
	});

	it('knows nothing of workspaces in which the caller holds nothing', async () => {
		for (const about of [{}, { groups: ['readers'] }]) {
			const foreign = await explain({ tool: 'echo', workspace: 'microsoft', ...about });
			const absent = await explain({ tool: 'echo', workspace: 'nowhere', ...about });
			expectProblem(foreign, 'PC_NOT_FOUND');
			const { request_id: _, ...same } = foreign.json;
			expect(absent.json).toMatchObject(same);
		}
		expectProblem(await explain({ tool: 'echo', server: 'nothing' }), 'PC_NOT_FOUND');
		expectProblem(await api.ask({ method: 'POST', path: '/explain', body: {} }), 'PC_TOKEN_MISSING');
	});

	it('asks no server that nobody may use, and says when a tool is not there', async () => {
		const before = modernServer.seen.length;
		expect(words(await explain({ server: 'closed', tool: 'echo' }))).toEqual(['workspace-granted', 'server-disabled']);
		expect(words(await explain({ server: 'keyless', tool: 'echo' }))).toEqual(['workspace-granted', 'server-faulty']);
		expect(modernServer.seen).toHaveLength(before);
		const { json } = await explain({ tool: 'no-such' });
		expect(json).toMatchObject({
			allowed: false,
			verdict: 'No: the server has no tool no-such.',
			definitionDigest: null,
		});
		expectProblem(await explain({ server: 'dead', tool: 'echo' }), 'PC_UPSTREAM_UNREACHABLE');
	});
});
