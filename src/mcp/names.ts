import { createHash } from 'node:crypto';

const MAX_LENGTH = 64;
const HASH_LENGTH = 8;
const SEPARATOR = '__';

/**
 * The name under which an aggregate address shows a tool or prompt: prefixes and upstream name joined by `__`, made of
 * `[A-Za-z0-9_-]` and at most 64 long, as model providers demand. A name that had to be changed ends in a hash of the
 * original, so it stays unique and never changes while the original does not.
 */
export function exposedName(prefixes: readonly string[], name: string): string {
	const full = [...prefixes, name].join(SEPARATOR);
	const safe = full.replace(/[^A-Za-z0-9_-]/g, '_');
	if (safe === full && full.length <= MAX_LENGTH) return full;
	const hash = createHash('sha256')
		.update(full)
		.digest('base64url')
		.replace(/[^A-Za-z0-9]/g, '0')
		.slice(0, HASH_LENGTH);
	return `${safe.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}_${hash}`;
}

/**
 * Whether an exposed name can belong to these prefixes. False positives are fine (the caller looks the name up), false
 * negatives are not: a name with a hash may have lost the end of its prefix.
 */
export function mayHavePrefixes(exposed: string, prefixes: readonly string[]): boolean {
	const prefix = prefixes.join(SEPARATOR) + SEPARATOR;
	const kept = Math.min(prefix.length, MAX_LENGTH - HASH_LENGTH - 1);
	return exposed.startsWith(prefix.slice(0, kept));
}
