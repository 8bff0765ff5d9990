import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiTold } from '../fakes/admin-plane.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import { ADMIN_CONFIG, type AdminStage, expectLimit, expectRefused, openAdminStage } from './admin-resource.ts';

const KEYS = '/workspaces/google/keys';
const KEY = /^pc_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/;
const PERSON = '0a1b2c3d-person';

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'WIKI' });
	const servers = { wiki: { transport: 'http', url: upstream.url }, mail: { transport: 'http', url: upstream.url } };
	stage = await openAdminStage(postgres, {
		...ADMIN_CONFIG,
		workspaces: { google: { servers }, microsoft: { servers } },
	});
});
afterAll(async () => {
	await stage.close();
	await upstream.close();
	await postgres.close();
});

const SERVICE = { kind: 'service', name: 'Nightly', level: 'write' };

async function make(body: object, said: object = {}): Promise<ApiTold> {
	const told = await stage.ask('POST', KEYS, { body, ...said });
	expect(told.status, told.text).toBe(201);
	return told;
}

const at = ({ json }: ApiTold): string => `${KEYS}/${json.id}`;

async function callWith(key: string, url = stage.gateway.url): Promise<string> {
	const call = legacy('tools/call', { name: 'wiki__echo', arguments: { text: 'x' } });
	const { json } = await post(`${url}/w/google/mcp`, call, { authorization: `Bearer ${key}` });
	return json.result?.content[0].text ?? json.error.data.code;
}

/** Asks the management API with a key. */
async function askWith(key: string, method: string, path: string, body?: object): Promise<ApiTold> {
	const headers = {
		authorization: `Bearer ${key}`,
		...(body && { 'content-type': 'application/json' }),
		'if-match': '*',
	};
	const init = { method, headers, body: body ? JSON.stringify(body) : null };
	const response = await fetch(`${stage.gateway.url}/api/v1${path}`, init);
	const text = await response.text();
	return { status: response.status, headers: {}, text, json: text === '' ? undefined : JSON.parse(text) };
}

describe('an API key', () => {
	it('is made, shown once, read, changed and revoked, each with a record that names its id alone', async () => {
		const before = (await stage.records()).length;
		const body = { ...SERVICE, servers: ['wiki'], networks: ['127.0.0.0/8'], expiresAt: '2031-01-02T03:04:05.678Z' };
		const made = await make(body);
		const { key, ...shown } = made.json;
		expect(key).toMatch(KEY);
		expect(shown).toMatchObject({ ...body, prefix: key.slice(0, 9), owner: null, lastUsedAt: null, version: 1 });
		expect(made.headers['location']).toBe(`/api/v1${at(made)}`);
		const read = await stage.ask('GET', at(made));
		expect(read.json).toEqual(shown);
		expect((await stage.ask('GET', KEYS)).json.items).toEqual([shown]);
		const change = { name: 'Daily', level: 'read', servers: null, networks: null, expiresAt: null };
		const changed = await stage.ask('PATCH', at(made), { body: change, match: '"1"' });
		expect(changed.json).toEqual({ ...shown, ...change, version: 2, updatedAt: changed.json.updatedAt });
		expect((await stage.ask('DELETE', at(made), { match: '"2"' })).status).toBe(204);
		expectRefused(await stage.ask('GET', at(made)), 'PC_NOT_FOUND');
		const records = (await stage.records()).slice(before);
		expect(records.map(({ action, object, chain }) => [action, object, chain])).toEqual([
			['key.create', shown.id, 'google'],
			['key.update', shown.id, 'google'],
			['key.delete', shown.id, 'google'],
		]);
		expect(records[1]).toMatchObject({ fields: ['expiresAt', 'level', 'name', 'networks', 'servers'] });
		expect(JSON.stringify(records)).not.toContain('pc_');
	});

	it('is made once for an Idempotency-Key, shown to the first alone and kept nowhere', async () => {
		const headers = { 'idempotency-key': 'nightly-1' };
		const told = await Promise.all(Array.from({ length: 20 }, () => make(SERVICE, { headers })));
		expect(new Set(told.map(({ json }) => json.id)).size).toBe(1);
		const keys = told.flatMap(({ json }) => json.key ?? []);
		expect(keys).toHaveLength(1);
		expect(keys[0]).toMatch(KEY);
		const kept = await stage.sql('select * from portcullis.idempotency_key');
		expect(JSON.stringify(kept)).toContain(told[0]?.json.id);
		expect(JSON.stringify(kept)).not.toContain(keys[0]);
		expectRefused(
			await stage.ask('POST', KEYS, { body: { ...SERVICE, name: 'x' }, headers }),
			'PC_IDEMPOTENCY_KEY_REUSED',
		);
		await stage.ask('DELETE', at(told[0] as ApiTold), { match: '*' });
	});

	it('is changed only by those who say which version they mean, and left alone where no record can be kept', async () => {
		const made = await make(SERVICE);
		for (const [method, body] of [
			['PATCH', { level: 'read' }],
			['DELETE', undefined],
		] as const) {
			expectRefused(await stage.ask(method, at(made), { body }), 'PC_IF_MATCH_MISSING');
			expectRefused(await stage.ask(method, at(made), { body, match: '"2"' }), 'PC_IF_MATCH_STALE');
			await stage.withoutAudit(async () => {
				expectRefused(await stage.ask(method, at(made), { body, match: '"1"' }), 'PC_INTERNAL');
			});
		}
		expect((await stage.ask('GET', at(made))).json).toMatchObject({ level: 'write', version: 1 });
		await stage.ask('DELETE', at(made), { match: '"1"' });
	});

	it('says nothing that makes no sense', async () => {
		const faulty = (body: object) => stage.ask('POST', KEYS, { body: { ...SERVICE, ...body } });
		for (const body of [
			...[
				{ kind: 'open' },
				{ level: 'owner' },
				{ name: '' },
				{ servers: ['nowhere'] },
				{ servers: [] },
				{ networks: [] },
			],
			...[{ networks: ['10.0.0.1/8'] }, { networks: ['localhost'] }, { networks: ['::ffff:10.0.0.0/104'] }],
			...[{ expiresAt: '2020-01-01T00:00:00Z' }, { expiresAt: 'tomorrow' }, { expiresAt: 1 }],
			...[{ key: 'pc_mine' }, { digest: '00' }, { id: 'x' }, { owner: {} }, { createdBy: 'x' }, { workspaceId: 'x' }],
		]) {
			expectRefused(await faulty(body), 'PC_INPUT_INVALID');
		}
		expect((await stage.ask('GET', KEYS)).json.items).toEqual([]);
		await expectLimit(200, async (name) => {
			const told = await stage.ask('POST', KEYS, { body: { ...SERVICE, name } });
			if (told.status === 201) await stage.ask('DELETE', at(told), { match: '*' });
			return told;
		});
	});

	it('is listed page by page', async () => {
		const made = [await make(SERVICE), await make(SERVICE), await make(SERVICE)];
		const first = (await stage.ask('GET', `${KEYS}?limit=2`)).json;
		const second = (await stage.ask('GET', `${KEYS}?limit=2&cursor=${first.next}`)).json;
		const ids = [...first.items, ...second.items].map(({ id }: { id: string }) => id);
		expect(ids).toEqual(made.map(({ json }) => json.id).sort());
		for (const each of made) await stage.ask('DELETE', at(each), { match: '*' });
	});
});

