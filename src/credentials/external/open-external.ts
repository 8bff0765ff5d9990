import type { SecretStores } from '../../config/secret-stores.ts';
import { createAzureKey } from '../keys/azure-key.ts';
import { createVaultTransit } from '../keys/vault-transit.ts';
import type { WrappingKeys } from '../keys/wrapping-keys.ts';
import { createAzureSecret } from '../sources/azure-secret.ts';
import type { SecretSource } from '../sources/secret-source.ts';
import { createVaultKv } from '../sources/vault-kv.ts';
import { createAzureClient } from './azure-client.ts';
import { tellKeyFailures, tellSourceFailures } from './tell-failures.ts';
import { createVaultClient } from './vault-client.ts';

/** The keys that external stores hold, by what the ids of their keys begin with. */
export function openExternalKeys({ vault, azure }: SecretStores): ReadonlyMap<string, WrappingKeys> {
	const keys = new Map<string, WrappingKeys>();
	if (vault?.transit !== undefined) keys.set('vault', createVaultTransit(createVaultClient(vault), vault.transit));
	if (azure?.wrappingKey !== undefined) keys.set('azure', createAzureKey(createAzureClient(azure), azure.wrappingKey));
	return new Map([...keys].map(([name, each]) => [name, tellKeyFailures(each)]));
}

/** The external stores that hold secrets of workspaces, by the names that references give them. */
export function openExternalSources({ vault, azure }: SecretStores): ReadonlyMap<string, SecretSource> {
	const sources = new Map<string, SecretSource>();
	if (vault?.kv !== undefined) sources.set('vault', createVaultKv(createVaultClient(vault), vault.kv));
	if (azure?.secrets !== undefined) sources.set('azure', createAzureSecret(createAzureClient(azure), azure.secrets));
	return new Map([...sources].map(([name, each]) => [name, tellSourceFailures(each)]));
}
