import type { AccessLevel, ApiKeyKind } from '../config/snapshot.ts';
import type { Address } from '../mcp/address.ts';

/** What a principal holds in one workspace, and the rules that gave it. */
export interface Grant {
	readonly workspace: string;
	/** Id of the workspace; stays when the slug is given to another. */
	readonly workspaceId: string;
	/** Strongest level of all matching rules. */
	readonly level: AccessLevel;
	/** Names of the matching grant rules (`grants[2]`), in file order, and `member` for a membership. */
	readonly rules: readonly string[];
	/** Slugs of the only servers it holds for; all of the workspace where it is absent. */
	readonly servers?: ReadonlySet<string>;
	/** Present where it is for handshakes and lists alone: it says what a person who came the same way could at most do. */
	readonly listsOnly?: true;
}

/** The authenticated caller. Identity is (issuer, tid, oid); `name` is for display only and never compared. */
export interface Principal {
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
	/** One text for (issuer, tid, oid), injective; the principal part of every cache key. */
	readonly key: string;
	readonly name: string;
	/** What established who it is: `token`, or the mechanism and what of it, such as `api-key:<id>`. For the audit. */
	readonly vouchedBy: string;
	/** When it has to be established anew, milliseconds since 1970; `Infinity` where nothing says so. */
	readonly expiresAt: number;
	/** Which kind of API key was presented; absent where it was none. */
	readonly apiKeyKind?: ApiKeyKind;
	/** Strongest level of all matching rules about `*`; `admin` administers the platform. */
	readonly platformLevel: AccessLevel | undefined;
	/** By workspace slug, in slug order; only workspaces that exist in the snapshot it was made for. */
	readonly grants: ReadonlyMap<string, Grant>;
}

/** What the audit is told of somebody at an address: also whose the call is, where they hold anything there. */
export function factsOf({ issuer, tid, oid, vouchedBy, grants }: Principal, address: Address) {
	const grant = address.kind === 'all' ? undefined : grants.get(address.workspace);
	const theirs = grant && { workspace: grant.workspace, workspaceId: grant.workspaceId };
	return { principal: { issuer, tid, oid }, vouchedBy, ...theirs };
}
