import type { Secret } from '../../lib/secret.ts';

/** A secret that lives outside, and whose it is. */
export interface SecretReference {
	readonly workspaceId: string;
	/** Slug of the workspace. */
	readonly workspace: string;
	/** Name of the secret, below what belongs to the workspace. */
	readonly name: string;
}

/** What was read. */
export interface ReadSecret {
	readonly values: Readonly<Record<string, Secret>>;
	/** How long it may be used, milliseconds. */
	readonly validMs: number;
}

/** An external store of secrets. */
export interface SecretSource {
	/** Rejects with a `StoreFailure`. */
	read(reference: SecretReference, signal: AbortSignal): Promise<ReadSecret>;
	close(): Promise<void>;
}
