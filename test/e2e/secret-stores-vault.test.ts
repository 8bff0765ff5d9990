import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VaultAuth } from '../../src/config/secret-stores.ts';
import { createVaultClient, type VaultClient } from '../../src/credentials/external/vault-client.ts';
import { createVaultTransit } from '../../src/credentials/keys/vault-transit.ts';
import { createVaultKv } from '../../src/credentials/sources/vault-kv.ts';
import { type FakeVault, startFakeVault } from '../fakes/vault.ts';

const NEVER = new AbortController().signal;
const GOOGLE = { workspace: 'google', workspaceId: '0c1f2b1e-0000-4000-8000-000000000001' };

let vault: FakeVault;
let folder: string;
let clients: VaultClient[];
let now: number;

beforeEach(async () => {
	vault = await startFakeVault();
	folder = mkdtempSync(join(tmpdir(), 'portcullis-vault-'));
	clients = [];
	now = 0;
	writeFileSync(join(folder, 'token'), `${vault.rootToken}\n`);
	writeFileSync(join(folder, 'secret-id'), vault.secretId);
	writeFileSync(join(folder, 'jwt'), vault.serviceAccount);
});
afterEach(async () => {
	await Promise.all(clients.map((client) => client.close()));
	await vault.close();
	rmSync(folder, { recursive: true });
});

const AUTHS = {
	token: (): VaultAuth => ({ method: 'token', tokenFile: join(folder, 'token') }),
	approle: (): VaultAuth => {
		return { method: 'approle', mount: 'approle', roleId: vault.roleId, secretIdFile: join(folder, 'secret-id') };
	},
	kubernetes: (): VaultAuth => {
		return { method: 'kubernetes', mount: 'kubernetes', role: 'portcullis', jwtFile: join(folder, 'jwt') };
	},
};

function connect(auth: VaultAuth = AUTHS.token(), namespace?: string): VaultClient {
	const settings = { address: vault.address, namespace, ca: undefined, auth, transit: undefined, kv: undefined };
	const client = createVaultClient(settings, () => now);
	clients.push(client);
	return client;
}

const transit = (client = connect()) => createVaultTransit(client, { mount: 'transit', key: 'portcullis' });
const kv = (client = connect(), at = 'portcullis/{workspace}') =>
	createVaultKv(client, { mount: 'secret', folder: at, maxAgeMs: 1_000 });

const at = (name: string) => ({ source: 'vault', at: { name } });

const count = (request: string): number => vault.seen.filter((each) => each === request).length;

describe('a gateway signs in at Vault', () => {
	it.each(['token', 'approle', 'kubernetes'] as const)('with %s, once for many questions', async (method) => {
		vault.secrets.set('portcullis/google/jira', { token: 'canary-value' });
		const source = kv(connect(AUTHS[method]()));
		const read = await Promise.all([1, 2, 3].map(() => source.read(at('jira'), GOOGLE, NEVER)));
		expect(read.map(({ values }) => values['token']?.reveal())).toEqual(Array(3).fill('canary-value'));
		const signIn = method === 'token' ? 'GET auth/token/lookup-self' : `POST auth/${method}/login`;
		expect(count(signIn)).toBe(1);
	});

	it('prolongs its token before the end, and signs in anew when it cannot', async () => {
		vault.secrets.set('portcullis/google/jira', { token: 'v' });
		vault.setTokens({ ttl: 90, renewable: true });
		const source = kv(connect(AUTHS.approle()));
		const read = () => source.read(at('jira'), GOOGLE, NEVER);
		await read();
		now = 61_000;
		await read();
		expect([count('POST auth/approle/login'), count('POST auth/token/renew-self')]).toEqual([1, 1]);
		vault.setTokens({ ttl: 90, renewable: false });
		now += 61_000;
		await read();
		now += 61_000;
		await read();
		expect(count('POST auth/approle/login')).toBe(2);
	});

	it('signs in again when its token was taken back', async () => {
		vault.secrets.set('portcullis/google/jira', { token: 'v' });
		const source = kv(connect(AUTHS.approle()));
		await source.read(at('jira'), GOOGLE, NEVER);
		vault.revokeTokens();
		await source.read(at('jira'), GOOGLE, NEVER);
		expect(count('POST auth/approle/login')).toBe(2);
	});

	it('reads a renewed file of the platform at the next sign-in', async () => {
		writeFileSync(join(folder, 'jwt'), 'eyJ.old.sig');
		const source = kv(connect(AUTHS.kubernetes()));
		vault.secrets.set('portcullis/google/jira', { token: 'v' });
		await expect(source.read(at('jira'), GOOGLE, NEVER)).rejects.toMatchObject({ reason: 'denied' });
		writeFileSync(join(folder, 'jwt'), vault.serviceAccount);
		await expect(source.read(at('jira'), GOOGLE, NEVER)).resolves.toBeDefined();
	});

	it('names its namespace in every request', async () => {
		const keys = transit(connect(AUTHS.approle(), 'team/portcullis'));
		await keys.check(NEVER);
		expect(new Set(vault.namespaces)).toEqual(new Set(['team/portcullis']));
	});

	it.each([
		['a wrong secret', 'secret-id', 'wrong', 'denied'],
		['no secret', 'secret-id', '', 'unavailable'],
	])('is refused with %s, which nothing quotes', async (_what, file, text, reason) => {
		writeFileSync(join(folder, file), text);
		const refused = await kv(connect(AUTHS.approle()))
			.read(at('jira'), GOOGLE, NEVER)
			.catch((error: Error) => error);
		expect(refused).toMatchObject({ reason });
		expect(String(refused)).not.toContain('wrong');
	});
});

