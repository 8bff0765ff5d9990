import type { CancelSignal } from '../lib/cancel.ts';
import { cancelled } from './http-exchange.ts';

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