describe('who may manage keys', () => {
	const PERSONAL = { kind: 'personal', name: 'Laptop', level: 'admin' };

	it('is whoever administers the workspace, and everybody for keys of their own', async () => {
		const service = await make(SERVICE);
		for (const who of ['elsewhere', 'nobodies']) {
			expectRefused(await stage.ask('GET', KEYS, { as: who }), 'PC_NOT_FOUND');
			expectRefused(await stage.ask('POST', KEYS, { as: who, body: PERSONAL }), 'PC_NOT_FOUND');
			expectRefused(await stage.ask('DELETE', at(service), { as: who, match: '*' }), 'PC_NOT_FOUND');
		}
		for (const who of ['readers', 'writers']) {
			expectRefused(await stage.ask('POST', KEYS, { as: who, body: SERVICE }), 'PC_LEVEL_TOO_LOW');
			expect((await stage.ask('GET', KEYS, { as: who })).json.items).toEqual([]);
			expectRefused(await stage.ask('GET', at(service), { as: who }), 'PC_NOT_FOUND');
			expectRefused(
				await stage.ask('PATCH', at(service), { as: who, body: { name: 'x' }, match: '*' }),
				'PC_NOT_FOUND',
			);
			expectRefused(await stage.ask('DELETE', at(service), { as: who, match: '*' }), 'PC_NOT_FOUND');
		}
		await stage.ask('DELETE', at(service), { match: '*' });
	});

	it('makes personal keys only for people who are members', async () => {
		expectRefused(await stage.ask('POST', KEYS, { as: 'readers', body: PERSONAL }), 'PC_KEY_OWNER_UNKNOWN');
		expectRefused(await stage.ask('POST', KEYS, { as: 'operator', body: PERSONAL }), 'PC_INPUT_INVALID');
		const members = '/workspaces/google/members';
		const member = await stage.ask('POST', members, { body: { oid: PERSON, level: 'read' } });
		const made = await make(PERSONAL, { as: 'readers' });
		const { issuer, tenantId: tid } = stage.gateway.directory.directory;
		expect(made.json.owner).toEqual({ issuer, tid, oid: PERSON });
		expect((await stage.ask('GET', KEYS, { as: 'readers' })).json.items).toHaveLength(1);
		expect((await askWith(made.json.key, 'GET', '/me')).json).toMatchObject({
			oid: PERSON,
			workspaces: [{ workspace: 'google', level: 'read', rules: ['api-key', 'member'] }],
		});
		await stage.ask('DELETE', `${members}/${member.json.id}`, { match: '*' });
		expectRefused(await askWith(made.json.key, 'GET', '/me'), 'PC_KEY_INVALID');
		expect((await stage.ask('DELETE', at(made), { as: 'readers', match: '*' })).status).toBe(204);
	});

	it('is the operator too, but for keys of people', async () => {
		const made = await make(SERVICE, { as: 'operator' });
		expect(made.json.createdBy).toBe('operator');
		expect((await askWith(made.json.key, 'GET', '/me')).json).toMatchObject({ issuer: 'api-key', oid: made.json.id });
		expect((await stage.ask('DELETE', at(made), { as: 'operator', match: '*' })).status).toBe(204);
	});

	it('is never a key, whatever it may do else', async () => {
		const admin = await make({ ...SERVICE, level: 'admin' });
		const { key } = admin.json;
		expect((await askWith(key, 'GET', '/workspaces/google/members')).status).toBe(200);
		for (const [method, path, body] of [
			['GET', KEYS, undefined],
			['POST', KEYS, SERVICE],
			['GET', at(admin), undefined],
			['PATCH', at(admin), { name: 'mine' }],
			['DELETE', at(admin), undefined],
		] as const) {
			expectRefused(await askWith(key, method, path, body), 'PC_KEY_REFUSED');
			expectRefused(await askWith(key, method, path.replace('google', 'microsoft'), body), 'PC_NOT_FOUND');
		}
		expect((await askWith(key, 'GET', '/workspaces/microsoft')).json.code).toBe('PC_NOT_FOUND');
		expect((await askWith(key, 'GET', '/platform/settings')).json.code).toBe('PC_LEVEL_TOO_LOW');
		await stage.ask('DELETE', at(admin), { match: '*' });
		expectRefused(await askWith(key, 'GET', '/workspaces/google/members'), 'PC_KEY_INVALID');
	});

	it('gives a key for some servers at most the level write, and no other server', async () => {
		const made = await make({ ...SERVICE, level: 'admin', servers: ['wiki'] });
		const { key } = made.json;
		expect((await askWith(key, 'GET', '/me')).json.workspaces).toMatchObject([{ workspace: 'google', level: 'write' }]);
		expectRefused(await askWith(key, 'GET', '/workspaces/google/members'), 'PC_LEVEL_TOO_LOW');
		const explain = (server: string) => askWith(key, 'POST', '/explain', { workspace: 'google', server, tool: 'echo' });
		expect((await explain('wiki')).json).toMatchObject({ allowed: true, level: 'admin' });
		expectRefused(await explain('mail'), 'PC_NOT_FOUND');
		const run = (server: string) =>
			askWith(key, 'POST', `/workspaces/google/servers/${server}/tools/echo/call`, { arguments: { text: 'x' } });
		expect((await run('wiki')).json.result.content[0].text).toBe('WIKI: x');
		expectRefused(await run('mail'), 'PC_NOT_FOUND');
		await stage.ask('DELETE', at(made), { match: '*' });
	});
});

