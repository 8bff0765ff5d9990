import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AzureAuth } from '../../src/config/secret-stores.ts';
import { type AzureClient, createAzureClient } from '../../src/credentials/external/azure-client.ts';
import { createAzureKey } from '../../src/credentials/keys/azure-key.ts';
import { createAzureSecret } from '../../src/credentials/sources/azure-secret.ts';
import { createSecret } from '../../src/lib/secret.ts';
import { type FakeAzure, startFakeAzure } from '../fakes/azure-key-vault.ts';

const NEVER = new AbortController().signal;
const GOOGLE = { workspace: 'google', workspaceId: '0c1f2b1e-0000-4000-8000-000000000001' };

let azure: FakeAzure;
let folder: string;
let clients: AzureClient[];

beforeEach(async () => {
	azure = await startFakeAzure();
	folder = mkdtempSync(join(tmpdir(), 'portcullis-azure-'));
	clients = [];
	writeFileSync(join(folder, 'assertion'), azure.assertion);
});
afterEach(async () => {
	await Promise.all(clients.map((client) => client.close()));
	await azure.close();
	rmSync(folder, { recursive: true });
});

const AUTHS = {
	'client-secret': (): AzureAuth => {
		const { tokenUrl, clientId, clientSecret } = azure;
		return { method: 'client-secret', tokenUrl, clientId, clientSecret: createSecret(clientSecret) };
	},
	'workload-identity': (): AzureAuth => {
		const { tokenUrl, clientId } = azure;
		return { method: 'workload-identity', tokenUrl, clientId, assertionFile: join(folder, 'assertion') };
	},
	'managed-identity': (): AzureAuth => {
		return { method: 'managed-identity', tokenUrl: azure.machineUrl, clientId: undefined };
	},
};

function connect(auth: AzureAuth = AUTHS['client-secret']()): AzureClient {
	const client = createAzureClient({ vaultUrl: azure.vaultUrl, auth, wrappingKey: undefined, secrets: undefined });
	clients.push(client);
	return client;
}

const at = (name: string) => ({ source: 'azure', at: { name } });
const secrets = (client = connect()) => createAzureSecret(client, { workspaceTag: 'workspace', maxAgeMs: 1_000 });
const read = (name: string) => secrets().read(at(name), GOOGLE, NEVER);

describe('a gateway signs in for Azure Key Vault', () => {
	it.each(['client-secret', 'workload-identity', 'managed-identity'] as const)('by %s, once', async (method) => {
		azure.secrets.set('jira', { value: 'canary', tags: { workspace: 'google' } });
		const source = secrets(connect(AUTHS[method]()));
		for (const _ of [1, 2]) {
			expect((await source.read(at('jira'), GOOGLE, NEVER)).values['token']?.reveal()).toBe('canary');
		}
		expect(azure.seen.filter((each) => each.includes('oauth2'))).toHaveLength(1);
	});

	it('signs in again when its token is no longer taken', async () => {
		azure.secrets.set('jira', { value: 'v', tags: { workspace: 'google' } });
		const source = secrets();
		await source.read(at('jira'), GOOGLE, NEVER);
		azure.revokeTokens();
		await source.read(at('jira'), GOOGLE, NEVER);
		expect(azure.seen.filter((each) => each.includes('oauth2'))).toHaveLength(2);
	});

	it('is refused with a wrong secret, which nothing quotes', async () => {
		const auth = { ...AUTHS['client-secret'](), clientSecret: createSecret('wrong-canary') } as AzureAuth;
		const refused = await secrets(connect(auth))
			.read(at('jira'), GOOGLE, NEVER)
			.catch((error: Error) => error);
		expect(refused).toMatchObject({ reason: 'denied' });
		expect(String(refused)).not.toContain('canary');
	});
});

