import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdminPlane } from '../../src/admin/admin-plane.ts';
import { declaredOf } from '../../src/config/declared-file.ts';
import { applyConfig } from '../../src/store/apply-config.ts';
import type { ApiTold } from '../fakes/admin-plane.ts';
import { type ApiClient, createApiClient, expectProblem } from '../fakes/api-client.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';

// biome-ignore lint/suspicious/noExplicitAny: configurations are taken apart by tests in all ways.
type Config = any;

let postgres: TestPostgres;
let gateway: ManagedGateway;
let api: ApiClient;
let operator: AdminPlane;
let folder: string;

const CHILD = { transport: 'stdio', command: 'node', args: ['server.js'], env: { API_KEY: 'literal', PLAIN: 'x' } };
const KEYED = { transport: 'http', url: 'https://a.example/mcp?token=literal&page=1', headers: { 'x-team': 'red' } };
const SECRET = { transport: 'http', url: 'https://b.example/mcp', headers: { Authorization: 'Bearer ${env:B_TOKEN}' } };

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	folder = mkdtempSync(join(tmpdir(), 'portcullis-config-'));
});
afterAll(async () => {
	await postgres.close();
	rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
	gateway = await startManagedGateway(
		{
			workspaces: {
				google: { title: 'Google $${x}', servers: { child: CHILD, keyed: KEYED, secret: SECRET } },
				microsoft: { servers: {}, members: [{ oid: 'ada', access: 'read' }] },
			},
			grants: [
				{ group: 'admins', workspace: 'google', access: 'admin' },
				{ group: 'platform', workspace: '*', access: 'admin' },
			],
		},
		{ postgres, secrets: { B_TOKEN: 'b' } },
	);
	api = createApiClient(gateway);
	operator = gateway.app.operatorApi();
	await operator.ready();
	return async () => {
		await operator.close();
		await gateway.close();
	};
});

async function asOperator(method: 'GET' | 'POST', path: string, body?: unknown): Promise<ApiTold> {
	const { status, headers, text } = await operator.ask({
		...{ method, url: `/api/v1${path}`, headers: { host: 'localhost', 'content-type': 'application/json' } },
		...(body !== undefined && { payload: JSON.stringify(body) }),
	});
	return { status, headers, text, json: JSON.parse(text) };
}

const exported = async (): Promise<Config> => (await api.ask({ path: '/config', as: 'platform' })).json;
const post = (path: string, body: object): Promise<ApiTold> => api.ask({ method: 'POST', path, body, as: 'platform' });
const plan = (config: Config, more: object = {}) => post('/config/plan', { config, ...more });
const apply = (config: Config, more: object = {}) => post('/config/apply', { config, ...more });
const NOTHING = { changes: [], held: [] };

describe('the export', () => {
	it('is the configuration file as JSON, with references as they are and written-out secrets hidden', async () => {
		const config = await exported();
		expect(Object.keys(config)).toEqual(['directories', 'workspaces', 'grants']);
		const { child, keyed, secret } = config.workspaces.google.servers;
		expect(config.workspaces.google.title).toBe('Google $${x}');
		expect(child).toEqual({ ...CHILD, env: { API_KEY: '[secret]', PLAIN: 'x' } });
		expect(keyed.url).not.toContain('literal');
		expect(new URL(keyed.url).searchParams.get('page')).toBe('1');
		expect(secret).toEqual(SECRET);
		expect(config.grants).toContainEqual({ group: 'platform', workspace: '*', access: 'admin' });
	});

	it('hides nothing from the operator', async () => {
		const { json } = await asOperator('GET', '/config');
		expect(json.workspaces.google.servers).toEqual({ child: CHILD, keyed: KEYED, secret: SECRET });
	});

	it('applied again changes nothing, for the operator and for others', async () => {
		const config = await exported();
		for (const prune of ['nothing', 'all']) {
			expect((await plan(config, { prune })).json).toEqual(NOTHING);
			expect((await apply(config, { prune })).json).toEqual(NOTHING);
		}
		const { json } = await asOperator('GET', '/config');
		expect((await asOperator('POST', '/config/apply', { config: json, prune: 'all' })).json).toEqual(NOTHING);
	});

	it('is for platform administrators', async () => {
		expectProblem(await api.ask({ path: '/config', as: 'admins' }), 'PC_LEVEL_TOO_LOW');
		for (const path of ['/config/plan', '/config/apply']) {
			expectProblem(await api.ask({ method: 'POST', path, as: 'admins', body: {} }), 'PC_LEVEL_TOO_LOW');
		}
	});
});

