import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** Holders of keys, and what the ids of their keys begin with; the keys of a ring have ids without a colon. */
export type KeyHolders = ReadonlyMap<string, WrappingKeys>;

/** What an id begins with, up to its colon: `vault`, `azure`, or the empty text of a ring. */
const holderOf = (keyId: string): string => keyId.slice(0, Math.max(keyId.indexOf(':'), 0));

/** Keys of several holders: one of them wraps, and each opens what it once wrapped. */
export function joinKeys(holders: KeyHolders, wraps: WrappingKeys): WrappingKeys {
	return {
		get current() {
			return wraps.current;
		},
		wrap: wraps.wrap,
		async unwrap(keyId, wrapped, signal) {
			const holder = holders.get(holderOf(keyId));
			if (holder === undefined) throw new PortcullisError('PC_SECRET_UNREADABLE');
			return holder.unwrap(keyId, wrapped, signal);
		},
		check: wraps.check,
		async close() {
			await Promise.all([...holders.values()].map((holder) => holder.close()));
		},
	};
}
