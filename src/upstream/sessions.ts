import type { Server } from '../config/snapshot.ts';
import { errorCode, PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { Era } from '../mcp/revisions.ts';
import { openSession, type UpstreamInfo } from './open-session.ts';
import { orAborted } from './or-aborted.ts';
import {
	createEntries,
	type Entry,
	type LeaseWanted,
	NO_CAPABILITIES,
	type Session,
	type Verdict,
} from './session-entries.ts';
import { createStamp } from './stamp.ts';
import type { Target } from './target.ts';
import { watchResources } from './watch-resources.ts';
import type { Wire, WireEvents, WireNotification, WireRequest, WireResponse } from './wire.ts';

/** A leased session; `release` gives it back, once. */
export interface Lease {
	readonly session: Session;
	release(): void;
}

/** All sessions the gateway holds; each is opened on first use and shared by everybody of the same scope. */
export interface Sessions {
	/** The session, opened if need be. `signal` ends the wait, not the opening, which others may share. */
	acquire(target: Target, profile: string, signal?: CancelSignal): Promise<Session>;
	/**
	 * A session of one person, for a call in which the server may ask something. Where nothing on the wire says which call
	 * a question belongs to (sse, stdio), nobody else uses it until it is released. Rejects with PC_UPSTREAM_BUSY when too
	 * many people are being asked already.
	 */
	lease(target: Target, wanted: Omit<LeaseWanted, 'isExclusive'>): Promise<Lease>;
	/** Which protocol the upstream speaks; opens a session only when the verdict is missing or too old. */
	spokenBy(target: Target): Verdict | Promise<Verdict>;
	/** What the upstream last said of itself; opens a session only when it never said anything. */
	infoOf(target: Target): Promise<UpstreamInfo>;
	/** Closes every session whose key is not kept, after its calls in flight. */
	retire(isKept: (key: ScopeKey) => boolean): void;
	close(): Promise<void>;
	readonly size: number;
}

/** What sessions are made with. */
export interface SessionParts {
	openWire(target: Target, events: WireEvents, way: Wire['way']): Promise<Wire>;
	/** An upstream said something that belongs to no request, such as that a list has changed. */
	onNotification(key: ScopeKey, notification: WireNotification): void;
	/** An upstream could not tell its changes for a while, and can again. */
	onReopened(key: ScopeKey): void;
	/** A session was opened, or could not be. */
	onOpened?(server: Server, spoken: Verdict): void;
	onFailed?(server: Server, error: unknown): void;
}

const STDIO_PROBE_MS = 5_000;
const LEGACY_VERDICT_MS = 10 * 60_000;
const STEADY_MS = 30_000;
const FIRST_BACK_OFF_MS = 500;
const PATIENCE_MS = 2_000;
/** How long a session outlives its server's definition without a call: those that began before may take several steps. */
const LINGER_MS = 500;

/** The registry of sessions. */
export function createSessions(parts: SessionParts): Sessions {
	const entries = createEntries(retireEntry);
	let isKept: (key: ScopeKey) => boolean = () => true;
	let closed = false;
	const idleMs = ({ server, credential }: Target): number =>
		isKept(credential.key) ? server.limits.childIdleMs : LINGER_MS;

	const openEntry = async (entry: Entry, target: Target, { profile, signal }: OpenWanted): Promise<Session> => {
		if (entry.opening === undefined) {
			await backOff(entry, signal);
			if (closed) throw new PortcullisError('PC_SHUTTING_DOWN');
			const known = entries.shared(target, NO_CAPABILITIES).verdict;
			entry.opening ??= open(entry, target, { ...parts, profile, idleMs, known });
			entry.opening.catch(() => undefined);
		}
		return orAborted(entry.opening, signal);
	};
	const acquire: Sessions['acquire'] = async (target, profile, signal) =>
		openEntry(entries.shared(target, profile), target, { profile, signal });

	const spokenBy: Sessions['spokenBy'] = (target) => {
		const entry = entries.shared(target, NO_CAPABILITIES);
		if (isHeld(entry)) return entry.verdict;
		const opened = acquire(target, NO_CAPABILITIES).then(() => entry.verdict as Verdict);
		return orElse(opened, entry.verdict);
	};

	return {
		acquire,
		async lease(target, wanted) {
			const isExclusive = (await spokenBy(target)).way !== 'http';
			const entry = entries.owned(target, { ...wanted, isExclusive });
			try {
				return { session: await openEntry(entry, target, wanted), release: releaseOnce(entry) };
			} catch (error) {
				entry.leases--;
				throw error;
			}
		},
		spokenBy,
		async infoOf(target) {
			return entries.shared(target, NO_CAPABILITIES).info ?? (await acquire(target, NO_CAPABILITIES)).info;
		},
		retire(isKeptNow) {
			isKept = isKeptNow;
			for (const [key, group] of entries.groups()) {
				if (!isKept(key) && group.map(retireEntry).every(isClosed)) entries.forget(key);
			}
		},
		async close() {
			closed = true;
			const closing = entries.all().map(closeEntry);
			for (const [key] of entries.groups()) entries.forget(key);
			await Promise.all(closing);
		},
		get size() {
			return entries.all().filter((entry) => entry.wire !== undefined).length;
		},
	};
}

interface OpenWanted {
	readonly profile: string;
	readonly signal: CancelSignal | undefined;
}

function releaseOnce(entry: Entry): () => void {
	let released = false;
	return () => {
		if (!released) entry.leases--;
		released = true;
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

type Opener = SessionParts & {
	readonly profile: string;
	/** What another session of the scope has found out. */
	readonly known: Verdict | undefined;
	idleMs(target: Target): number;
};

async function open(entry: Entry, target: Target, opener: Opener): Promise<Session> {
	try {
		const info = await handshake(entry, target, opener);
		entry.verdict = { era: info.era, revision: info.revision, way: wireOf(entry).way, at: Date.now() };
		entry.openedAt = Date.now();
		entry.info = info;
		opener.onOpened?.(target.server, entry.verdict);
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
		const known = toPortcullisError(error);
		opener.onFailed?.(target.server, known);
		throw known;
	}
}

async function handshake(entry: Entry, target: Target, opener: Opener): Promise<UpstreamInfo> {
	const { server } = target;
	const era = eraToTry(opener.known, target);
	const stamp = createStamp(server.workspace, server.slug, 'gateway');
	const probeMs = server.transport.kind === 'stdio' ? STDIO_PROBE_MS : undefined;
	const shared = { profile: opener.profile, stamp, probeMs };
	const known = isFresh(opener.known) ? opener.known?.way : undefined;
	const wire = await opener.openWire(target, eventsFor(entry, opener), known ?? server.transport.kind);
	entry.wire = wire;
	try {
		return await openSession({ ...shared, wire, era });
	} catch (error) {
		const way = entry.wire === wire ? secondWay(error, wire, era) : undefined;
		if (way === undefined) throw error;
		await dropWire(entry);
		const second = await opener.openWire(target, eventsFor(entry, opener), way).catch(() => Promise.reject(error));
		entry.wire = second;
		return openSession({ ...shared, wire: second, era: 'legacy' });
	}
}

/**
 * What a failed first try says about another one: some older stdio servers exit on a first request they do not know, and
 * an address that refuses POST with a 4xx may be one of the HTTP+SSE transport (mcp 2025-11-25: basic/transports,
 * backwards compatibility).
 */
function secondWay(error: unknown, { way }: Wire, era: 'auto' | Era): Wire['way'] | undefined {
	if (way === 'stdio' && era === 'auto' && errorCode(error) === 'PC_UPSTREAM_CRASHED') return 'stdio';
	const status = error instanceof PortcullisError ? (error.facts.upstreamStatus ?? 0) : 0;
	return way === 'http' && era !== 'modern' && status >= 400 && status < 500 ? 'sse' : undefined;
}

// A stale legacy verdict would succeed silently for ever, so it is dated; a wrong modern one fails and is dropped.
function eraToTry(known: Verdict | undefined, target: Target): 'auto' | Era {
	if (target.server.transport.kind === 'sse') return 'legacy';
	if (target.server.transport.kind === 'openapi') return 'modern';
	if (target.server.era !== 'auto') return target.server.era;
	return known?.era === 'legacy' && isFresh(known) ? 'legacy' : 'auto';
}

function orElse<T>(promise: Promise<T>, last: T | undefined): Promise<T> {
	return last === undefined ? promise : promise.catch(() => last);
}

// One that is away spoke as it did before, as far as anybody knows: its lists are still read.
function isHeld(entry: Entry): entry is Entry & { readonly verdict: Verdict } {
	return entry.verdict !== undefined && (entry.failures > 0 || isFresh(entry.verdict));
}

function isFresh(verdict: Verdict | undefined): boolean {
	if (verdict === undefined) return false;
	return verdict.era === 'modern' || Date.now() - verdict.at < LEGACY_VERDICT_MS;
}

function eventsFor(entry: Entry, opener: Opener): WireEvents {
	const generation = ++entry.generation;
	// What belongs to no request on the wire belongs to the one call there is, in a session of one person.
	const onlyCall = (): WireRequest | undefined => {
		const isOwned = entry.owner !== undefined && generation === entry.generation;
		const [only, ...others] = isOwned ? entry.asking : [];
		return others.length > 0 ? undefined : only;
	};
	return {
		onNotification(notification) {
			const { method } = notification;
			const isPersonal = entry.owner !== undefined && !method.endsWith('/list_changed');
			// What one person's session is told of, others may not hear; that a list has changed only makes it be read again.
			if (!isPersonal) opener.onNotification(entry.key, notification);
			else if (method === 'notifications/message') onlyCall()?.onNotification?.(notification);
		},
		onReopened: () => opener.onReopened(entry.key),
		onQuestion(question) {
			const only = onlyCall();
			only?.onQuestion?.(question);
			return only !== undefined;
		},
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
	if (request.onQuestion !== undefined) entry.asking.add(request);
	try {
		return await wire.request(request);
	} finally {
		entry.inFlight--;
		entry.asking.delete(request);
		entry.idle?.refresh();
	}
}

function armIdle(entry: Entry, idleMs: number): void {
	clearTimeout(entry.idle);
	entry.idle = setTimeout(() => {
		if (entry.inFlight > 0 || entry.leases > 0 || entry.keepers.size > 0) return entry.idle?.refresh();
		entry.failures = 0;
		void closeEntry(entry);
	}, idleMs).unref();
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
