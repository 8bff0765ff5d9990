import type { CryptoKey } from 'jose';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { FetchKeys } from './fetch-keys.ts';
import { type KeySet, parseKeySet } from './parse-key-set.ts';

/** How one fetch of a key set ended; for the log. */
export interface KeysFetched {
	readonly url: string;
	/** Usable keys found; 0 when it failed. */
	readonly keys: number;
	/** Why it failed. */
	readonly failure: unknown;
}

/** Durations of a key cache, milliseconds. */
export interface JwksTimes {
	/** Age from which a set is fetched again in the background. */
	readonly refreshAfterMs: number;
	/** Age from which a set whose directory has not failed since is fetched again before it is used. */
	readonly waitAfterMs: number;
	/** Age from which a set is no longer used. */
	readonly staleAfterMs: number;
	/** Shortest time between two fetches while there is a usable set. */
	readonly cooldownMs: number;
	/** Shortest time between two fetches while there is none. */
	readonly retryMs: number;
	/** Limit of one fetch. */
	readonly fetchLimitMs: number;
}

/** Defaults: refresh at 5 min, waited for from 10 min, stale at 24 h, cool-down 30 s (5 s without keys), fetch 5 s. */
export const JWKS_TIMES: JwksTimes = {
	refreshAfterMs: 300_000,
	waitAfterMs: 600_000,
	staleAfterMs: 86_400_000,
	cooldownMs: 30_000,
	retryMs: 5_000,
	fetchLimitMs: 5_000,
};

/** Where the keys come from and whose clock counts. */
export interface JwksCacheOptions {
	readonly url: string;
	readonly fetchKeys: FetchKeys;
	/** Milliseconds on a clock that never runs backwards. */
	readonly now: () => number;
	/** Whether a key that names this issuer may be used; all may by default. */
	readonly ofIssuer?: (issuer: string) => boolean;
	/** Reads a set of other keys than those of access tokens; rejects when nothing usable is in it. */
	readonly parse?: (text: string) => Promise<KeySet>;
	readonly times?: Partial<JwksTimes>;
	/** Must not throw. */
	readonly onFetched?: (outcome: KeysFetched) => void;
}

/** The keys of one directory. */
export interface JwksCache {
	/**
	 * The key with this id, `undefined` when the directory has none. Rejects with PC_DIRECTORY_UNAVAILABLE when no set
	 * younger than the stale limit could be fetched.
	 */
	keyFor(kid: string): Promise<CryptoKey | undefined>;
	/** Aborts a fetch in flight and makes no other. */
	close(): void;
}

/**
 * Keeps the last good key set of a directory: an outage or a broken answer never replaces it. (jose's own remote set
 * refuses every token as soon as its copy is ten minutes old and the directory is down.) Sets no lasting timer: a
 * refresh is begun by the verification that finds the set old.
 */
export function createJwksCache(options: JwksCacheOptions): JwksCache {
	const times = { ...JWKS_TIMES, ...options.times };
	const source = createSource(options, times);

	/** Begins a refresh of an old set; waits for it only after an idle time, when a removed key might still be in it. */
	async function freshen(): Promise<void> {
		const age = options.now() - (source.usable()?.at ?? Number.NEGATIVE_INFINITY);
		if (age < times.refreshAfterMs) return;
		const refreshed = source.refresh();
		const mayWait = age >= times.staleAfterMs || (age >= times.waitAfterMs && source.failure() === undefined);
		if (mayWait) await refreshed;
	}

	async function keyFor(kid: string): Promise<CryptoKey | undefined> {
		await freshen();
		const known = source.usable()?.keys.get(kid);
		if (known !== undefined) return known;
		// The directory may have rotated its keys; the cool-down bounds what a flood of invented ids can cost.
		await source.refresh();
		const held = source.usable();
		if (held === undefined) throw unavailable(options.url, source.failure());
		return held.keys.get(kid);
	}

	return { keyFor, close: source.close };
}

interface Held {
	readonly keys: KeySet;
	/** When the fetch began that brought them. */
	readonly at: number;
}

interface Source {
	/** The last good set, unless it is stale. */
	usable(): Held | undefined;
	/** Why the last fetch failed; `undefined` after a good one. */
	failure(): unknown;
	/** Settles when the fetch in flight has, or at once when it is too early for another; never rejects. */
	refresh(): Promise<void>;
	close(): void;
}

/** One fetch at a time, a pause between two, and the last good outcome. */
function createSource(
	{ url, fetchKeys, now, ofIssuer = () => true, onFetched, ...options }: JwksCacheOptions,
	times: JwksTimes,
): Source {
	const { parse = (text) => parseKeySet(text, ofIssuer) } = options;
	let held: Held | undefined;
	let failure: unknown;
	let endedAt = Number.NEGATIVE_INFINITY;
	let inFlight: Promise<void> | undefined;
	let abort = new AbortController();
	let closed = false;

	const usable = (): Held | undefined =>
		held !== undefined && now() - held.at < times.staleAfterMs ? held : undefined;

	async function load(): Promise<void> {
		const at = now();
		abort = new AbortController();
		try {
			const text = await withLimit(abort, times.fetchLimitMs, (signal) => fetchKeys(url, signal));
			held = { keys: await parse(text), at };
			failure = undefined;
		} catch (error) {
			failure = error;
		}
		onFetched?.({ url, keys: failure === undefined ? (held?.keys.size ?? 0) : 0, failure });
	}

	function refresh(): Promise<void> {
		if (inFlight !== undefined) return inFlight;
		const pause = usable() === undefined ? times.retryMs : times.cooldownMs;
		if (closed || now() - endedAt < pause) return Promise.resolve();
		inFlight = load().finally(() => {
			inFlight = undefined;
			// From its end: a fetch that took as long as the pause must not be followed by the next at once.
			endedAt = now();
		});
		return inFlight;
	}

	function close(): void {
		closed = true;
		abort.abort(new Error('the key cache was closed'));
	}

	return { usable, failure: () => failure, refresh, close };
}

async function withLimit(
	abort: AbortController,
	limitMs: number,
	fetch: (signal: AbortSignal) => Promise<string>,
): Promise<string> {
	const timer = setTimeout(() => abort.abort(new Error('the directory did not answer in time')), limitMs).unref();
	try {
		return await fetch(abort.signal);
	} finally {
		clearTimeout(timer);
	}
}

function unavailable(url: string, cause: unknown): PortcullisError {
	return new PortcullisError('PC_DIRECTORY_UNAVAILABLE', { detail: `no keys from ${url}` }, { cause });
}
