import type { ApiKey, Snapshot } from './snapshot.ts';

/**
 * Keys by their digest. A digest that stands twice, which only a copied row can do, is nobody's: it must not be a matter of
 * order whose it is.
 */
export function byDigest(keys: Iterable<ApiKey>): Snapshot['apiKeys'] {
	const found = new Map<string, ApiKey>();
	const repeated = new Set<string>();
	for (const key of keys) {
		if (found.has(key.digest)) repeated.add(key.digest);
		found.set(key.digest, key);
	}
	for (const digest of repeated) found.delete(digest);
	return found;
}
