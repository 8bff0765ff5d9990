import { errorCode, PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import { asObject } from '../mcp/call.ts';
import { NO_CAPABILITIES, type Session } from './session-entries.ts';
import type { Sessions } from './sessions.ts';
import { createStamp } from './stamp.ts';
import type { Target } from './target.ts';

/** Which resources the callers of each scope watch: the server is asked once for each, however many callers there are. */
export interface ResourceWatches {
	/**
	 * Makes the server tell when the resource changes; resolves with the way to stop when the server has agreed. Rejects
	 * with PC_RESOURCE_UNKNOWN when it refuses, with PC_METHOD_UNKNOWN when it tells of no resources.
	 */
	watch(target: Target, uri: string): Promise<() => void>;
	/** Keeps the session open, and opens it again when it is lost, so that changes of lists are heard. */
	hold(target: Target): () => void;
	/** What the callers of this scope watch. */
	urisOf(key: ScopeKey): readonly string[];
	/** Lets go of every scope that is not kept. */
	retire(isKept: (key: ScopeKey) => boolean): void;
	close(): void;
	/** Watched resources and held sessions. */
	readonly size: number;
}

/** What watches are made with. */
export interface WatchesParts {
	readonly sessions: Pick<Sessions, 'acquire'>;
	/** A session that was lost is open again; what changed between was told to nobody. */
	onReopened(key: ScopeKey): void;
}

interface Wanted {
	count: number;
	/** Settles who waits for the server's answer. */
	readonly waiting: { resolve(): void; reject(error: PortcullisError): void }[];
}

interface Scope {
	readonly target: Target;
	readonly wanted: Map<string, Wanted>;
	holders: number;
	session: Session | undefined;
	/** What the server of this session has been asked for. */
	taken: Set<string>;
	letGo: () => void;
	/** Whether a session was lost while somebody watched. */
	missed: boolean;
	running: boolean;
	/** Something changed while it ran. */
	again: boolean;
	failures: number;
	retry: NodeJS.Timeout | undefined;
	ended: boolean;
}

const FIRST_BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 30_000;
/** Requests at a time when many resources have to be watched anew. */
const AT_A_TIME = 16;

/** Watches over the gateway's own sessions. */
export function createResourceWatches(parts: WatchesParts): ResourceWatches {
	const scopes = new Map<ScopeKey, Scope>();

	const scopeOf = (target: Target): Scope => {
		const key = target.credential.key;
		const scope = scopes.get(key) ?? newScope(target);
		scopes.set(key, scope);
		return scope;
	};
	const settle = (scope: Scope): void => {
		if (scope.ended) return;
		if (scope.running) scope.again = true;
		else void run(parts, scope, () => settle(scope)).then(() => isUnused(scope) && drop(scope));
	};
	const drop = (scope: Scope): void => {
		const key = scope.target.credential.key;
		if (scopes.get(key) === scope) scopes.delete(key);
		end(scope);
	};
	return {
		async watch(target, uri) {
			const scope = scopeOf(target);
			const stop = once(() => forget(scope, uri) && settle(scope));
			const agreed = want(scope, uri);
			if (agreed === undefined) return stop;
			settle(scope);
			await agreed.catch((error: unknown) => {
				stop();
				throw error;
			});
			return stop;
		},
		hold(target) {
			// A child that ran only to be listened to would cost a process for each listener; what it lists is compared with
			// what it listed before whenever it is read.
			if (target.server.transport.kind === 'stdio') return () => undefined;
			const scope = scopeOf(target);
			scope.holders++;
			settle(scope);
			return once(() => {
				scope.holders--;
				settle(scope);
			});
		},
		urisOf: (key) => [...(scopes.get(key)?.taken ?? [])],
		retire(isKept) {
			for (const [key, scope] of scopes) if (!isKept(key)) drop(scope);
		},
		close() {
			for (const scope of scopes.values()) drop(scope);
		},
		get size() {
			return [...scopes.values()].reduce((sum, { wanted, holders }) => sum + wanted.size + holders, 0);
		},
	};
}

function once(act: () => void): () => void {
	let done = false;
	return () => {
		if (!done) act();
		done = true;
	};
}

// Counts one more who watches; `undefined` when the server tells already.
function want({ wanted, taken }: Scope, uri: string): Promise<void> | undefined {
	const known: Wanted = wanted.get(uri) ?? { count: 0, waiting: [] };
	wanted.set(uri, known);
	known.count++;
	if (taken.has(uri)) return undefined;
	return new Promise((resolve, reject) => void known.waiting.push({ resolve, reject }));
}

// Counts one less; `true` when it was the last.
function forget({ wanted }: Scope, uri: string): boolean {
	const known = wanted.get(uri);
	if (known === undefined || --known.count > 0) return false;
	return wanted.delete(uri);
}

// Brings the server to where its callers want it, and tries again for as long as it fails and somebody waits.
async function run({ sessions, onReopened }: WatchesParts, scope: Scope, settle: () => void): Promise<void> {
	scope.running = true;
	clearTimeout(scope.retry);
	try {
		do {
			scope.again = false;
			await bring(sessions, scope, settle);
		} while (scope.again && !scope.ended);
		scope.failures = 0;
		if (scope.missed && scope.session !== undefined) {
			scope.missed = false;
			onReopened(scope.target.credential.key);
		}
	} catch (error) {
		refuseNew(scope, toPortcullisError(error));
		if (scope.wanted.size > 0 || scope.holders > 0) retryLater(scope, settle);
	} finally {
		scope.running = false;
	}
}

function newScope(target: Target): Scope {
	return {
		target,
		wanted: new Map(),
		holders: 0,
		session: undefined,
		taken: new Set(),
		letGo: () => undefined,
		missed: false,
		running: false,
		again: false,
		failures: 0,
		retry: undefined,
		ended: false,
	};
}

function isUnused(scope: Scope): boolean {
	return scope.wanted.size === 0 && scope.holders === 0 && !scope.running;
}

function end(scope: Scope): void {
	scope.ended = true;
	clearTimeout(scope.retry);
	scope.letGo();
	refuseNew(scope, new PortcullisError('PC_UPSTREAM_SESSION_LOST'));
}

function retryLater(scope: Scope, retry: () => void): void {
	const waitMs = Math.min(FIRST_BACK_OFF_MS * 2 ** scope.failures++, MAX_BACK_OFF_MS);
	if (!scope.ended) scope.retry = setTimeout(retry, waitMs).unref();
}

// Who waits for a first answer is told; what was watched before stays wanted.
function refuseNew({ wanted }: Scope, error: PortcullisError): void {
	for (const { waiting } of [...wanted.values()]) for (const { reject } of waiting.splice(0)) reject(error);
}

async function bring(sessions: WatchesParts['sessions'], scope: Scope, onLost: () => void): Promise<void> {
	if (scope.ended || (scope.wanted.size === 0 && scope.holders === 0 && scope.session === undefined)) return;
	try {
		await agree(scope, await sessionOf(sessions, scope, onLost));
	} catch (error) {
		// A server that forgot the session did nothing: the next session is asked at once.
		if (errorCode(error) !== 'PC_UPSTREAM_SESSION_LOST' || scope.ended) throw error;
		await agree(scope, await sessionOf(sessions, scope, onLost));
	}
}

async function sessionOf(sessions: WatchesParts['sessions'], scope: Scope, onLost: () => void): Promise<Session> {
	if (scope.session !== undefined) return scope.session;
	const session = await sessions.acquire(scope.target, NO_CAPABILITIES);
	if (scope.ended) throw new PortcullisError('PC_UPSTREAM_SESSION_LOST');
	scope.session = session;
	scope.letGo = session.keep(() => {
		scope.session = undefined;
		scope.taken = new Set();
		scope.missed = true;
		onLost();
	});
	return session;
}

async function agree(scope: Scope, session: Session): Promise<void> {
	const resources = asObject(session.info.capabilities['resources']);
	if (resources?.['subscribe'] !== true) refuseNew(scope, new PortcullisError('PC_METHOD_UNKNOWN'));
	else if (session.info.era === 'modern') await agreeModern(scope, session);
	else await agreeLegacy(scope, session);
	if (scope.wanted.size === 0 && scope.holders === 0 && scope.session === session) {
		scope.session = undefined;
		scope.letGo();
	}
}

async function agreeModern(scope: Scope, session: Session): Promise<void> {
	const wanted = new Set(scope.wanted.keys());
	const isSame = wanted.size === scope.taken.size && [...wanted].every((uri) => scope.taken.has(uri));
	// Who comes for one that is being dropped has to ask again.
	scope.taken = new Set([...scope.taken].filter((uri) => wanted.has(uri)));
	const agreed = isSame ? scope.taken : await session.watch([...wanted]);
	if (scope.session !== session) throw new PortcullisError('PC_UPSTREAM_SESSION_LOST');
	scope.taken = new Set(agreed);
	for (const uri of wanted) answer(scope, uri, agreed.has(uri));
}

async function agreeLegacy(scope: Scope, session: Session): Promise<void> {
	const added = [...scope.wanted.keys()].filter((uri) => !scope.taken.has(uri));
	const removed = [...scope.taken].filter((uri) => !scope.wanted.has(uri));
	// The stream first: a change right after the answer must not go unheard.
	if (added.length > 0) await session.watch(added);
	for (const uri of removed) scope.taken.delete(uri);
	await inTurns(removed, (uri) =>
		ask(scope.target, session, { method: 'resources/unsubscribe', uri }).catch(() => true),
	);
	await inTurns(added, async (uri) => {
		const agreed = await ask(scope.target, session, { method: 'resources/subscribe', uri });
		if (scope.session !== session) throw new PortcullisError('PC_UPSTREAM_SESSION_LOST');
		if (agreed) scope.taken.add(uri);
		answer(scope, uri, agreed);
	});
}

// A resource that the server stopped telling of is still wanted, and asked for again with the next session.
function answer({ wanted }: Scope, uri: string, agreed: boolean): void {
	for (const { resolve, reject } of wanted.get(uri)?.waiting.splice(0) ?? []) {
		if (agreed) resolve();
		else reject(new PortcullisError('PC_RESOURCE_UNKNOWN'));
	}
}

async function inTurns(uris: readonly string[], act: (uri: string) => Promise<unknown>): Promise<void> {
	for (let at = 0; at < uris.length; at += AT_A_TIME) await Promise.all(uris.slice(at, at + AT_A_TIME).map(act));
}

async function ask(
	{ server }: Target,
	session: Session,
	{ method, uri }: { readonly method: string; readonly uri: string },
): Promise<boolean> {
	const params = JSON.stringify({ uri });
	const stamp = createStamp(server.workspace, server.slug, 'gateway');
	const response = await session.request({ method, paramsFor: () => params, headers: {}, stamp, signal: undefined });
	return response.value['error'] === undefined;
}
