import type { VaultKv } from '../../config/secret-stores.ts';
import { createSecret } from '../../lib/secret.ts';
import { objectAt } from '../external/ask-store.ts';
import { StoreFailure } from '../external/store-failure.ts';
import type { VaultClient } from '../external/vault-client.ts';
import { nameOf, pathOf } from './place-of.ts';
import type { SecretSource } from './secret-source.ts';

/**
 * Reads secrets of workspaces from an engine of key and value, version 2 (Vault API: KV v2, read secret version). Each
 * workspace has a folder of its own, and a reference is a name below it; every text in the secret is a value by its name.
 */
export function createVaultKv(client: VaultClient, { mount, folder, maxAgeMs }: VaultKv): SecretSource {
	return {
		async read(reference, owner, signal) {
			const path = pathOf(folder, owner, nameOf(reference));
			const answer = await client.ask({ path: `${mount}/data/${path}` }, signal);
			const held = Object.entries(objectAt(answer, 'data')).filter(([, value]) => typeof value === 'string');
			if (held.length === 0) throw new StoreFailure('missing', `vault, ${mount}/${path}: holds no text`);
			const values = Object.fromEntries(held.map(([name, value]) => [name, createSecret(value as string)]));
			return { values, validMs: maxAgeMs };
		},
		close: () => client.close(),
	};
}
