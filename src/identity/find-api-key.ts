import type { ApiKey, Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { isKeyText, keyDigest } from '../lib/api-key-text.ts';
import { createIsWithin, type IsWithin } from '../lib/networks.ts';

/** Where a key is looked for, and what it is judged by besides itself. */
export interface KeySearch {
	readonly snapshot: Pick<Snapshot, 'apiKeys'>;
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
	readonly remoteAddress: string;
}

/** The key with this text. Throws PC_KEY_INVALID, whose detail alone says why. */
export type FindApiKey = (text: string, search: KeySearch) => ApiKey;

/** Refusal of a key; callers never see which it was. */
export function keyInvalid(detail: 'checksum' | 'unknown' | 'expired' | 'network' | 'owner'): PortcullisError {
	return new PortcullisError('PC_KEY_INVALID', { detail });
}

/** Whether a key has ended; in the millisecond it names it has. */
export function hasEnded({ expiresAt }: Pick<ApiKey, 'expiresAt'>, nowMs: number): boolean {
	return expiresAt !== undefined && nowMs >= expiresAt;
}

/** Builds it, with a memory of the networks of the keys it has seen. No database is asked, however many keys there are. */
export function createFindApiKey(): FindApiKey {
	const networksOf = new WeakMap<ApiKey, IsWithin>();

	function mayComeFrom(key: ApiKey, address: string): boolean {
		if (key.networks === undefined) return true;
		const isWithin = networksOf.get(key) ?? createIsWithin(key.networks);
		networksOf.set(key, isWithin);
		return isWithin(address);
	}

	return (text, { snapshot, nowMs, remoteAddress }) => {
		if (!isKeyText(text)) throw keyInvalid('checksum');
		const key = snapshot.apiKeys.get(keyDigest(text));
		if (key === undefined) throw keyInvalid('unknown');
		if (hasEnded(key, nowMs)) throw keyInvalid('expired');
		if (!mayComeFrom(key, remoteAddress)) throw keyInvalid('network');
		return key;
	};
}
