import type { RecordKeeper } from './file-record.ts';

/** Keeps nothing: for a bridge that was given no file to keep records in, never for a gateway. */
export function createNoRecord(): RecordKeeper {
	return {
		keep: () => undefined,
		keepTogether: () => Promise.resolve(),
		reopen: () => undefined,
		close: () => undefined,
	};
}
