/** A wrapped data key and the id of the key that wrapped it. */
export interface WrappedKey {
	readonly keyId: string;
	readonly wrapped: Buffer;
}

/** Key-encryption keys: they wrap the data key of each sealed secret. */
export interface WrappingKeys {
	/** Id of the key that wraps from now on. */
	readonly current: string;
	wrap(dataKey: Buffer, signal: AbortSignal): Promise<WrappedKey>;
	unwrap(keyId: string, wrapped: Buffer, signal: AbortSignal): Promise<Buffer>;
	/** Rejects when the keys cannot be used, so that nothing starts. */
	check(signal: AbortSignal): Promise<void>;
	close(): Promise<void>;
}