describe('a configuration', () => {
	it('is planned without a change, then applied, and in force when that is answered', async () => {
		const config = await exported();
		config.workspaces.google.servers.new = { transport: 'http', url: 'https://c.example/mcp' };
		config.workspaces.google.servers.keyed.enabled = false;
		config.workspaces.constructor = { title: 'New' };
		delete config.workspaces.microsoft;
		const expected = [
			{ action: 'create', kind: 'workspace', workspace: null, name: 'constructor', fields: [] },
			{ action: 'update', kind: 'server', workspace: 'google', name: 'keyed', fields: ['enabled'] },
			{ action: 'create', kind: 'server', workspace: 'google', name: 'new', fields: [] },
		];
		const planned = await plan(config);
		expect(planned.json.held).toEqual([]);
		expect(planned.json.changes).toHaveLength(expected.length);
		expect(planned.json.changes).toEqual(expect.arrayContaining(expected));
		expect((await exported()).workspaces.constructor).toBe(Object);
		const applied = await apply(config);
		expect(applied.json).toEqual(planned.json);
		const { workspaces } = gateway.configuration.snapshots.current();
		expect(workspaces.get('google')?.servers.get('new')?.enabled).toBe(true);
		expect(workspaces.get('google')?.servers.get('keyed')?.enabled).toBe(false);
		expect([...workspaces.keys()]).toEqual(['constructor', 'google', 'microsoft']);
		expect((await plan(config)).json).toEqual(NOTHING);
		await apply(config, { prune: 'all' });
		expect([...gateway.configuration.snapshots.current().workspaces.keys()]).toEqual(['constructor', 'google']);
	});

	it('leaves records of each change, with the request and whoever made it', async () => {
		const config = await exported();
		config.workspaces.google.title = 'Other';
		config.workspaces.google.servers.new = { transport: 'http', url: 'https://c.example/mcp' };
		const { headers } = await apply(config);
		const request = String(headers['x-request-id']);
		const changes = async (path: string) => api.all({ path: `${path}?kind=change&request=${request}`, as: 'platform' });
		const made = { request, actor: expect.stringContaining('0a1b2c3d-person') };
		expect(await changes('/platform/audit')).toMatchObject([
			{ ...made, action: 'workspace.update', fields: ['title'] },
		]);
		expect(await changes('/workspaces/google/audit')).toMatchObject([
			{ ...made, action: 'server.create', object: 'new' },
		]);
	});

	it('is refused with every fault of the file, each at its place', async () => {
		const config = await exported();
		config.workspaces.google.servers.new = { transport: 'http', url: 'ftp://x', nonsense: 1 };
		config.workspaces.google.servers.child.env['A\u0000'] = 'x';
		const unkept = await apply(config);
		expectProblem(unkept, 'PC_INPUT_INVALID');
		expect(unkept.json.errors).toMatchObject([{ path: 'body.config.workspaces.google.servers.child.env' }]);
		config.workspaces.google.servers.child.env = CHILD.env;
		config.grants.push({ group: 'x', workspace: 'nowhere', access: 'read' });
		const told = await apply(config);
		expectProblem(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual(
			expect.arrayContaining([
				{ path: 'body.config.workspaces.google.servers.new.url', message: 'expected an http or https URL' },
				expect.objectContaining({ path: 'body.config.workspaces.google.servers.new.nonsense' }),
				expect.objectContaining({ path: 'body.config.grants[2].workspace' }),
			]),
		);
		expectProblem(await post('/config/apply', { config: {}, prune: 'own' }), 'PC_INPUT_INVALID');
		expectProblem(await post('/config/apply', { config: {} }), 'PC_INPUT_INVALID');
	});

	it('may be as large as that of a large company', async () => {
		const config = await exported();
		for (let index = 0; index < 500; index++) {
			const rules = Object.fromEntries(
				Array.from({ length: 20 }, (_, at) => [`tool-${at}`, { minimumLevel: 'write' }]),
			);
			config.workspaces.google.servers[`s-${index}`] = { ...KEYED, url: 'https://c.example/mcp', tools: { rules } };
		}
		expect(JSON.stringify(config).length).toBeGreaterThan(256 * 1024);
		expect((await apply(config)).json.changes).toHaveLength(500);
	});

	it('leaves what a file manages, unless it is to be taken over', async () => {
		const wanted = declaredOf({
			directories: [gateway.directory.directory],
			workspaces: { filed: { title: 'Filed' } },
		} as never);
		const wish = { wanted, actor: 'gateway', managedBy: 'file', prune: 'own', takesOver: 'nothing' } as const;
		await applyConfig(gateway.store, wish);
		const config = await exported();
		config.workspaces.filed.title = 'Mine';
		const change = { action: 'update', kind: 'workspace', workspace: null, name: 'filed' };
		expect((await apply(config)).json).toMatchObject({ changes: [], held: [{ ...change, fields: ['title'] }] });
		expect((await exported()).workspaces.filed.title).toBe('Filed');
		const taken = await apply(config, { takeOver: true });
		expect(taken.json.held).toEqual([]);
		expect(taken.json.changes).toContainEqual({ ...change, fields: ['title'] });
		expect((await exported()).workspaces.filed.title).toBe('Mine');
	});
});

describe('what only the operator may set', () => {
	const refused = async (change: (servers: Config) => void): Promise<ApiTold> => {
		const config = await exported();
		change(config.workspaces.google.servers);
		expectProblem(await plan(config), 'PC_OPERATOR_ONLY');
		return apply(config);
	};
	const at = (slug: string) => [{ path: `body.config.workspaces.google.servers.${slug}`, message: expect.any(String) }];

	it.each<[string, string, (servers: Config) => void]>([
		['a program', 'new', (servers) => Object.assign(servers, { new: { ...CHILD, env: {} } })],
		['another program', 'child', ({ child }) => Object.assign(child, { command: 'sh', env: {} })],
		['what a program may ask', 'child', ({ child }) => Object.assign(child, { clientFeatures: ['roots'] })],
		['another argument', 'child', ({ child }) => Object.assign(child, { args: ['-c'], env: {} })],
		[
			'a reference to a variable',
			'keyed',
			({ keyed }) => Object.assign(keyed, { url: 'https://a.example', headers: { a: '${env:HOME}' } }),
		],
		[
			'a reference to a file',
			'new',
			(servers) => Object.assign(servers, { new: { ...SECRET, headers: { a: 'x ${file:/etc/passwd}' } } }),
		],
		['another address for a secret', 'secret', ({ secret }) => Object.assign(secret, { url: 'https://evil.example' })],
		['another transport for a secret', 'secret', ({ secret }) => Object.assign(secret, { transport: 'sse' })],
	])('is %s', async (_, slug, change) => {
		const told = await refused(change);
		expectProblem(told, 'PC_OPERATOR_ONLY');
		expect(told.json.errors).toEqual(at(slug));
	});

	it('does not keep others from changing the rest of such a server, or taking it away', async () => {
		const config = await exported();
		config.workspaces.google.servers.child.enabled = false;
		config.workspaces.google.servers.secret.title = 'Ours';
		delete config.workspaces.google.servers.keyed;
		expect((await apply(config, { prune: 'all' })).json.changes).toHaveLength(3);
		const { json } = await asOperator('GET', '/config');
		expect(json.workspaces.google.servers).toEqual({
			child: { ...CHILD, enabled: false },
			secret: { ...SECRET, title: 'Ours' },
		});
	});

	it('is no text that only looks like a reference', async () => {
		const config = await exported();
		config.workspaces.google.servers.new = { ...KEYED, url: 'https://c.example', headers: { a: '$${env:HOME}' } };
		expect((await apply(config)).status).toBe(200);
	});

	it('does not let a hidden secret go to another address', async () => {
		const config = await exported();
		const { keyed, child } = config.workspaces.google.servers;
		keyed.url = keyed.url.replace('a.example', 'evil.example');
		child.args = ['other.js'];
		const told = await apply(config);
		expectProblem(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual([...at('child'), ...at('keyed')]);
	});

	it('the operator sets, with files named from a folder', async () => {
		writeFileSync(join(folder, 'token'), 'from-file\n');
		const { json: config } = await asOperator('GET', '/config');
		const headers = { Authorization: 'Bearer ${file:token}', 'x-literal': '$${file:token}', 'x-abs': '${file:/etc/x}' };
		config.workspaces.google.servers.new = { ...SECRET, headers };
		const body = { config, folder };
		expectProblem(await post('/config/apply', { ...body, config: await exported() }), 'PC_OPERATOR_ONLY');
		expectProblem(await asOperator('POST', '/config/apply', { config, folder: 'relative' }), 'PC_INPUT_INVALID');
		expect((await asOperator('POST', '/config/apply', body)).json.changes).toHaveLength(1);
		expect((await asOperator('POST', '/config/apply', body)).json).toEqual(NOTHING);
		const stored = (await exported()).workspaces.google.servers.new.headers;
		expect(stored).toEqual({
			Authorization: `Bearer \${file:${join(folder, 'token')}}`,
			'x-literal': '$${file:token}',
			'x-abs': '${file:/etc/x}',
		});
	});
});
