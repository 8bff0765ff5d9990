import { noteKeyUses } from '../store/queries/api-key.ts';
import type { Store } from '../store/store.ts';
import type { NoteKeyUse } from './api-keys.ts';

/** Where the uses of keys are kept, and how often. */
export interface KeyUsesParts {
	/** `undefined`: nowhere. */
	readonly store: Pick<Store, 'withWorkspace'> | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly now?: () => number;
	/** How often what was used is written, milliseconds; each key at most once in that time. */
	readonly everyMs?: number;
	/** Told what kept a writing from happening; it is tried again. */
	readonly onTrouble?: (error: unknown) => void;
}

/** Remembers when keys were used, and writes it down aside from the calls. */
export interface KeyUses {
	readonly note: NoteKeyUse;
	/** Writes what is not written yet, and no more after that. Never rejects. */
	close(): Promise<void>;
}

const MINUTE_MS = 60_000;

/** Builds it. A use costs a call nothing but an entry in memory. */
export function createKeyUses({ store, now = Date.now, everyMs = MINUTE_MS, onTrouble }: KeyUsesParts): KeyUses {
	/** Last use of each key, by workspace and key. */
	let used = new Map<string, Map<string, Date>>();
	let writing: Promise<void> = Promise.resolve();

	const note: NoteKeyUse = ({ workspaceId, id }) => {
		if (store === undefined) return;
		const keys = used.get(workspaceId) ?? new Map<string, Date>();
		used.set(workspaceId, keys.set(id, new Date(now())));
	};

	async function writeAll(): Promise<void> {
		const taken = used;
		used = new Map();
		for (const [workspaceId, keys] of taken) {
			await store
				?.withWorkspace(workspaceId, 'note-key-use', (tx) => noteKeyUses(tx, keys))
				.catch((error: unknown) => {
					onTrouble?.(error);
					putBack(workspaceId, keys);
				});
		}
	}

	// What was used again meanwhile was used later.
	function putBack(workspaceId: string, keys: ReadonlyMap<string, Date>): void {
		used.set(workspaceId, new Map([...keys, ...(used.get(workspaceId) ?? [])]));
	}

	const write = (): Promise<void> => {
		writing = writing.then(writeAll);
		return writing;
	};
	const timer = setInterval(() => void write(), everyMs).unref();
	return {
		note,
		close() {
			clearInterval(timer);
			return write();
		},
	};
}
