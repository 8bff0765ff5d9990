import { errorCode, PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { Era } from '../mcp/revisions.ts';
import { cancelled } from './http-exchange.ts';
import { openSession, type UpstreamInfo } from './open-session.ts';
import { createStamp } from './stamp.ts';
import type { Target } from './target.ts';
import { watchResources } from './watch-resources.ts';
import type { Wire, WireEvents, WireNotification, WireRequest, WireResponse } from './wire.ts';

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
export interface Verdict {
	readonly era: Era;
	/** When it was found out, milliseconds since 1970. */
	readonly at: number;
}

/** All sessions the gateway holds; each is opened on first use and shared by everybody of the same scope. */
export interface Sessions {
	/** The session, opened if need be. `signal` ends the wait, not the opening, which others may share. */
	acquire(target: Target, profile: string, signal?: CancelSignal): Promise<Session>;
	/** Which protocol the upstream speaks; opens a session only when the verdict is missing or too old. */
	eraOf(target: Target): Era | Promise<Era>;
	/** What the upstream last said of itself; opens a session only when it never said anything. */
	infoOf(target: Target): Promise<UpstreamInfo>;
	/** Closes every session whose key is not kept, after its calls in flight. */
	retire(isKept: (key: ScopeKey) => boolean): void;
	close(): Promise<void>;
	readonly size: number;
}

/** What sessions are made with. */
export interface SessionParts {
	openWire(target: Target, events: WireEvents): Promise<Wire>;
	/** An upstream said something that belongs to no request, such as that a list has changed. */
	onNotification(key: ScopeKey, notification: WireNotification): void;
	/** An upstream could not tell its changes for a while, and can again. */
	onReopened(key: ScopeKey): void;
}

interface Entry {
	readonly key: ScopeKey;
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
const STDIO_PROBE_MS = 5_000;
const LEGACY_VERDICT_MS = 10 * 60_000;
const STEADY_MS = 30_000;
const FIRST_BACK_OFF_MS = 500;
const MAX_CHILD_BACK_OFF_MS = 30_000;
const MAX_NETWORK_BACK_OFF_MS = 500;
const PATIENCE_MS = 2_000;
/** How long a session outlives its server's definition without a call: those that began before may take several steps. */
const LINGER_MS = 500;

/** The registry of sessions. */
export function createSessions(parts: SessionParts): Sessions {
	// By scope, then by profile: the long scope key is hashed once for its life, and no call builds a new text.
	const scopes = new Map<ScopeKey, Map<string, Entry>>();
	let isKept: (key: ScopeKey) => boolean = () => true;
	let closed = false;
	const all = (): Entry[] => [...scopes.values()].flatMap((profiles) => [...profiles.values()]);
	const idleMs = ({ server, credential }: Target): number =>
		isKept(credential.key) ? server.limits.childIdleMs : LINGER_MS;

	const entryFor = (target: Target, profile: string): Entry => {
		const { key } = target.credential;
		const profiles = scopes.get(key) ?? new Map<string, Entry>();
		if (profiles.size === 0) scopes.set(key, profiles);
		const known = profiles.get(profile);
		if (known !== undefined) return known;
		if (profiles.size >= MAX_PROFILES) dropOldest(profiles);
		const entry = newEntry(target);
		profiles.set(profile, entry);
		return entry;
	};

	const acquire: Sessions['acquire'] = async (target, profile, signal) => {
		const entry = entryFor(target, profile);
		if (entry.opening === undefined) {
			await backOff(entry, signal);
			if (closed) throw new PortcullisError('PC_SHUTTING_DOWN');
			entry.opening ??= open(entry, target, { ...parts, profile, idleMs });
			entry.opening.catch(() => undefined);
		}
		return orAborted(entry.opening, signal);
	};

	return {
		acquire,
		eraOf(target) {
			const { verdict } = entryFor(target, NO_CAPABILITIES);
			if (verdict !== undefined && isFresh(verdict)) return verdict.era;
			return acquire(target, NO_CAPABILITIES).then(({ info }) => info.era);
		},
		async infoOf(target) {
			return entryFor(target, NO_CAPABILITIES).info ?? (await acquire(target, NO_CAPABILITIES)).info;
		},
		retire(isKeptNow) {
			isKept = isKeptNow;
			for (const [key, profiles] of scopes) {
				if (isKept(key)) continue;
				if ([...profiles.values()].map(retireEntry).every(isClosed)) scopes.delete(key);
			}
		},
		async close() {
			closed = true;
			const closing = all().map(closeEntry);
			scopes.clear();
			await Promise.all(closing);
		},
		get size() {
			return all().filter((entry) => entry.wire !== undefined).length;
		},
	};
}

// Starting a program over and over is dear; asking whether a port answers again is not.
function newEntry({ server, credential }: Target): Entry {
	const maxBackOffMs = server.transport.kind === 'stdio' ? MAX_CHILD_BACK_OFF_MS : MAX_NETWORK_BACK_OFF_MS;
	return {
		key: credential.key,
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

// A short wait is worth it, a long one is not: then the caller is told when to come back.
async function backOff(entry: Entry, signal: CancelSignal | undefined): Promise<void> {
	const waitMs = entry.retryAt - Date.now();
	if (waitMs <= 0) return;
	if (waitMs > PATIENCE_MS) {
		throw new PortcullisError('PC_UPSTREAM_STARTING', { retryAfterSeconds: Math.ceil(waitMs / 1_000) });
	}
	await orAborted(new Promise((resolve) => setTimeout(resolve, waitMs)), signal);
}

/** The promise, unless the signal ends the wait first. */
export function orAborted<T>(promise: Promise<T>, signal: CancelSignal | undefined): Promise<T> {
	if (signal === undefined) return promise;
	if (signal.aborted) return Promise.reject(cancelled(signal));
	return new Promise((resolve, reject) => {
		const onAbort = (): void => reject(cancelled(signal));
		signal.addEventListener('abort', onAbort, { once: true });
		promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
	});
}

type Opener = SessionParts & { readonly profile: string; idleMs(target: Target): number };

async function open(entry: Entry, target: Target, opener: Opener): Promise<Session> {
	try {
		const info = await handshake(entry, target, opener);
		entry.verdict = { era: info.era, at: Date.now() };
		entry.openedAt = Date.now();
		entry.info = info;
		armIdle(entry, opener.idleMs(target));
		return {
			info,
			request: (request) => tracked(entry, request),
			notify: (...args) => wireOf(entry).notify(...args),
			watch: async (uris) => watchResources({ wire: wireOf(entry), info, profile: opener.profile }, uris),
			keep: (onLost) => keep(entry, onLost),
		};
	} catch (error) {
		await dropWire(entry);
		noteFailure(entry);
		throw toPortcullisError(error);
	}
}

async function handshake(entry: Entry, target: Target, opener: Opener): Promise<UpstreamInfo> {
	const { server } = target;
	const era = eraToTry(entry, target);
	const stamp = createStamp(server.workspace, server.slug, 'gateway');
	const probeMs = server.transport.kind === 'stdio' ? STDIO_PROBE_MS : undefined;
	const shared = { profile: opener.profile, stamp, probeMs };
	const wire = await opener.openWire(target, eventsFor(entry, opener));
	entry.wire = wire;
	try {
		return await openSession({ ...shared, wire, era });
	} catch (error) {
		// Some older stdio servers exit on a first request they do not know: that is a verdict, so start them again.
		const isVerdict = errorCode(error) === 'PC_UPSTREAM_CRASHED' && entry.wire === wire;
		if (era !== 'auto' || probeMs === undefined || !isVerdict) throw error;
		await dropWire(entry);
		entry.wire = await opener.openWire(target, eventsFor(entry, opener));
		return openSession({ ...shared, wire: entry.wire, era: 'legacy' });
	}
}

// A stale legacy verdict would succeed silently for ever, so it is dated; a wrong modern one fails and is dropped.
function eraToTry(entry: Entry, target: Target): 'auto' | Era {
	if (target.server.transport.kind === 'sse') return 'legacy';
	if (target.server.era !== 'auto') return target.server.era;
	return entry.verdict?.era === 'legacy' && isFresh(entry.verdict) ? 'legacy' : 'auto';
}

function isFresh(verdict: Verdict): boolean {
	return verdict.era === 'modern' || Date.now() - verdict.at < LEGACY_VERDICT_MS;
}

function eventsFor(entry: Entry, opener: Opener): WireEvents {
	const generation = ++entry.generation;
	return {
		onNotification: (notification) => opener.onNotification(entry.key, notification),
		onReopened: () => opener.onReopened(entry.key),
		onClosed() {
			// While it opens, the failing handshake itself cleans up.
			if (generation !== entry.generation || entry.openedAt === 0) return;
			noteFailure(entry);
			void dropWire(entry);
		},
	};
}

function noteFailure(entry: Entry): void {
	const steady = entry.openedAt > 0 && Date.now() - entry.openedAt > STEADY_MS;
	entry.failures = steady ? 1 : entry.failures + 1;
	entry.openedAt = 0;
	entry.opening = undefined;
	// The first new start is free; then 0.5 s, 1 s, 2 s … up to the limit.
	const waitMs = entry.failures < 2 ? 0 : Math.min(FIRST_BACK_OFF_MS * 2 ** (entry.failures - 2), entry.maxBackOffMs);
	entry.retryAt = Date.now() + waitMs;
}

function wireOf(entry: Entry): Wire {
	if (entry.wire === undefined) throw new PortcullisError('PC_UPSTREAM_CRASHED');
	return entry.wire;
}

async function tracked(entry: Entry, request: WireRequest): Promise<WireResponse> {
	const wire = wireOf(entry);
	entry.inFlight++;
	try {
		return await wire.request(request);
	} finally {
		entry.inFlight--;
		entry.idle?.refresh();
	}
}

function armIdle(entry: Entry, idleMs: number): void {
	clearTimeout(entry.idle);
	entry.idle = setTimeout(() => {
		if (entry.inFlight > 0 || entry.keepers.size > 0) return entry.idle?.refresh();
		entry.failures = 0;
		void closeEntry(entry);
	}, idleMs).unref();
}

// Callers choose their capabilities freely, so the sessions made for them are few; the common one always stays.
function dropOldest(profiles: Map<string, Entry>): void {
	const oldest = [...profiles.keys()].find((profile) => profile !== NO_CAPABILITIES);
	if (oldest === undefined) return;
	retireEntry(profiles.get(oldest) as Entry);
	profiles.delete(oldest);
}

// One that is still opening learns at its end how long it may stay.
function retireEntry(entry: Entry): Entry {
	if (entry.inFlight > 0) armIdle(entry, LINGER_MS);
	else if (entry.openedAt > 0) void closeEntry(entry);
	return entry;
}

function isClosed({ wire, opening }: Entry): boolean {
	return wire === undefined && opening === undefined;
}

async function closeEntry(entry: Entry): Promise<void> {
	entry.opening = undefined;
	entry.openedAt = 0;
	await dropWire(entry);
}

async function dropWire(entry: Entry): Promise<void> {
	clearTimeout(entry.idle);
	const wire = entry.wire;
	entry.wire = undefined;
	const keepers = [...entry.keepers];
	entry.keepers.clear();
	for (const onLost of keepers) onLost();
	await wire?.close();
}

function keep(entry: Entry, onLost: () => void): () => void {
	// A set of one's own function: the same one may keep the session twice.
	const own = (): void => onLost();
	entry.keepers.add(own);
	return () => {
		// From its last keeper on the session is as idle as any other.
		if (entry.keepers.delete(own)) entry.idle?.refresh();
	};
}
