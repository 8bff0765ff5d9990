/**
 * Says that something is no longer wanted. `AbortSignal` is one; `createCancel` makes one that is a plain object, for
 * the calls that come by the thousand.
 */
export interface CancelSignal {
	readonly aborted: boolean;
	readonly reason: unknown;
	addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
	removeEventListener(type: 'abort', listener: () => void): void;
}

/** A signal and the way to give it. */
export interface Cancel {
	readonly signal: CancelSignal;
	/** Tells every listener, once; later calls change nothing. */
	abort(reason: unknown): void;
}

/** A cancel that has not happened. */
export function createCancel(): Cancel {
	let listeners: readonly (() => void)[] = [];
	// Plain members: an accessor in an object literal costs more than all the rest.
	const signal = {
		aborted: false,
		reason: undefined as unknown,
		addEventListener(_type: 'abort', listener: () => void) {
			if (!listeners.includes(listener)) listeners = [...listeners, listener];
		},
		removeEventListener(_type: 'abort', listener: () => void) {
			listeners = listeners.filter((known) => known !== listener);
		},
	};
	return {
		signal,
		abort(reason) {
			if (signal.aborted) return;
			signal.aborted = true;
			signal.reason = reason;
			const told = listeners;
			listeners = [];
			for (const listener of told) listener();
		},
	};
}

/** A signal that aborts with the first of several, and the way to let go of them. */
export interface FirstOf {
	readonly signal: CancelSignal;
	stop(): void;
}

/** Follows these signals until it is stopped. */
export function firstOf(signals: readonly (CancelSignal | undefined)[]): FirstOf {
	const first = createCancel();
	const stops = signals.map((signal) => {
		const listener = (): void => first.abort(signal?.reason);
		if (signal?.aborted) listener();
		signal?.addEventListener('abort', listener, { once: true });
		return () => signal?.removeEventListener('abort', listener);
	});
	return {
		signal: first.signal,
		stop() {
			for (const stop of stops) stop();
		},
	};
}
