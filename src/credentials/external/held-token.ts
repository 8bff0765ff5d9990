/** A token and how long it may be used. */
export interface FreshToken {
	readonly token: string;
	/** From when it was asked for, milliseconds. */
	readonly validMs: number;
	/** Whether the issuer prolongs it when asked. */
	readonly isRenewable?: boolean;
}

/** How a token is had, and kept. */
export interface HeldTokenOptions {
	/** A new one. */
	readonly obtain: (signal: AbortSignal) => Promise<FreshToken>;
	/** The same one for longer; a failure leads to a new one. */
	readonly renew?: (token: string, signal: AbortSignal) => Promise<FreshToken>;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
	/** For getting one, milliseconds, however long those who wait for it would wait. */
	readonly timeoutMs?: number;
}

/** A token for everybody who asks the same store. */
export interface HeldToken {
	/** The one at hand, or a new one, asked for once for all who wait. */
	get(signal: AbortSignal): Promise<string>;
	/** Forgets a token that was not taken. */
	forget(token: string): void;
}

type Kept = FreshToken & { readonly askedAt: number };

/** It is prolonged or replaced when this part of its life is over. */
const PART = 2 / 3;

/** Keeps one token. Whoever stops waiting does not stop the request that others wait for. */
export function createHeldToken({ obtain, renew, steadyNow, timeoutMs = 10_000 }: HeldTokenOptions): HeldToken {
	let kept: Kept | undefined;
	let inFlight: Promise<Kept> | undefined;

	async function load(previous: Kept | undefined): Promise<Kept> {
		const signal = AbortSignal.timeout(timeoutMs);
		const askedAt = steadyNow();
		if (previous?.isRenewable === true && renew !== undefined && ageOf(previous) < previous.validMs) {
			try {
				return { ...(await renew(previous.token, signal)), askedAt };
			} catch {
				// A token at its longest life, or one taken back, is not prolonged: then there is a new one.
			}
		}
		return { ...(await obtain(signal)), askedAt };
	}

	const ageOf = ({ askedAt }: Kept): number => steadyNow() - askedAt;
	const isFresh = (held: Kept): boolean => ageOf(held) < held.validMs * PART;

	function begin(): Promise<Kept> {
		inFlight ??= load(kept)
			.then((next) => {
				kept = next;
				return next;
			})
			.finally(() => {
				inFlight = undefined;
			});
		return inFlight;
	}

	return {
		async get(signal) {
			signal.throwIfAborted();
			if (kept !== undefined && isFresh(kept)) return kept.token;
			return (await untilAborted(begin(), signal)).token;
		},
		forget(token) {
			if (kept?.token === token) kept = undefined;
		},
	};
}

function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
	return new Promise((resolve, reject) => {
		const stop = (): void => reject(signal.reason);
		signal.addEventListener('abort', stop, { once: true });
		promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
	});
}