describe('when a key was used', () => {
	it('is written down aside from the calls, at the latest when the gateway stops, and changes nothing of the key', async () => {
		const gateway = await startManagedGateway({}, { beside: stage.gateway });
		const made = await make(SERVICE);
		const before = Date.now();
		await expect.poll(() => callWith(made.json.key, gateway.url), { timeout: 20_000 }).toBe('WIKI: x');
		expect((await stage.ask('GET', at(made))).json.lastUsedAt).toBeNull();
		await gateway.close();
		const { json } = await stage.ask('GET', at(made));
		expect(Date.parse(json.lastUsedAt)).toBeGreaterThanOrEqual(before);
		expect(json).toMatchObject({ version: 1, updatedAt: made.json.updatedAt });
		await stage.ask('DELETE', at(made), { match: '*' });
	});
});

describe('what is configured otherwise', () => {
	it('leaves keys alone: they are in no export, and an import takes none away', async () => {
		const made = await make(SERVICE);
		const { json: config, text } = await stage.ask('GET', '/config', { as: 'operator' });
		expect(text).not.toContain(made.json.id);
		const body = { config: config.config ?? config, prune: 'all', takeOver: true };
		const applied = await stage.ask('POST', '/config/apply', { as: 'operator', body });
		expect(applied.status, applied.text).toBe(200);
		expect(await callWith(made.json.key)).toBe('WIKI: x');
		await stage.ask('DELETE', at(made), { match: '*' });
	});
});
