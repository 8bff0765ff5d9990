import { LRUCache } from 'lru-cache';
import type { Server } from '../config/snapshot.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { ListKind } from '../mcp/methods.ts';
import type { CatalogItem, CatalogList } from '../router/catalog.ts';
import { orAborted } from './or-aborted.ts';
import { readList } from './read-list.ts';
import { NO_CAPABILITIES } from './session-entries.ts';
import type { Sessions } from './sessions.ts';
import { createStamp } from './stamp.ts';
import type { Target } from './target.ts';

/** Whose list, of which kind, for a client with which capabilities. */
export interface ListWanted {
	readonly target: Target;
	readonly kind: ListKind;
	readonly profile: string;
	readonly signal: CancelSignal | undefined;
}

/** Lists of upstreams, answered from memory. */
export interface Catalog {
	list(wanted: ListWanted): CatalogList | Promise<CatalogList>;
	/** Asks again unless the list is younger than two seconds. */
	listAgain(wanted: ListWanted): Promise<CatalogList>;
	/** An upstream said that its lists of this method's kind have changed. */
	invalidate(key: ScopeKey, method: string): void;
	/** The upstream could not say for a while whether its lists changed: those that are cached are read again. */
	recheck(key: ScopeKey): void;
	/** Forgets the lists of every scope that is not kept. */
	retire(isKept: (key: ScopeKey) => boolean): void;
}

interface Entry {
	list: CatalogList | undefined;
	readAt: number;
	/** Known to be out of date: the next reader waits for the new one. */
	changed: boolean;
	reading: Promise<CatalogList> | undefined;
	/** Whose it was last; to read it again by ourselves. */
	wanted: ListWanted;
	triedAt: number;
}

const JUST_READ_MS = 2_000;
const RETRY_MS = 5_000;
const PROFILES_PER_SCOPE = 64;

/** What a catalogue is made with. */
export interface CatalogParts {
	readonly sessions: Sessions;
	now?(): number;
	/** A list that was read again is another than before, and its server had not said so. */
	onChanged?(key: ScopeKey, kind: ListKind): void;
	/** A list was read from its server, or could not be. */
	onRead?(wanted: ListWanted, list: CatalogList): void;
	onFailed?(server: Server, error: unknown): void;
}

/** A catalogue over the gateway's own sessions. One entry for each (scope, kind, profile). */
export function createCatalog(parts: CatalogParts): Catalog {
	const { now = Date.now } = parts;
	const scopes = new Map<ScopeKey, LRUCache<string, Entry>>();
	const clock: Reading = { ...parts, now };

	const entryFor = (wanted: ListWanted): Entry => {
		const { target, kind, profile } = wanted;
		const key = target.credential.key;
		const entries = scopes.get(key) ?? new LRUCache<string, Entry>({ max: PROFILES_PER_SCOPE });
		scopes.set(key, entries);
		const name = `${kind}\n${profile}`;
		const entry = entries.get(name) ?? newEntry(wanted);
		entries.set(name, entry);
		entry.wanted = wanted;
		return entry;
	};
	return {
		list(wanted) {
			const entry = entryFor(wanted);
			if (entry.list === undefined) return waitFor(clock, entry, wanted);
			const { outdated } = entry.list;
			const sinceTried = now() - entry.triedAt;
			if (entry.changed && !outdated && sinceTried > 0) return waitFor(clock, entry, wanted);
			// Nobody waits for a server that failed a moment ago, and nobody asks it at every call.
			const { listAgeMs } = wanted.target.server.limits;
			const isDue = outdated ? sinceTried > RETRY_MS : now() - entry.readAt > listAgeMs;
			if (isDue) refresh(clock, entry, wanted).catch(() => undefined);
			return entry.list;
		},
		async listAgain(wanted) {
			const entry = entryFor(wanted);
			if (entry.list !== undefined && now() - entry.triedAt < JUST_READ_MS) return entry.list;
			return waitFor(clock, entry, wanted);
		},
		invalidate(key, method) {
			for (const [name, entry] of scopes.get(key)?.entries() ?? []) {
				if (concerns(method, name.split('\n', 1)[0] as ListKind)) entry.changed = true;
			}
		},
		recheck(key) {
			for (const entry of scopes.get(key)?.values() ?? [])
				if (entry.list !== undefined) refresh(clock, entry, entry.wanted).catch(() => undefined);
		},
		retire(isKept) {
			for (const key of scopes.keys()) if (!isKept(key)) scopes.delete(key);
		},
	};
}

