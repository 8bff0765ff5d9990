import { LRUCache } from 'lru-cache';
import type { ScopeKey } from '../../lib/scope.ts';
import type { Service } from './operation.ts';

/** Services by scope: what one credential was told of a service, nobody else hears. */
export interface Documents {
	/** The service as it was last read; reads it where it never was. */
	known(key: ScopeKey, read: ReadApi): Promise<Service>;
	/** The same after reading it again, unless that was moments ago. While it cannot be read, the last one stays. */
	again(key: ScopeKey, read: ReadApi): Promise<Service>;
	/** Forgets every scope that is not kept. */
	retire(isKept: (key: ScopeKey) => boolean): void;
}

/** Reads a document anew. */
export type ReadApi = () => Promise<Service>;

interface Entry {
	service: Service | undefined;
	triedAt: number;
	reading: Promise<Service> | undefined;
}

const JUST_READ_MS = 2_000;
/** With credentials of people there are as many scopes as people; what is forgotten is read again. */
const MOST_SCOPES = 1_000;

/** Nothing has been read yet. */
export function createDocuments(): Documents {
	const entries = new LRUCache<ScopeKey, Entry>({ max: MOST_SCOPES });
	const entryOf = (key: ScopeKey): Entry => {
		const entry = entries.get(key) ?? { service: undefined, triedAt: Number.NEGATIVE_INFINITY, reading: undefined };
		entries.set(key, entry);
		return entry;
	};
	return {
		async known(key, read) {
			const entry = entryOf(key);
			return entry.service ?? readOnce(entry, read);
		},
		async again(key, read) {
			const entry = entryOf(key);
			if (entry.service !== undefined && performance.now() - entry.triedAt < JUST_READ_MS) return entry.service;
			return readOnce(entry, read).catch((error: unknown) => entry.service ?? Promise.reject(error));
		},
		retire(isKept) {
			for (const key of entries.keys()) if (!isKept(key)) entries.delete(key);
		},
	};
}

// One reading at a time; who comes meanwhile shares it.
function readOnce(entry: Entry, read: ReadApi): Promise<Service> {
	entry.reading ??= begin(entry, read).finally(() => {
		entry.reading = undefined;
	});
	return entry.reading;
}

async function begin(entry: Entry, read: ReadApi): Promise<Service> {
	entry.triedAt = performance.now();
	const service = await read();
	entry.service = service;
	return service;
}
