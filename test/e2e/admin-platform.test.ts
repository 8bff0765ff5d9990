import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import {
	ADMIN_CONFIG,
	type AdminStage,
	describeConventions,
	expectLimit,
	expectRefused,
	openAdminStage,
} from './admin-resource.ts';

const DIRECTORIES = '/platform/directories';
const GRANTS = '/platform/grants';
const SETTINGS = '/platform/settings';
const NONE = { 'if-none-match': '*' };
const OTHERS = ['admins', 'elsewhere', 'readers', 'nobodies'].map((name) => [name, 'PC_LEVEL_TOO_LOW'] as const);
const as = 'platform';

const directory = (n: number | string) => ({
	...{ issuer: `https://login-${n}.example/v2.0`, tenantId: `directory-${n}`, audiences: [`api://${n}`] },
	jwksUrl: `https://login-${n}.example/keys`,
});

let postgres: TestPostgres;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
});
afterAll(() => postgres.close());

describe('a directory', () => {
	let stage: AdminStage;

	beforeAll(async () => {
		stage = await openAdminStage(postgres, ADMIN_CONFIG);
		const { id } = stage.gateway.directory.directory;
		for (const path of ['/workspaces/google/grants', '/workspaces/microsoft/grants']) {
			const { items } = (await stage.ask('GET', path, { as })).json;
			for (const grant of items) {
				await stage.ask('PATCH', `${path}/${grant.id}`, { as, body: { directory: id }, match: '*' });
			}
		}
	});
	afterAll(() => stage.close());

	it('is not joined by a second one while grants do not say which they mean', async () => {
		const told = await stage.ask('PUT', `${DIRECTORIES}/second`, { as, body: directory(2), headers: NONE });
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual([{ path: 'body', message: 'name the directory in the grants of * first' }]);
		const { id } = stage.gateway.directory.directory;
		const body = { claim: 'group', value: 'platform', level: 'admin', directory: id };
		expect((await stage.ask('POST', GRANTS, { as, body })).status).toBe(201);
		const { items } = (await stage.ask('GET', GRANTS, { as })).json;
		const unnamed = items.find(({ directory }: { directory: unknown }) => directory === null);
		expect((await stage.ask('DELETE', `${GRANTS}/${unnamed.id}`, { as, match: '*' })).status).toBe(204);
	});

	describeConventions(() => stage, {
		...{ kind: 'directory', table: 'directory', listPath: DIRECTORIES, as, others: OTHERS, chain: 'platform' },
		make: (n) => ({ method: 'PUT', path: `${DIRECTORIES}/directory-${n}`, body: directory(n) }),
		change: { method: 'PUT', body: { ...directory('changed'), audiences: ['api://a', 'api://b'] } },
	});

	it('decides whose tokens are accepted, at once', async () => {
		const { id, issuer, tenantId, audiences, jwksUrl } = stage.gateway.directory.directory;
		expect((await stage.ask('GET', '/me')).status).toBe(200);
		const body = { issuer, tenantId, audiences: ['api://somebody-else'], jwksUrl };
		const at = `${DIRECTORIES}/${id}`;
		const told = await stage.ask('PUT', at, { as: 'operator', body, match: '*' });
		expect(told.status, told.text).toBe(200);
		expect((await stage.records()).at(-1)).toMatchObject({ action: 'directory.update', fields: ['audiences'] });
		expectRefused(await stage.ask('GET', '/me'), 'PC_TOKEN_AUDIENCE');
		await stage.ask('PUT', at, { as: 'operator', body: { ...body, audiences }, match: '*' });
		expect((await stage.ask('GET', '/me')).status).toBe(200);
	});

	it('has what narrows it down, and Graph as the operator set it', async () => {
		const at = `${DIRECTORIES}/narrowed`;
		const more = { clientApps: ['client-1'], scopes: ['api://g/mcp.access'], guests: 'deny' };
		const graph = { clientId: 'c', clientSecret: '${env:NOT_SET_HERE}' };
		const plain = { ...directory('narrowed'), v1Issuer: 'https://sts.example/{tid}/', ...more };
		const made = await stage.ask('PUT', at, { as, body: plain, headers: NONE });
		expect([made.status, made.json]).toEqual([201, expect.objectContaining(plain)]);
		const put = (who: string, body: object) => stage.ask('PUT', at, { as: who, body, match: '*' });
		expectRefused(await put(as, { ...plain, graph }), 'PC_OPERATOR_ONLY');
		expect((await put('operator', { ...plain, graph })).status).toBe(200);
		expect((await stage.ask('GET', at, { as })).json).toMatchObject({ ...plain, graph });
		// As it is it may be sent back; nobody sends the secret elsewhere.
		expect((await put(as, { ...plain, guests: 'allow', graph })).status).toBe(200);
		for (const change of [{ clientSecret: '${env:OTHER}' }, { tokenUrl: 'https://evil.example/{tid}' }]) {
			expectRefused(await put(as, { ...plain, graph: { ...graph, ...change } }), 'PC_OPERATOR_ONLY');
		}
		expectRefused(await put(as, { ...plain, tenantId: 'another', graph }), 'PC_OPERATOR_ONLY');
		expectRefused(await put('operator', { ...plain, graph: { ...graph, clientSecret: 'plain' } }), 'PC_INPUT_INVALID');
		const taken = { ...directory('taken'), v1Issuer: 'https://sts.example/directory-narrowed/' };
		expectRefused(await stage.ask('PUT', `${DIRECTORIES}/taken`, { as, body: taken, headers: NONE }), 'PC_CONFLICT');
		const { json: file } = await stage.ask('GET', '/config', { as });
		const told = file.directories.find(({ id }: { id: string }) => id === 'narrowed');
		expect(told).toEqual({ id: 'narrowed', ...plain, guests: 'allow', graph });
		const apply = (config: object) => stage.ask('POST', '/config/apply', { as, body: { config } });
		expect((await apply(file)).json).toMatchObject({ changes: [] });
		const elsewhere = { ...told, graph: { ...graph, baseUrl: 'https://evil.example' } };
		const others = file.directories.filter(({ id }: { id: string }) => id !== 'narrowed');
		expectRefused(await apply({ ...file, directories: [...others, elsewhere] }), 'PC_OPERATOR_ONLY');
		expect((await stage.ask('DELETE', at, { as, match: '*' })).status).toBe(204);
	});

	it('stays while somebody is of it', async () => {
		const { id } = stage.gateway.directory.directory;
		expectRefused(await stage.ask('DELETE', `${DIRECTORIES}/${id}`, { as, match: '*' }), 'PC_CONFLICT');
		expectRefused(await stage.ask('DELETE', `${DIRECTORIES}/${id}`, { as: 'operator', match: '*' }), 'PC_CONFLICT');
		const other = stage.ask('PUT', `${DIRECTORIES}/${id}`, { as, body: directory('elsewhere'), match: '*' });
		expectRefused(await other, 'PC_CONFLICT');
		await stage.ask('PUT', `${DIRECTORIES}/partner`, { as, body: directory('partner'), headers: NONE });
		const member = { oid: 'ada', directory: 'partner', level: 'read' };
		const { json } = await stage.ask('POST', '/workspaces/google/members', { body: member });
		expect(json).toMatchObject({ issuer: 'https://login-partner.example/v2.0', directory: 'partner' });
		expectRefused(await stage.ask('DELETE', `${DIRECTORIES}/partner`, { as, match: '*' }), 'PC_CONFLICT');
		await stage.ask('DELETE', `/workspaces/google/members/${json.id}`, { match: '*' });
		const same = { ...directory('other'), issuer: 'https://login-{tid}.example/v2.0', tenantId: 'partner' };
		expectRefused(await stage.ask('PUT', `${DIRECTORIES}/other`, { as, body: same, headers: NONE }), 'PC_CONFLICT');
		expect((await stage.ask('DELETE', `${DIRECTORIES}/partner`, { as, match: '*' })).status).toBe(204);
	});

	it('is held to the rules of the configuration file', async () => {
		const put = (change: object) =>
			stage.ask('PUT', `${DIRECTORIES}/wrong`, { as, body: { ...directory('wrong'), ...change }, headers: NONE });
		const wrong = [
			...[{ issuer: 'http://login.example' }, { jwksUrl: 'nowhere' }, { audiences: [] }, { tenantId: 'common' }],
			...[{ issuer: 'https://x.example/{iss}' }, { audiences: [''] }, { id: 'other' }],
		];
		for (const change of wrong) expectRefused(await put(change), 'PC_INPUT_INVALID');
		expectRefused(
			await stage.ask('PUT', `${DIRECTORIES}/No`, { as, body: directory(1), headers: NONE }),
			'PC_NOT_FOUND',
		);
		const at = `${DIRECTORIES}/limits`;
		await stage.ask('PUT', at, { as, body: directory('limits'), headers: NONE });
		await expectLimit(512, (audience) =>
			stage.ask('PUT', at, { as, body: { ...directory('limits'), audiences: [audience] }, match: '*' }),
		);
		await stage.ask('DELETE', at, { as, match: '*' });
	});
});

