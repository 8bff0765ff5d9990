import { createHash } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

/**
 * SHA-256 in hex of a value made of plain data, Maps, Sets and secrets. The order of keys does not count, a secret
 * counts by its fingerprint, and `undefined` is as good as absent.
 */
export function canonicalDigest(value: unknown): string {
	return createHash('sha256')
		.update(JSON.stringify(canonical(value)))
		.digest('hex');
}

function canonical(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (isSecret(value)) return { secret: value.fingerprint };
	if (Array.isArray(value)) return value.map(canonical);
	if (value instanceof Set) return [...value].sort();
	const entries = value instanceof Map ? [...value] : Object.entries(value);
	return entries.sort(byKey).map(([key, held]) => (held === undefined ? [] : [key, canonical(held)]));
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
	return a < b ? -1 : 1;
}

function isSecret(value: object): value is Secret {
	return 'reveal' in value && 'fingerprint' in value;
}
