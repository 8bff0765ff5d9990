import type { JsonObject } from '../../config/declared.ts';
import type { Secret } from '../../lib/secret.ts';

/** Where a secret lies outside of the gateway: which source, and what names it there. Holds no secret itself. */
export interface SecretReference {
	/** Name of the source: `vault`, `azure`. */
	readonly source: string;
	/** What the source needs to find it: mount, path, version, …. */
	readonly at: JsonObject;
}

/** Named secrets, and how long they may be kept in memory, milliseconds. */
export interface ReadSecrets {
	readonly values: Readonly<Record<string, Secret>>;
	readonly validMs: number;
}

/** A store of secrets outside of the gateway. */
export interface SecretSource {
	/** Rejects with PC_CREDENTIAL_MISSING where there is no such secret, PC_KEYS_UNAVAILABLE where nobody answers. */
	read(reference: SecretReference, signal: AbortSignal): Promise<ReadSecrets>;
	close(): Promise<void>;
}