describe('a grant of the platform', () => {
	let stage: AdminStage;

	beforeAll(async () => {
		stage = await openAdminStage(postgres);
	});
	afterAll(() => stage.close());

	describeConventions(() => stage, {
		...{ kind: 'grant', table: 'platform_admin_rule', listPath: GRANTS, as, others: OTHERS, chain: 'platform' },
		make: (n) => ({ method: 'POST', path: GRANTS, body: { claim: 'group', value: `group-${n}`, level: 'read' } }),
		change: undefined,
	});

	it('opens every workspace, also those that come later', async () => {
		expect(await stage.tools('/w/google/mcp', 'auditors')).toBe('PC_ADDRESS_UNKNOWN');
		const { json } = await stage.ask('POST', GRANTS, {
			as,
			body: { claim: 'group', value: 'auditors', level: 'read' },
		});
		await stage.ask('POST', '/workspaces', { as, body: { slug: 'later' } });
		for (const slug of ['google', 'microsoft', 'later']) {
			expect(await stage.tools(`/w/${slug}/mcp`, 'auditors')).toEqual([]);
		}
		expectRefused(await stage.ask('GET', GRANTS, { as: 'auditors' }), 'PC_LEVEL_TOO_LOW');
		await stage.ask('DELETE', `${GRANTS}/${json.id}`, { as, match: '"1"' });
		expect(await stage.tools('/w/google/mcp', 'auditors')).toBe('PC_ADDRESS_UNKNOWN');
	});

	it('names a directory that there is', async () => {
		const body = { claim: 'role', value: 'x', level: 'read', directory: 'nowhere' };
		const told = await stage.ask('POST', GRANTS, { as, body });
		expectRefused(told, 'PC_INPUT_INVALID');
		expect(told.json.errors).toEqual([{ path: 'body.directory', message: 'there is no such directory' }]);
	});
});