function newEntry(wanted: ListWanted): Entry {
	return { list: undefined, readAt: 0, changed: false, reading: undefined, wanted, triedAt: 0 };
}

type Reading = CatalogParts & { now(): number };

// One reading at a time; who comes meanwhile shares it.
function refresh(reading: Reading, entry: Entry, wanted: ListWanted): Promise<CatalogList> {
	entry.reading ??= read(reading, entry, wanted).finally(() => {
		entry.reading = undefined;
	});
	return entry.reading;
}

async function read(reading: Reading, entry: Entry, wanted: ListWanted): Promise<CatalogList> {
	const { sessions, now } = reading;
	const before = entry.changed ? undefined : entry.list;
	entry.triedAt = now();
	entry.changed = false;
	try {
		const list = await ask(sessions, wanted);
		entry.list = list;
		entry.readAt = now();
		reading.onRead?.(wanted, list);
		if (before !== undefined && differ(before, list)) reading.onChanged?.(wanted.target.credential.key, wanted.kind);
		return list;
	} catch (error) {
		reading.onFailed?.(wanted.target.server, error);
		// Last known good, and it says so; without one there is nothing to fall back on.
		if (entry.list === undefined) throw error;
		entry.changed = true;
		entry.list = entry.list.outdated ? entry.list : { ...entry.list, outdated: true };
		return entry.list;
	}
}

function differ(before: CatalogList, after: CatalogList): boolean {
	return (
		before.items.length !== after.items.length || before.items.some(({ text }, at) => text !== after.items[at]?.text)
	);
}

function waitFor(reading: Reading, entry: Entry, wanted: ListWanted): Promise<CatalogList> {
	const fresh = refresh(reading, entry, wanted);
	const last = entry.list;
	if (last === undefined) return orAborted(fresh, wanted.signal);
	return orAborted(fresh, wanted.signal).catch(() => ({ ...last, outdated: true }));
}

function concerns(method: string, kind: ListKind): boolean {
	if (method === 'notifications/tools/list_changed') return kind === 'tools';
	if (method === 'notifications/prompts/list_changed') return kind === 'prompts';
	return method === 'notifications/resources/list_changed' && (kind === 'resources' || kind === 'templates');
}

// A session that the server has forgotten says nothing about its lists; reading one twice does no harm.
function ask(sessions: Sessions, wanted: ListWanted): Promise<CatalogList> {
	return askOnce(sessions, wanted).catch((error: unknown) => {
		if (errorCode(error) !== 'PC_UPSTREAM_SESSION_LOST') throw error;
		return askOnce(sessions, wanted);
	});
}

async function askOnce(sessions: Sessions, { target, kind, profile }: ListWanted): Promise<CatalogList> {
	// A modern server learns the capabilities with each request, so one session asks for everybody's lists.
	const modern = (await sessions.spokenBy(target)).era === 'modern';
	const session = await sessions.acquire(target, modern ? NO_CAPABILITIES : profile);
	const stamp = createStamp(target.server.workspace, target.server.slug, 'gateway');
	const items = await readList({ session, kind, profile, stamp });
	return { items, byName: byName(items), era: session.info.era, outdated: false };
}

function byName(items: readonly CatalogItem[]): ReadonlyMap<string, CatalogItem> {
	return new Map(items.map((item) => [item.name, item]));
}
