import type { VaultSettings } from '../../config/secret-stores.ts';
import { textAt } from '../external/ask-store.ts';
import { StoreFailure } from '../external/store-failure.ts';
import type { VaultClient } from '../external/vault-client.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** Kinds of transit keys that encrypt with authentication. */
const KINDS = new Set([
	'aes128-gcm96',
	'aes256-gcm96',
	'chacha20-poly1305',
	'xchacha20-poly1305',
	'rsa-2048',
	'rsa-3072',
	'rsa-4096',
]);

/**
 * Wraps data keys with a key of Vault's transit engine, which never leaves it (Vault API: transit, encrypt and decrypt).
 * The id of a wrapping key is `vault:{mount}/{key}:v{version}`: when the key is rotated in Vault, what is sealed from then on
 * has the new version, and older versions open as long as Vault keeps them.
 */
export function createVaultTransit(
	client: VaultClient,
	{ mount, key }: NonNullable<VaultSettings['transit']>,
): WrappingKeys {
	const name = `vault:${mount}/${key}`;
	let version = 'v1';
	return {
		get current() {
			return `${name}:${version}`;
		},
		async wrap(dataKey, signal) {
			const body = { plaintext: dataKey.toString('base64') };
			const answer = await client.ask({ path: `${mount}/encrypt/${key}`, body }, signal);
			const parts = /^vault:(v[0-9]+):([A-Za-z0-9+/=]+)$/.exec(textAt(answer, 'ciphertext') ?? '');
			if (parts === null) throw strange(name);
			version = parts[1] as string;
			return { keyId: `${name}:${version}`, wrapped: Buffer.from(parts[2] as string, 'base64') };
		},
		async unwrap(keyId, wrapped, signal) {
			const wanted = keyId.startsWith(`${name}:`) ? keyId.slice(name.length + 1) : '';
			if (!/^v[0-9]+$/.test(wanted)) throw new StoreFailure('missing', 'sealed with a key that is not this one');
			const body = { ciphertext: `vault:${wanted}:${wrapped.toString('base64')}` };
			const answer = await client.ask({ path: `${mount}/decrypt/${key}`, body }, signal);
			return Buffer.from(textAt(answer, 'plaintext') ?? '', 'base64');
		},
		async check(signal) {
			const answer = await client.ask({ path: `${mount}/keys/${key}` }, signal);
			if (!KINDS.has(String(answer['type']))) throw new StoreFailure('denied', `${name} is no key that encrypts`);
			const latest = answer['latest_version'];
			if (typeof latest !== 'number' || !Number.isSafeInteger(latest)) throw strange(name);
			version = `v${latest}`;
		},
		close: () => client.close(),
	};
}

function strange(name: string): StoreFailure {
	return new StoreFailure('unavailable', `${name}: the answer is not one of the transit engine`);
}