describe('the settings', () => {
	let stage: AdminStage;

	beforeAll(async () => {
		stage = await openAdminStage(postgres);
	});
	afterAll(() => stage.close());

	it('are replaced as a whole, take effect at once, and are recorded', async () => {
		const read = await stage.ask('GET', SETTINGS, { as });
		expect(read.json).toEqual({ managedBy: 'api', version: 1 });
		const body = { origins: ['https://chat.example'], limits: { bodyBytes: 5_000, upstream: { totalMs: 9_000 } } };
		const told = await stage.ask('PUT', SETTINGS, { as, body, match: '"1"' });
		expect(told.json).toEqual({ ...body, managedBy: 'api', version: 2 });
		expect((await stage.ask('GET', SETTINGS, { as })).json).toEqual(told.json);
		const headers = { origin: 'https://chat.example' };
		expect((await stage.ask('GET', '/me', { headers })).status).toBe(200);
		expect((await stage.records()).at(-1)).toMatchObject({
			...{ chain: 'platform', action: 'settings.update', object: 'platform', fields: ['limits', 'origins'] },
		});
		expect((await stage.ask('PUT', SETTINGS, { as, body: {}, match: '"2"' })).json).toEqual({
			managedBy: 'api',
			version: 3,
		});
		expectRefused(await stage.ask('GET', '/me', { headers }), 'PC_ORIGIN_REFUSED');
	});

	it('are changed by those who say which version they mean, and may', async () => {
		expectRefused(await stage.ask('PUT', SETTINGS, { as, body: {} }), 'PC_IF_MATCH_MISSING');
		expectRefused(await stage.ask('PUT', SETTINGS, { as, body: {}, match: '"1"' }), 'PC_IF_MATCH_STALE');
		expectRefused(await stage.ask('PUT', SETTINGS, { as, body: {}, headers: NONE }), 'PC_IF_MATCH_STALE');
		for (const [who, code] of OTHERS) {
			expectRefused(await stage.ask('PUT', SETTINGS, { as: who, body: {}, match: '*' }), code);
			expectRefused(await stage.ask('GET', SETTINGS, { as: who }), code);
		}
		await stage.sql("update portcullis.platform_setting set managed_by = 'file'");
		expectRefused(await stage.ask('PUT', SETTINGS, { as, body: {}, match: '*' }), 'PC_FILE_MANAGED');
		await stage.sql("update portcullis.platform_setting set managed_by = 'api'");
		const before = (await stage.ask('GET', SETTINGS, { as })).text;
		await stage.withoutAudit(async () => {
			const lost = await stage.ask('PUT', SETTINGS, { as, body: { hosts: ['x.example'] }, match: '*' });
			expectRefused(lost, 'PC_INTERNAL');
		});
		expect((await stage.ask('GET', SETTINGS, { as })).text).toBe(before);
	});

	it('are held to the rules of the configuration file, at their limits', async () => {
		const put = (body: unknown) => stage.ask('PUT', SETTINGS, { as, body, match: '*' });
		const wrong = [
			...[{ publicUrl: 'http://mcp.example' }, { publicUrl: 'https://x.example/path' }, { hosts: ['a b'] }],
			...[{ origins: ['*'] }, { limits: { bodyBytes: 0 } }, { limits: { colour: 1 } }, { hosts: 'x' }],
			...[{ managedBy: 'api' }, { version: 1 }, { configVersion: 1 }, { publicUrl: '${env:HOME}' }],
			...[{ limits: { upstream: { totalMs: -1 } } }, { directories: [] }, { grants: [] }],
		];
		for (const body of wrong) expectRefused(await put(body), 'PC_INPUT_INVALID');
		for (const [jsonDepth, status] of [
			[511, 200],
			[512, 200],
			[513, 400],
		] as const) {
			expect((await put({ limits: { jsonDepth } })).status).toBe(status);
		}
		await put({});
	});
});
