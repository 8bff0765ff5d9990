import type { ServerResponse } from 'node:http';
import { PortcullisError } from '../errors/portcullis-error.ts';

/** How long an operation is waited for. */
export interface Patience {
	/** Aborts with PC_CALL_CANCELLED when the caller goes away, and with PC_API_TIMEOUT when it takes too long. */
	readonly signal: AbortSignal;
	/**
	 * The result of the work; rejects with PC_API_TIMEOUT when it takes too long. Work whose caller has gone is still
	 * waited for, since only its end tells what became of it.
	 */
	waitFor<T>(work: Promise<T>): Promise<T>;
	stop(): void;
}

/** Waits for at most this long, and for as long as the response is open. */
export function createPatience(response: ServerResponse, timeoutMs: number): Patience {
	const controller = new AbortController();
	const { signal } = controller;
	const onClose = (): void => controller.abort(new PortcullisError('PC_CALL_CANCELLED'));
	let giveUp: (error: PortcullisError) => void = () => undefined;
	const timer = setTimeout(() => {
		const late = new PortcullisError('PC_API_TIMEOUT');
		controller.abort(late);
		giveUp(late);
	}, timeoutMs);
	response.once('close', onClose);
	return {
		signal,
		waitFor: (work) =>
			new Promise((resolve, reject) => {
				giveUp = reject;
				work.then(resolve, reject);
			}),
		stop() {
			clearTimeout(timer);
			response.off('close', onClose);
		},
	};
}
