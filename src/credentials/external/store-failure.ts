/** Why an external store of secrets did not give what was asked of it. Its message never quotes what the store said. */
export class StoreFailure extends Error {
	override readonly name = 'StoreFailure';
	/**
	 * `denied`: we may not. `missing`: there is no such thing. `invalid`: what we sent is nothing it can use.
	 * `unavailable`: it may answer later.
	 */
	readonly reason: FailureReason;

	/** Tells it in a sentence for operators. */
	constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
		super(message, options);
		this.reason = reason;
	}
}

/** What kind of failure it is. */
export type FailureReason = 'denied' | 'missing' | 'invalid' | 'unavailable';

/** What an HTTP status other than success means; `place` names the store and the thing, and nothing secret. */
export function failureOfStatus(status: number, place: string): StoreFailure {
	if (status === 401 || status === 403) return new StoreFailure('denied', `${place}: refused with status ${status}`);
	if (status === 400) return new StoreFailure('invalid', `${place}: refused with status 400`);
	if (status === 404) return new StoreFailure('missing', `${place}: there is no such thing`);
	return new StoreFailure('unavailable', `${place}: answered with status ${status}`);
}
