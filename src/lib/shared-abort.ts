import { setMaxListeners } from 'node:events';

/** A controller whose signal any number of exchanges may listen to at once, without Node's warning about a leak. */
export function createSharedAbort(): AbortController {
	const controller = new AbortController();
	setMaxListeners(0, controller.signal);
	return controller;
}

/** A signal for many waits that aborts after `ms` milliseconds; its timer keeps no process alive. */
export function sharedTimeout(ms: number): AbortSignal {
	const signal = AbortSignal.timeout(ms);
	setMaxListeners(0, signal);
	return signal;
}
