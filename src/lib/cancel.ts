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
	const listeners = new Set<() => void>();
	let given: { readonly reason: unknown } | undefined;
	return {
		signal: {
			get aborted() {
				return given !== undefined;
			},
			get reason() {
				return given?.reason;
			},
			addEventListener: (_type, listener) => void listeners.add(listener),
			removeEventListener: (_type, listener) => void listeners.delete(listener),
		},
		abort(reason) {
			if (given !== undefined) return;
			given = { reason };
			const told = [...listeners];
			listeners.clear();
			for (const listener of told) listener();
		},
	};
}
