import type { JsonObject } from '../../config/declared.ts';
import type { Secret } from '../../lib/secret.ts';

/** Where a secret lies outside of the gateway: which source, and what names it there. Holds no secret itself. */
export interface SecretReference {
	/** Name of the source: `vault`, `azure`. */
	readonly source: string;
	/** What the source needs to find it: `name`, below what belongs to the workspace. */
	readonly at: JsonObject;
}

/** Whose secret is wanted: a reference leads nowhere else. */
export interface SecretOwner {
	readonly workspaceId: string;
	/** Slug of the workspace. */
	readonly workspace: string;
}

/** Named secrets, and how long they may be kept in memory, milliseconds. */
export interface ReadSecrets {
	readonly values: Readonly<Record<string, Secret>>;
	readonly validMs: number;
}

/** A store of secrets outside of the gateway. */
export interface SecretSource {
	/** Rejects with PC_CREDENTIAL_MISSING where there is no such secret, PC_KEYS_UNAVAILABLE where nobody answers. */
	read(reference: SecretReference, owner: SecretOwner, signal: AbortSignal): Promise<ReadSecrets>;
	close(): Promise<void>;
}
