import { existsSync } from 'node:fs';
import type { Environment } from '../../config/environment.ts';
import { StartError } from '../../store/start-error.ts';
import type { Store } from '../../store/store.ts';
import { checkKeys, keysInUse } from './check-keys.ts';
import { createEnvironmentKeys } from './environment-keys.ts';
import { createFileKeys } from './file-keys.ts';
import { createNoKeys } from './no-keys.ts';
import { makeOwnKeyFile, ownKeyFile } from './own-key-file.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** Where the keys may come from, and the database they are for. */
export interface OpenKeysParts {
	readonly environment: Pick<Environment, 'keyFile' | 'keys' | 'databaseUrl' | 'dataFolder'>;
	readonly store: Store;
}

const PATIENCE_MS = 30_000;

/**
 * The wrapping keys of this gateway, which open every secret of its database. Throws `StartError` where they are weak, the
 * wrong ones, or gone while secrets are sealed with them.
 */
export async function openKeys(parts: OpenKeysParts): Promise<WrappingKeys> {
	const keys = (await chosenKeys(parts)) ?? (await ownKeys(parts));
	if (keys === undefined) return withoutKeys(parts);
	try {
		await checkKeys(keys, parts.store, AbortSignal.timeout(PATIENCE_MS));
		return keys;
	} catch (error) {
		await keys.close();
		throw error;
	}
}

/** The source that the settings name; `undefined` where they name none. One setting, one source: a case for each. */
async function chosenKeys({ environment }: OpenKeysParts): Promise<WrappingKeys | undefined> {
	const [inEnvironment] = environment.keys;
	if (inEnvironment !== undefined && environment.keyFile !== '') {
		throw new StartError('PC_KEYS_INVALID', 'Set PORTCULLIS_KEYS or PORTCULLIS_KEY_FILE, not both.');
	}
	if (inEnvironment !== undefined) return createEnvironmentKeys(inEnvironment, 'PORTCULLIS_KEYS');
	return environment.keyFile === '' ? undefined : createFileKeys(environment.keyFile);
}

// A database of the gateway's own comes with a key of its own; one of somebody else's with whatever its operator gives.
async function ownKeys({ environment, store }: OpenKeysParts): Promise<WrappingKeys | undefined> {
	if (environment.databaseUrl !== '') return undefined;
	const path = ownKeyFile(environment.dataFolder);
	if (!existsSync(path)) {
		if ((await keysInUse(store)).length > 0) return undefined;
		makeOwnKeyFile(path);
	}
	return createFileKeys(path);
}

async function withoutKeys({ environment, store }: OpenKeysParts): Promise<WrappingKeys> {
	const used = await keysInUse(store);
	if (used.length === 0) return createNoKeys();
	const place = environment.databaseUrl === '' ? `${ownKeyFile(environment.dataFolder)} is gone` : 'no key is given';
	throw new StartError(
		'PC_KEYS_MISSING',
		`Secrets in the database are sealed with key ${used.join(', ')}, and ${place}; put it back, or set PORTCULLIS_KEY_FILE.`,
	);
}
