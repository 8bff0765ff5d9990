/** A data key as it is kept: encrypted with the wrapping key of this id. */
export interface WrappedKey {
	readonly keyId: string;
	readonly wrapped: Buffer;
}

/**
 * Keys that encrypt data keys. What implements it may be far away: everything waits for the signal. A data key that cannot
 * be unwrapped is one error whatever the cause (PC_SECRET_UNREADABLE); only where the holder of the keys cannot be reached
 * is it another (PC_KEYS_UNAVAILABLE), since trying again makes sense then.
 */
export interface WrappingKeys {
	/** Id of the key that wraps from now on. */
	readonly current: string;
	wrap(dataKey: Buffer, signal: AbortSignal): Promise<WrappedKey>;
	unwrap(keyId: string, wrapped: Buffer, signal: AbortSignal): Promise<Buffer>;
	/** Rejects where the keys cannot be used; a gateway does not start then. */
	check(signal: AbortSignal): Promise<void>;
	close(): Promise<void>;
}
