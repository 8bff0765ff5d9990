import { existsSync } from 'node:fs';
import type { Environment } from '../../config/environment.ts';
import type { SecretStores } from '../../config/secret-stores.ts';
import { StartError } from '../../store/start-error.ts';
import type { Store } from '../../store/store.ts';
import { openExternalKeys } from '../external/open-external.ts';
import { checkKeys, keysInUse } from './check-keys.ts';
import { createEnvironmentKeys } from './environment-keys.ts';
import { createFileKeys } from './file-keys.ts';
import { joinKeys } from './joined-keys.ts';
import { createNoKeys } from './no-keys.ts';
import { makeOwnKeyFile, ownKeyFile } from './own-key-file.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** Where the keys may come from, and the database they are for. */
export interface OpenKeysParts {
	readonly environment: Pick<Environment, 'keyFile' | 'keys' | 'databaseUrl' | 'dataFolder'>;
	/** External stores, one of which may hold the key that wraps. */
	readonly stores: SecretStores;
	readonly store: Store;
}

const PATIENCE_MS = 30_000;

/**
 * The wrapping keys of this gateway, which open every secret of its database. Throws `StartError` where they are weak, the
 * wrong ones, or gone while secrets are sealed with them.
 */
export async function openKeys(parts: OpenKeysParts): Promise<WrappingKeys> {
	const keys = await chooseKeys(parts);
	if (keys === undefined) return withoutKeys(parts);
	try {
		await checkKeys(keys, parts.store, AbortSignal.timeout(PATIENCE_MS));
		return keys;
	} catch (error) {
		await keys.close();
		throw error;
	}
}

// Keys that wrapped once go on opening, wherever they are: so a gateway moves from one holder to another.
async function chooseKeys(parts: OpenKeysParts): Promise<WrappingKeys | undefined> {
	const { stores } = parts;
	const given = await chosenKeys(parts);
	const ring = given ?? (stores.wrapsKeys === undefined ? await ownKeys(parts) : await existingKeys(parts));
	const holders = openExternalKeys(stores);
	const wraps = stores.wrapsKeys === undefined ? ring : holders.get(stores.wrapsKeys);
	if (holders.size === 0 || wraps === undefined) return wraps;
	return joinKeys(new Map([...holders, ...(ring === undefined ? [] : [['', ring] as const])]), wraps);
}

async function existingKeys({ environment }: OpenKeysParts): Promise<WrappingKeys | undefined> {
	const path = ownKeyFile(environment.dataFolder);
	return environment.databaseUrl === '' && existsSync(path) ? createFileKeys(path) : undefined;
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
