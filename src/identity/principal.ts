import type { AccessLevel } from '../config/snapshot.ts';

/** What a principal holds in one workspace, and the rules that gave it. */
export interface Grant {
	readonly workspace: string;
	/** Strongest level of all matching rules. */
	readonly level: AccessLevel;
	/** Names of the matching grant rules (`grants[2]`), in file order, and `member` for a membership. */
	readonly rules: readonly string[];
}

/** The authenticated caller. Identity is (issuer, tid, oid); `name` is for display only and never compared. */
export interface Principal {
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
	/** One text for (issuer, tid, oid), injective; the principal part of every cache key. */
	readonly key: string;
	readonly name: string;
	/** Strongest level of all matching rules about `*`; `admin` administers the platform. */
	readonly platformLevel: AccessLevel | undefined;
	/** By workspace slug, in slug order; only workspaces that exist in the snapshot it was made for. */
	readonly grants: ReadonlyMap<string, Grant>;
}
