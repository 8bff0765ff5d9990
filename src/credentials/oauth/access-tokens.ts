import { LRUCache } from 'lru-cache';
import { errorCode, PortcullisError } from '../../errors/portcullis-error.ts';
import type { ScopeKey } from '../../lib/scope.ts';
import { createSecret, type Secret } from '../../lib/secret.ts';
import { createSlots } from '../../lib/slots.ts';
import type { ConnectionId, RenewTokens } from './renew-tokens.ts';
import type { SealedRows } from './sealed-rows.ts';
import { freshnessOf, type StoredTokens } from './stored-tokens.ts';

/** A connection that calls are made with. */
export interface ConnectionTarget extends ConnectionId {
	/** Whose it is: every token is kept under this, and the version is part of it. */
	readonly key: ScopeKey;
}

/** What access tokens are held with. */
export interface AccessTokensParts {
	readonly rows: Pick<SealedRows, 'credential' | 'openTokens'>;
	readonly renew: RenewTokens;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	/** Told of failures nobody else hears of; never of a token. */
	readonly onTrouble: (error: unknown) => void;
}

/** The access tokens of connections, in memory while they are good. */
export interface AccessTokens {
	/** At once where a good one is at hand; else when it has been read or renewed, whoever goes away meanwhile. */
	tokenFor(target: ConnectionTarget): Secret | Promise<Secret>;
	/**
	 * The server refused this token before its time. Resolves with whether there is another one now; `undefined` where the
	 * token is itself the successor of a refused one, for then it would go on like this.
	 */
	refused(target: ConnectionTarget, token: Secret): Promise<boolean> | undefined;
	/** Resolves when no renewal is under way any more. */
	close(): Promise<void>;
}

/** Most connections whose tokens are held. */
const MOST_HELD = 20_000;
/** Most renewals at a time: each keeps a connection to the database. */
const MOST_AT_ONCE = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A token that was renewed because its predecessor was refused, and is refused within this, is not renewed again. */
const REFUSED_AGAIN_MS = 60_000;

interface Held {
	readonly tokens: StoredTokens;
	readonly secret: Secret;
}

interface Pause {
	readonly until: number;
	readonly failures: number;
	readonly error: unknown;
}

/** Holds nothing yet. */
export function createAccessTokens({ rows, renew, now, onTrouble }: AccessTokensParts): AccessTokens {
	const held = new LRUCache<ScopeKey, Held>({ max: MOST_HELD });
	const pauses = new LRUCache<ScopeKey, Pause>({ max: MOST_HELD });
	const refusals = new LRUCache<ScopeKey, { readonly token: string; readonly at: number }>({ max: MOST_HELD });
	const inFlight = new Map<ScopeKey, Promise<Secret>>();

	const isRefused = (key: ScopeKey, { accessToken }: StoredTokens): boolean =>
		refusals.peek(key)?.token === accessToken;
	const isGood = (key: ScopeKey, tokens: StoredTokens): boolean =>
		!isRefused(key, tokens) && freshnessOf(tokens, now()) === 'fresh';

	const obtain = createObtain({ rows, renew, now }, { held, pauses, isGood });
	// One for all who wait; nobody's going away ends it.
	function obtainOnce(target: ConnectionTarget): Promise<Secret> {
		const { key } = target;
		const running = inFlight.get(key) ?? obtain(target).finally(() => inFlight.delete(key));
		inFlight.set(key, running);
		return running;
	}

	return {
		tokenFor(target) {
			const { key } = target;
			const known = held.get(key);
			if (known === undefined || isRefused(key, known.tokens)) return obtainOnce(target);
			const freshness = freshnessOf(known.tokens, now());
			if (freshness === 'stale') return obtainOnce(target);
			const isPaused = now() < (pauses.get(key)?.until ?? 0);
			if (freshness === 'ageing' && !isPaused && !inFlight.has(key)) obtainOnce(target).catch(onTrouble);
			return known.secret;
		},
		refused(target, token) {
			const { key } = target;
			const refusal = { token: token.reveal(), at: now() };
			const before = refusals.get(key);
			const isAgain =
				before !== undefined && before.token !== refusal.token && refusal.at - before.at < REFUSED_AGAIN_MS;
			if (isAgain) return undefined;
			if (before?.token !== refusal.token) refusals.set(key, refusal);
			return obtainOnce(target).then(
				(secret) => secret.reveal() !== refusal.token,
				(error) => {
					onTrouble(error);
					return false;
				},
			);
		},
		async close() {
			await Promise.allSettled(inFlight.values());
		},
	};
}

interface Memory {
	readonly held: LRUCache<ScopeKey, Held>;
	readonly pauses: LRUCache<ScopeKey, Pause>;
	isGood(key: ScopeKey, tokens: StoredTokens): boolean;
}

function createObtain(
	{ rows, renew, now }: Omit<AccessTokensParts, 'onTrouble'>,
	{ held, pauses, isGood }: Memory,
): (target: ConnectionTarget) => Promise<Secret> {
	const slots = createSlots(MOST_AT_ONCE);
	async function read({ key, workspaceId, credentialId, version }: ConnectionTarget) {
		const row = held.has(key) ? undefined : await rows.credential(workspaceId, credentialId);
		// A look before the lock, for what is good needs none.
		if (row?.version !== version || row.state !== 'ok') return undefined;
		const tokens = await rows.openTokens(workspaceId, row, AbortSignal.timeout(READING_MS));
		return isGood(key, tokens) ? tokens : undefined;
	}

	return async (target) => {
		const { key } = target;
		const pause = pauses.get(key);
		if (pause !== undefined && now() < pause.until) throw waiting(pause, now());
		try {
			const tokens = (await read(target)) ?? (await slots(() => renew(target, (stored) => isGood(key, stored))));
			pauses.delete(key);
			const secret = createSecret(tokens.accessToken);
			held.set(key, { tokens, secret });
			return secret;
		} catch (error) {
			const failures = (pause?.failures ?? 0) + 1;
			const waitMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
			pauses.set(key, { until: now() + waitMs, failures, error });
			throw error;
		}
	};
}

const READING_MS = 10_000;

// What will not pass by waiting keeps its own words.
function waiting({ until, error }: Pause, now: number): unknown {
	const code = errorCode(error);
	if (code !== 'PC_OAUTH_UNAVAILABLE' && code !== 'PC_EGRESS_FAILED' && code !== 'PC_EGRESS_TIMEOUT') return error;
	return new PortcullisError(code, { retryAfterSeconds: Math.ceil((until - now) / 1_000) });
}