describe('a key of the transit engine', () => {
	it('opens what it wrapped, and nothing that was changed', async () => {
		const keys = transit();
		await keys.check(NEVER);
		expect(keys.current).toBe('vault:transit/portcullis:v1');
		const dataKey = randomBytes(32);
		const { keyId, wrapped } = await keys.wrap(dataKey, NEVER);
		expect(keyId).toBe(keys.current);
		expect(wrapped.includes(dataKey)).toBe(false);
		expect((await keys.unwrap(keyId, wrapped, NEVER)).equals(dataKey)).toBe(true);
		wrapped[20] = (wrapped[20] ?? 0) ^ 1;
		await expect(keys.unwrap(keyId, wrapped, NEVER)).rejects.toMatchObject({ reason: 'invalid' });
	});

	it('wraps with its newest version, and opens what older ones wrapped while Vault lets it', async () => {
		const keys = transit();
		const old = await keys.wrap(Buffer.from('one'), NEVER);
		vault.rotate();
		await keys.check(NEVER);
		expect(keys.current).toBe('vault:transit/portcullis:v2');
		expect((await keys.wrap(Buffer.from('two'), NEVER)).keyId).toBe('vault:transit/portcullis:v2');
		expect(String(await keys.unwrap(old.keyId, old.wrapped, NEVER))).toBe('one');
		vault.forbidBefore(2);
		await expect(keys.unwrap(old.keyId, old.wrapped, NEVER)).rejects.toMatchObject({ reason: 'invalid' });
	});

	it('is refused at the start when it is not there, or only signs', async () => {
		const named = (key: string) => createVaultTransit(connect(), { mount: 'transit', key });
		await expect(named('other').check(NEVER)).rejects.toMatchObject({ reason: 'missing' });
		await expect(named('signer').check(NEVER)).rejects.toMatchObject({ reason: 'denied' });
	});

	it.each(['vault:transit/other:v1', 'ring:1', 'vault:transit/portcullis:v1/../x'])(
		'does not open for %s',
		async (id) => {
			const asked = vault.seen.length;
			await expect(transit().unwrap(id, Buffer.alloc(40), NEVER)).rejects.toMatchObject({ reason: 'missing' });
			expect(vault.seen.length).toBe(asked);
		},
	);
});

describe('secrets of workspaces in Vault', () => {
	it('are found in the folder of their workspace, by slug or by id', async () => {
		vault.secrets.set('portcullis/google/team/jira', { token: 'g', user: 'u', count: 3 });
		vault.secrets.set(`by-id/${GOOGLE.workspaceId}/jira`, { token: 'i' });
		const { values, validMs } = await kv().read(at('team/jira'), GOOGLE, NEVER);
		expect([Object.keys(values), values['token']?.reveal(), validMs]).toEqual([['token', 'user'], 'g', 1_000]);
		const byId = await kv(connect(), 'by-id/{id}').read(at('jira'), GOOGLE, NEVER);
		expect(byId.values['token']?.reveal()).toBe('i');
	});

	it.each([
		...[
			'../microsoft/jira',
			'a/../../microsoft/jira',
			'..',
			'.',
			'',
			'/microsoft/jira',
			'a//b',
			'a/',
			'%2e%2e/microsoft/jira',
		],
		...['jira?version=1', 'jira#x', 'a\\..\\b', 'jira\u0000', 'jira%2Fx', '..;/microsoft', 'ji ra', 'x'.repeat(513)],
	])('are not reached from another workspace by the name %j', async (name) => {
		vault.secrets.set('portcullis/microsoft/jira', { token: 'foreign' });
		const asked = vault.seen.length;
		await expect(kv().read(at(name), GOOGLE, NEVER)).rejects.toMatchObject({ reason: 'missing' });
		expect(vault.seen.length).toBe(asked);
	});

	it('are missing where there is nothing, or nothing that is text', async () => {
		vault.secrets.set('portcullis/google/odd', { token: 7 });
		for (const name of ['none', 'odd']) {
			await expect(kv().read(at(name), GOOGLE, NEVER)).rejects.toMatchObject({ reason: 'missing' });
		}
	});

	it.each(['sealed', 'html', 'huge', 'redirect'] as const)('are unavailable while the store is %s', async (health) => {
		const source = kv();
		vault.secrets.set('portcullis/google/jira', { token: 'v' });
		await source.read(at('jira'), GOOGLE, NEVER);
		vault.setHealth(health);
		const failed = await source.read(at('jira'), GOOGLE, NEVER).catch((error: unknown) => error);
		expect(failed).toMatchObject({ name: 'StoreFailure' });
		vault.setHealth('up');
		await expect(source.read(at('jira'), GOOGLE, NEVER)).resolves.toBeDefined();
	});

	it('are no longer waited for by a caller who has gone', async () => {
		const source = kv();
		vault.setHealth('hang');
		const stop = new AbortController();
		const waiting = source.read(at('jira'), GOOGLE, stop.signal);
		stop.abort(new Error('gone'));
		await expect(waiting).rejects.toThrow('gone');
	});
});
