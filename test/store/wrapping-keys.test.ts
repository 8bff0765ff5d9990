import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readSecretStores } from '../../src/config/read-secret-stores.ts';
import { checkKeys, keysInUse } from '../../src/credentials/keys/check-keys.ts';
import { createKeyRing, type RingKey } from '../../src/credentials/keys/key-ring.ts';
import { openKeys } from '../../src/credentials/keys/open-keys.ts';
import { createSecret } from '../../src/lib/secret.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { startFakeVault } from '../fakes/vault.ts';
import { createMigrated, run } from './migrated-database.ts';

const newKey = (id: string): RingKey => ({ id, key: randomBytes(32) });
const NO_STORES = readSecretStores('', {});
const SIGNAL = new AbortController().signal;

describe('the wrapping keys of a gateway', () => {
	let postgres: TestPostgres;
	let database: TestDatabase;
	let store: Store;
	let folder: string;
	const settings = (given: Partial<Parameters<typeof openKeys>[0]['environment']> = {}) => {
		return {
			store,
			stores: NO_STORES,
			environment: { keyFile: '', keys: [], databaseUrl: '', dataFolder: folder, ...given },
		};
	};
	const check = (...keys: readonly [RingKey, ...RingKey[]]): Promise<void> =>
		checkKeys(createKeyRing(keys), store, SIGNAL);
	const keyText = ({ id, key }: RingKey): string => `${id}:${key.toString('base64')}`;

	beforeAll(async () => {
		postgres = await startTestPostgres('embedded');
	});
	afterAll(() => postgres.close());
	beforeEach(async () => {
		database = await createMigrated(postgres);
		store = createStore({ connections: database });
		folder = mkdtempSync(join(tmpdir(), 'portcullis-keys-'));
		return async () => {
			await store.close();
			rmSync(folder, { recursive: true });
		};
	});

	it('are noted at first, and must be the same ones from then on', async () => {
		const key = newKey('a');
		await check(key);
		await check(key);
		expect(await keysInUse(store)).toEqual(['a']);
		await expect(check({ ...newKey('a') })).rejects.toMatchObject({ code: 'PC_KEYS_WRONG' });
	});

	it('are changed by a new one before the old one, which has to stay', async () => {
		const [old, next] = [newKey('a'), newKey('b')];
		await check(old);
		await expect(check(next)).rejects.toMatchObject({ code: 'PC_KEYS_WRONG' });
		await check(next, old);
		expect(await keysInUse(store)).toEqual(['a', 'b']);
		await expect(check(next)).rejects.toThrow(/sealed with key a,/);
		await expect(check(old)).rejects.toThrow(/sealed with key b,/);
	});

	it('are not found to be good where somebody changed the value they are tried on', async () => {
		const key = newKey('a');
		await check(key);
		await run(database.superuser, [
			`update portcullis.signing_key set sealed = set_byte(sealed, 80, get_byte(sealed, 80) # 1)`,
		]);
		await expect(check(key)).rejects.toMatchObject({ code: 'PC_KEYS_WRONG' });
	});

	it('are those of one gateway where several start at once with different ones', async () => {
		const started = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => check(newKey(id))));
		expect(started.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
		expect(await keysInUse(store)).toHaveLength(1);
	});

	it('are made at first start beside a database of its own, for its account alone', async () => {
		const keys = await openKeys(settings());
		expect(keys.current).toMatch(/^own-[0-9a-f]{8}$/);
		expect(statSync(join(folder, 'credential-keys')).mode & 0o777).toBe(0o600);
		expect((await openKeys(settings())).current).toBe(keys.current);
	});

	it('are not made anew when they are gone and secrets are sealed with them', async () => {
		await openKeys(settings());
		rmSync(join(folder, 'credential-keys'));
		await expect(openKeys(settings())).rejects.toMatchObject({
			code: 'PC_KEYS_MISSING',
			message: expect.stringContaining('credential-keys is gone'),
		});
	});

	it('may be none for a database of somebody else, as long as nothing is sealed', async () => {
		const elsewhere = settings({ databaseUrl: 'postgres://elsewhere' });
		const none = await openKeys(elsewhere);
		await expect(none.wrap(randomBytes(32), SIGNAL)).rejects.toMatchObject({ code: 'PC_KEYS_MISSING' });
		await check(newKey('a'));
		await expect(openKeys(elsewhere)).rejects.toMatchObject({ code: 'PC_KEYS_MISSING' });
	});

	it('come from the environment or from a file, and from one of them', async () => {
		const key = newKey('given');
		const path = join(folder, 'keys');
		writeFileSync(path, keyText(key), { mode: 0o600 });
		expect((await openKeys(settings({ keyFile: path }))).current).toBe('given');
		const keys = [createSecret(keyText(key))];
		expect((await openKeys(settings({ keys }))).current).toBe('given');
		await expect(openKeys(settings({ keys, keyFile: path }))).rejects.toMatchObject({ code: 'PC_KEYS_INVALID' });
	});

	it('move to Vault and back, each holder opening what it wrapped', async () => {
		const vault = await startFakeVault();
		writeFileSync(join(folder, 'token'), vault.rootToken);
		const file = join(folder, 'stores.yaml');
		const storesWith = (first: string) => {
			const auth = `auth: { method: token, tokenFile: token }`;
			writeFileSync(file, `${first}vault:\n  address: ${vault.address}\n  ${auth}\n  transit: {}\n`);
			return readSecretStores(file, {});
		};
		const [own, inVault] = [
			await openKeys(settings()),
			await openKeys({ ...settings(), stores: storesWith('wrapsKeys: vault\n') }),
		];
		expect([own.current, inVault.current]).toEqual([expect.not.stringContaining(':'), 'vault:transit/portcullis:v1']);
		const kept = await own.wrap(Buffer.from('one'), SIGNAL);
		const moved = await inVault.wrap(Buffer.from('two'), SIGNAL);
		expect(String(await inVault.unwrap(kept.keyId, kept.wrapped, SIGNAL))).toBe('one');
		await expect(openKeys(settings())).rejects.toMatchObject({ code: 'PC_KEYS_WRONG' });
		const back = await openKeys({ ...settings(), stores: storesWith('') });
		expect([back.current, String(await back.unwrap(moved.keyId, moved.wrapped, SIGNAL))]).toEqual([own.current, 'two']);
		await vault.close();
		await expect(back.unwrap(moved.keyId, moved.wrapped, SIGNAL)).rejects.toMatchObject({
			code: 'PC_KEYS_UNAVAILABLE',
		});
		await Promise.all([own, inVault, back].map((keys) => keys.close()));
	});

	it('are refused from a file that others may read, that is not there, or that holds weak ones', async () => {
		const path = join(folder, 'keys');
		await expect(openKeys(settings({ keyFile: path }))).rejects.toThrow(/cannot be opened \(ENOENT\)/);
		writeFileSync(path, keyText(newKey('given')));
		chmodSync(path, 0o644);
		await expect(openKeys(settings({ keyFile: path }))).rejects.toThrow(/may be read or written by others/);
		writeFileSync(path, keyText({ id: 'weak', key: Buffer.alloc(32, 1) }));
		chmodSync(path, 0o600);
		await expect(openKeys(settings({ keyFile: path }))).rejects.toThrow(/key 1 is one byte again and again/);
		expect(await keysInUse(store)).toEqual([]);
	});
});
