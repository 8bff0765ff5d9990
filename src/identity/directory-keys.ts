import type { CryptoKey } from 'jose';
import type { Directory } from '../config/snapshot.ts';
import type { FetchKeys } from './fetch-keys.ts';
import { createJwksCache, type JwksCache, type JwksTimes, type KeysFetched } from './jwks-cache.ts';

/** How the keys of all directories are fetched. */
export interface DirectoryKeysOptions {
	readonly fetchKeys: FetchKeys;
	/** Milliseconds on a clock that never runs backwards. */
	readonly now: () => number;
	readonly times?: Partial<JwksTimes>;
	readonly onFetched?: (outcome: KeysFetched) => void;
}

/** The key caches of the directories in use. */
export interface DirectoryKeys {
	/** Key of a directory by its id; rejects with PC_DIRECTORY_UNAVAILABLE. */
	keyFor(directory: Directory, kid: string): Promise<CryptoKey | undefined>;
	/** Forgets the keys of every other directory. */
	retain(directories: readonly Directory[]): void;
	close(): void;
}

/** One key cache for each directory; one whose address, tenant or issuer changes is another directory. */
export function createDirectoryKeys(options: DirectoryKeysOptions): DirectoryKeys {
	const caches = new Map<string, JwksCache>();

	function cacheOf(directory: Directory): JwksCache {
		const name = cacheName(directory);
		const cache = caches.get(name) ?? createJwksCache({ ...options, ...sourceOf(directory) });
		caches.set(name, cache);
		return cache;
	}

	function retain(directories: readonly Directory[]): void {
		const kept = new Set(directories.map(cacheName));
		for (const [name, cache] of caches) {
			if (kept.has(name)) continue;
			cache.close();
			caches.delete(name);
		}
	}

	return {
		keyFor: (directory, kid) => cacheOf(directory).keyFor(kid),
		retain,
		close: () => retain([]),
	};
}

function cacheName({ id, jwksUrl, issuer, v1Issuer, tenantId }: Directory): string {
	return JSON.stringify([id, jwksUrl, issuer, v1Issuer, tenantId]);
}

function sourceOf(directory: Directory): { readonly url: string; readonly ofIssuer: (issuer: string) => boolean } {
	return { url: directory.jwksUrl, ofIssuer: (issuer) => servesDirectory(issuer, directory) };
}

/**
 * Whether a key of this issuer (`{tenantid}` stands for any tenant) may sign for the directory. Entra publishes its keys
 * under version 2 issuers and signs version 1 tokens with the same ones. Where only the version 1 issuer
 * (`https://sts.windows.net/{tid}/`) is known, the tenant must agree.
 */
function servesDirectory(keyIssuer: string, { issuer, v1Issuer, tenantId }: Directory): boolean {
	const concrete = keyIssuer.replace('{tenantid}', tenantId);
	if (concrete === issuer || concrete === v1Issuer) return true;
	return issuer.startsWith('https://sts.') && concrete.split('/')[3] === tenantId;
}