describe('a key of Azure Key Vault', () => {
	it('opens what it wrapped, and nothing that was changed', async () => {
		const keys = createAzureKey(connect(), 'wrapper');
		await keys.check(NEVER);
		const dataKey = randomBytes(32);
		const { keyId, wrapped } = await keys.wrap(dataKey, NEVER);
		expect([keyId, keyId]).toEqual([keys.current, expect.stringMatching(/^azure:wrapper\/[0-9a-f]{32}$/)]);
		expect((await keys.unwrap(keyId, wrapped, NEVER)).equals(dataKey)).toBe(true);
		wrapped[20] = (wrapped[20] ?? 0) ^ 1;
		await expect(keys.unwrap(keyId, wrapped, NEVER)).rejects.toMatchObject({ reason: 'invalid' });
	});

	it('wraps with its newest version, and opens what older ones wrapped', async () => {
		const keys = createAzureKey(connect(), 'wrapper');
		const old = await keys.wrap(Buffer.from('one'), NEVER);
		azure.rotate();
		const next = await keys.wrap(Buffer.from('two'), NEVER);
		expect(next.keyId).not.toBe(old.keyId);
		expect(keys.current).toBe(next.keyId);
		expect(String(await keys.unwrap(old.keyId, old.wrapped, NEVER))).toBe('one');
	});

	it('is refused at the start when it is not there', async () => {
		await expect(createAzureKey(connect(), 'other').check(NEVER)).rejects.toMatchObject({ reason: 'missing' });
	});

	it.each(['azure:other/0123456789abcdef0123456789abcdef', 'azure:wrapper/../x', 'ring:1'])(
		'does not open for %s',
		async (id) => {
			const keys = createAzureKey(connect(), 'wrapper');
			await expect(keys.unwrap(id, Buffer.alloc(256), NEVER)).rejects.toMatchObject({ reason: 'missing' });
			expect(azure.seen).toEqual([]);
		},
	);
});

describe('secrets of workspaces in Azure Key Vault', () => {
	it('are those with the tag of their workspace, by slug or id; others look like none', async () => {
		azure.secrets.set('mine', { value: 'm', tags: { workspace: 'google' } });
		azure.secrets.set('by-id', { value: 'i', tags: { workspace: GOOGLE.workspaceId } });
		azure.secrets.set('foreign', { value: 'f', tags: { workspace: 'microsoft' } });
		azure.secrets.set('untagged', { value: 'u' });
		expect((await read('mine')).values['token']?.reveal()).toBe('m');
		expect((await read('by-id')).values['token']?.reveal()).toBe('i');
		const told = await Promise.all(
			['foreign', 'untagged', 'nothing'].map((name) =>
				read(name).catch((error: Error) => error.message.replace(name, 'x')),
			),
		);
		expect(told).toEqual(Array(3).fill('key vault, secret x: there is no such thing'));
	});

	it('give a text as token, and an object of texts by name', async () => {
		azure.secrets.set('pair', { value: '{"user":"u","password":"p"}', tags: { workspace: 'google' } });
		azure.secrets.set('braces', { value: '{not json', tags: { workspace: 'google' } });
		expect(Object.keys((await read('pair')).values)).toEqual(['user', 'password']);
		expect((await read('braces')).values['token']?.reveal()).toBe('{not json');
	});

	it.each(['a/b', '../keys/wrapper', 'a?b', 'a b', '', 'x'.repeat(128)])(
		'are not asked for by the name %j',
		async (name) => {
			await expect(read(name)).rejects.toMatchObject({ reason: 'missing' });
			expect(azure.seen).toEqual([]);
		},
	);

	it('are denied when disabled, and unavailable while the vault has enough of us', async () => {
		azure.secrets.set('off', { value: 'v', tags: { workspace: 'google' }, enabled: false });
		await expect(read('off')).rejects.toMatchObject({ reason: 'denied' });
		azure.setThrottled(true);
		await expect(read('off')).rejects.toMatchObject({ reason: 'unavailable' });
	});
});
