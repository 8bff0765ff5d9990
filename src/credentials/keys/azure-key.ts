import { objectAt, type StoreAnswer, textAt } from '../external/ask-store.ts';
import type { AzureClient } from '../external/azure-client.ts';
import { StoreFailure } from '../external/store-failure.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

const ALGORITHM = 'RSA-OAEP-256';

/**
 * Wraps data keys with an RSA key of Azure Key Vault, which never leaves it (Azure Key Vault REST API: Wrap Key, Unwrap
 * Key). The id of a wrapping key is `azure:{name}/{version}`; older versions open as long as they are enabled.
 */
export function createAzureKey(client: AzureClient, name: string): WrappingKeys {
	let version = '';
	const find = async (signal: AbortSignal): Promise<string> => {
		const { kid, kind, operations } = readKey(await client.ask(`/keys/${name}/`, undefined, signal));
		const found = versionOf(kid, name);
		if (found === undefined || !kind.startsWith('RSA')) throw strange(name);
		if (!['wrapKey', 'unwrapKey'].every((operation) => operations.includes(operation))) {
			throw new StoreFailure('denied', `key ${name} of the key vault may not wrap and unwrap`);
		}
		return found;
	};
	return {
		get current() {
			return `azure:${name}/${version}`;
		},
		async wrap(dataKey, signal) {
			// Secrets are rarely sealed, so each time the newest version is asked for: a rotation needs nothing else.
			version = await find(signal);
			const body = { alg: ALGORITHM, value: dataKey.toString('base64url') };
			const answer = await client.ask(`/keys/${name}/${version}/wrapkey`, body, signal);
			const value = textAt(answer, 'value');
			if (versionOf(textAt(answer, 'kid'), name) !== version || value === undefined) throw strange(name);
			return { keyId: `azure:${name}/${version}`, wrapped: Buffer.from(value, 'base64url') };
		},
		async unwrap(keyId, wrapped, signal) {
			const wanted = /^azure:([0-9A-Za-z-]+)\/([0-9a-f]{32})$/.exec(keyId);
			if (wanted?.[1] !== name) throw new StoreFailure('missing', 'sealed with a key that is not this one');
			const body = { alg: ALGORITHM, value: wrapped.toString('base64url') };
			const answer = await client.ask(`/keys/${name}/${wanted[2]}/unwrapkey`, body, signal);
			return Buffer.from(textAt(answer, 'value') ?? '', 'base64url');
		},
		async check(signal) {
			version = await find(signal);
		},
		close: () => client.close(),
	};
}

function readKey(json: StoreAnswer['json']) {
	const key = objectAt(json, 'key');
	const operations = key['key_ops'];
	return {
		kid: textAt(key, 'kid'),
		kind: textAt(key, 'kty') ?? '',
		operations: Array.isArray(operations) ? operations.map(String) : [],
	};
}

// A kid is the address of the key: …/keys/{name}/{version}.
function versionOf(kid: string | undefined, name: string): string | undefined {
	const parts = (kid ?? '').split('/');
	const [version, key] = [parts.at(-1) ?? '', parts.at(-2)];
	return key === name && /^[0-9a-f]{32}$/.test(version) ? version : undefined;
}

function strange(name: string): StoreFailure {
	return new StoreFailure('unavailable', `key ${name} of the key vault: the answer is not one of a key vault`);
}
