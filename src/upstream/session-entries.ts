import { PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { Spoken } from '../router/catalog.ts';
import type { UpstreamInfo } from './open-session.ts';
import type { Target } from './target.ts';
import type { Wire, WireRequest, WireResponse } from './wire.ts';

/** A live session of the gateway with one upstream, for one scope and one profile of client capabilities. */
export interface Session {
	readonly info: UpstreamInfo;
	request(request: WireRequest): Promise<WireResponse>;
	notify(method: string, params: string): Promise<void>;
	/** Makes the server tell when these resources change, and no others; resolves with those it agreed to. */
	watch(uris: readonly string[]): Promise<ReadonlySet<string>>;
	/** Keeps the session open however idle, until the returned function is called; `onLost`: it ended all the same. */
	keep(onLost: () => void): () => void;
}

/** What is known of an upstream's protocol, with the session still to be opened or closed again. */
export interface Verdict extends Spoken {
	/** When it was found out, milliseconds since 1970. */
	readonly at: number;
}

/** One session with an upstream, open or not, and what is remembered of it. */
export interface Entry {
	readonly key: ScopeKey;
	/** Person the session belongs to; `undefined` for shared ones. */
	readonly owner: string | undefined;
	/** Calls that use it and may be asked something. */
	leases: number;
	/** Requests in flight in which the server may ask something. */
	readonly asking: Set<WireRequest>;
	opening: Promise<Session> | undefined;
	wire: Wire | undefined;
	/** Counts wires, so that a late word of a former one cannot touch the present one. */
	generation: number;
	inFlight: number;
	/** Told when the session has ended; while there are any it is not idle. */
	readonly keepers: Set<() => void>;
	idle: NodeJS.Timeout | undefined;
	openedAt: number;
	failures: number;
	retryAt: number;
	/** Longest wait before a new try, milliseconds. */
	readonly maxBackOffMs: number;
	verdict: Verdict | undefined;
	info: UpstreamInfo | undefined;
}

/** Profile of the sessions that no caller's capabilities shape. */
export const NO_CAPABILITIES = '{}';

/** Sessions of one scope that differ in the client capabilities they declare. */
const MAX_PROFILES = 16;
/** Sessions of one scope that belong to one person each. */
const MAX_OWNED = 64;
const BUSY_RETRY_SECONDS = 5;
const MAX_CHILD_BACK_OFF_MS = 30_000;
const MAX_NETWORK_BACK_OFF_MS = 500;

/** For whom a session is leased. */
export interface LeaseWanted {
	/** Nothing on the wire tells which call a question belongs to, so nobody else may use the session meanwhile. */
	readonly isExclusive: boolean;
	readonly profile: string;
	/** Key of the principal. */
	readonly owner: string;
	readonly signal: CancelSignal | undefined;
}

/** All sessions, by scope and then by what else tells them apart. */
export interface Entries {
	/**
	 * The session of the scope that declares these capabilities and serves everybody; throws PC_UPSTREAM_BUSY when too many
	 * others are being opened.
	 */
	shared(target: Target, profile: string): Entry;
	/** A session of one person with a lease on it; throws PC_UPSTREAM_BUSY when there are too many. */
	owned(target: Target, wanted: LeaseWanted): Entry;
	groups(): readonly (readonly [ScopeKey, readonly Entry[]])[];
	forget(key: ScopeKey): void;
	all(): readonly Entry[];
}

/** An empty registry; `retire` closes what has to make room. */
export function createEntries(retire: (entry: Entry) => void): Entries {
	// By scope, then by profile: the long scope key is hashed once for its life, and no call builds a new text.
	const scopes = new Map<ScopeKey, Map<string, Entry>>();
	const entriesOf = (target: Target): Map<string, Entry> => {
		const { key } = target.credential;
		const entries = scopes.get(key) ?? new Map<string, Entry>();
		if (entries.size === 0) scopes.set(key, entries);
		return entries;
	};
	return {
		shared(target, profile) {
			const entries = entriesOf(target);
			const known = entries.get(profile);
			if (known !== undefined) return known;
			if (profile !== NO_CAPABILITIES) dropOldestProfile(entries, retire);
			const entry = newEntry(target, undefined);
			entries.set(profile, entry);
			return entry;
		},
		owned: (target, wanted) => lease(entriesOf(target), target, { ...wanted, retire }),
		groups: () => [...scopes].map(([key, entries]) => [key, [...entries.values()]]),
		forget: (key) => void scopes.delete(key),
		all: () => [...scopes.values()].flatMap((entries) => [...entries.values()]),
	};
}

interface Leasing extends LeaseWanted {
	retire(entry: Entry): void;
}

function lease(entries: Map<string, Entry>, target: Target, { profile, owner, isExclusive, retire }: Leasing): Entry {
	for (let slot = 0; ; slot++) {
		const name = JSON.stringify([profile, owner, slot]);
		const entry = entries.get(name) ?? newEntry(target, owner);
		if (isExclusive && entry.leases > 0) continue;
		if (!entries.has(name)) makeRoom(entries, retire);
		entries.set(name, entry);
		entry.leases++;
		return entry;
	}
}

function makeRoom(entries: Map<string, Entry>, retire: Leasing['retire']): void {
	const owned = [...entries].filter(([, entry]) => entry.owner !== undefined);
	if (owned.length < MAX_OWNED) return;
	const free = owned.find(([, entry]) => entry.leases === 0 && entry.inFlight === 0 && !isOpening(entry));
	if (free === undefined) throw busy();
	retire(free[1]);
	entries.delete(free[0]);
}

// Forgotten while it opens, a session would be open and nobody's: no stop of the gateway would find its child.
function isOpening({ opening, openedAt }: Entry): boolean {
	return opening !== undefined && openedAt === 0;
}

function busy(): PortcullisError {
	return new PortcullisError('PC_UPSTREAM_BUSY', { retryAfterSeconds: BUSY_RETRY_SECONDS });
}

// Starting a program over and over is dear; asking whether a port answers again is not.
function newEntry({ server, credential }: Target, owner: string | undefined): Entry {
	const maxBackOffMs = server.transport.kind === 'stdio' ? MAX_CHILD_BACK_OFF_MS : MAX_NETWORK_BACK_OFF_MS;
	return {
		key: credential.key,
		owner,
		leases: 0,
		asking: new Set(),
		maxBackOffMs,
		opening: undefined,
		wire: undefined,
		generation: 0,
		inFlight: 0,
		keepers: new Set(),
		idle: undefined,
		openedAt: 0,
		failures: 0,
		retryAt: 0,
		verdict: undefined,
		info: undefined,
	};
}

// Callers choose their capabilities freely, so the sessions made for them are few; the common one always stays.
function dropOldestProfile(entries: Map<string, Entry>, retire: Leasing['retire']): void {
	const shared = [...entries].filter(([, entry]) => entry.owner === undefined);
	if (shared.length < MAX_PROFILES) return;
	const oldest = shared.find(([profile, entry]) => profile !== NO_CAPABILITIES && !isOpening(entry));
	if (oldest === undefined) throw busy();
	retire(oldest[1]);
	entries.delete(oldest[0]);
}
