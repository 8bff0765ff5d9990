import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deepFreeze } from './deep-freeze.ts';
import { ConfigFaults } from './faults.ts';
import { issueFaults, issueSentence } from './issue-faults.ts';
import { readYaml } from './read-yaml.ts';
import type { AzureSettings, SecretStores, VaultSettings } from './secret-stores.ts';
import { createSecretStoresSchema, type SecretStoresFile } from './secret-stores-schema.ts';
import { readSecretFile } from './secret-template.ts';

const NONE: SecretStores = Object.freeze({ vault: undefined, azure: undefined, wrapsKeys: undefined });

/**
 * The external stores that a file names; none where no file is named. Throws `ConfigFaults` with everything that is wrong,
 * a file that cannot be read included.
 */
export function readSecretStores(file: string, env: NodeJS.ProcessEnv): SecretStores {
	if (file === '') return NONE;
	const yaml = readYaml(readText(file));
	if (yaml.value === undefined) throw new ConfigFaults(file, yaml.faults);
	const schema = createSecretStoresSchema({ folder: dirname(file), env, readSecretFile, references: new Map() });
	const parsed = schema.safeParse(yaml.value, { error: issueSentence });
	const faults = [...yaml.faults, ...(parsed.error?.issues ?? []).flatMap((issue) => issueFaults(issue, yaml))];
	if (parsed.data === undefined || faults.length > 0) throw new ConfigFaults(file, faults);
	const { vault, azure, wrapsKeys } = parsed.data;
	return deepFreeze({ vault: vault && buildVault(vault), azure: azure && buildAzure(azure), wrapsKeys });
}

function readText(file: string): string {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		const message = `cannot be read (${(error as NodeJS.ErrnoException).code})`;
		throw new ConfigFaults(file, [{ line: 1, column: 1, path: '', message }]);
	}
}

function buildVault({ caFile, ...vault }: NonNullable<SecretStoresFile['vault']>): VaultSettings {
	return { ...vault, namespace: vault.namespace, ca: caFile, transit: vault.transit, kv: vault.kv };
}

function buildAzure({ auth, ...azure }: NonNullable<SecretStoresFile['azure']>): AzureSettings {
	const signIn = auth.method === 'managed-identity' ? { ...auth, clientId: auth.clientId } : auth;
	return { ...azure, auth: signIn, wrappingKey: azure.wrappingKey, secrets: azure.secrets };
}
