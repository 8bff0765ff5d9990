import type { ScopeKey } from '../lib/scope.ts';
import type { JsonObject } from '../mcp/call.ts';
import type { ChangedList } from '../mcp/changes.ts';

/** One change as a caller is to hear of it. */
export type Told =
	| { readonly kind: 'list'; readonly list: ChangedList }
	| { readonly kind: 'resource'; readonly uri: string; readonly params: JsonObject };

/** Where a caller hears of changes. */
export interface FeedSink {
	/** Resolves when the next one may come; rejects when the caller is gone. */
	write(told: Told): Promise<void> | void;
}

/**
 * What one caller has yet to be told. The same change twice is one, so a slow caller costs no more than what it watches;
 * and each change goes to one stream of the caller's, the newest (mcp 2025-11-25: basic/transports, multiple connections).
 */
export interface ChangeFeed {
	/** A list of this scope has changed; told once for all that happens within 50 ms. */
	addList(key: ScopeKey, list: ChangedList): void;
	/** A resource of this scope has changed: `uri` as the caller knows it, `watched` the one it subscribed to. */
	addResource(key: ScopeKey, told: Extract<Told, { kind: 'resource' }>, watched: string): void;
	/** Forgets what is waiting of scopes that are not kept. */
	retain(isKept: (key: ScopeKey) => boolean): void;
	/** Tells from now on here, until the returned function is called. */
	attach(sink: FeedSink): () => void;
	/** Forgets everything. */
	close(): void;
}

interface Waiting {
	readonly told: Told;
	readonly keys: Set<ScopeKey>;
	/** Until then more of the same may join. */
	timer: NodeJS.Timeout | undefined;
}

const TOGETHER_MS = 50;
/** Changed resources that wait at a time; beyond it only the watched one itself is named. */
const MAX_WAITING = 1_000;

interface State {
	readonly waiting: Map<string, Waiting>;
	/** Oldest first. */
	sinks: readonly FeedSink[];
	telling: boolean;
}

/** A feed that nobody hears yet. */
export function createChangeFeed(): ChangeFeed {
	const state: State = { waiting: new Map(), sinks: [], telling: false };
	const { waiting } = state;
	return {
		addList(key, list) {
			const isNew = !waiting.has(list);
			const entry = add(state, list, { key, told: { kind: 'list', list } });
			if (isNew) entry.timer = setTimeout(ripen, TOGETHER_MS, state, list).unref();
		},
		addResource(key, told, watched) {
			const uri = waiting.size < MAX_WAITING ? told.uri : watched;
			// Told apart from the names of lists by its prefix.
			add(state, `uri ${uri}`, { key, told: uri === told.uri ? told : { kind: 'resource', uri, params: {} } });
			void tell(state);
		},
		retain(isKept) {
			for (const [name, { keys, timer }] of waiting) {
				for (const key of keys) if (!isKept(key)) keys.delete(key);
				if (keys.size > 0) continue;
				clearTimeout(timer);
				waiting.delete(name);
			}
		},
		attach(sink) {
			state.sinks = [...state.sinks, sink];
			void tell(state);
			return () => detach(state, sink);
		},
		close() {
			for (const { timer } of waiting.values()) clearTimeout(timer);
			waiting.clear();
			state.sinks = [];
		},
	};
}

function detach(state: State, sink: FeedSink): void {
	state.sinks = state.sinks.filter((other) => other !== sink);
}

function add(
	{ waiting }: State,
	name: string,
	{ key, told }: { readonly key: ScopeKey; readonly told: Told },
): Waiting {
	const before = waiting.get(name);
	const entry: Waiting = { told, keys: (before?.keys ?? new Set<ScopeKey>()).add(key), timer: before?.timer };
	waiting.set(name, entry);
	return entry;
}

function ripen(state: State, name: string): void {
	const entry = state.waiting.get(name);
	if (entry !== undefined) entry.timer = undefined;
	void tell(state);
}

async function tell(state: State): Promise<void> {
	if (state.telling) return;
	state.telling = true;
	for (let sink = state.sinks.at(-1); sink !== undefined; sink = state.sinks.at(-1)) {
		const next = firstRipe(state.waiting);
		if (next === undefined) break;
		if (!(await tellOne(state, sink, next))) detach(state, sink);
	}
	state.telling = false;
}

async function tellOne({ waiting }: State, sink: FeedSink, [name, entry]: [string, Waiting]): Promise<boolean> {
	waiting.delete(name);
	try {
		await sink.write(entry.told);
		return true;
	} catch {
		// Whoever hears next is told, unless it has happened again meanwhile.
		if (!waiting.has(name)) waiting.set(name, entry);
		return false;
	}
}

function firstRipe(waiting: ReadonlyMap<string, Waiting>): [string, Waiting] | undefined {
	for (const named of waiting) if (named[1].timer === undefined) return named;
	return undefined;
}
