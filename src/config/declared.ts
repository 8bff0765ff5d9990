import type { AccessLevel } from './snapshot.ts';

/** Any JSON object. */
export type JsonObject = { readonly [name: string]: unknown };

/** A group or role and what it gives. */
export interface DeclaredGrant {
	readonly directory: string | null;
	readonly claim: 'group' | 'role';
	readonly value: string;
	readonly level: AccessLevel;
}

/** A person named one by one. */
export interface DeclaredMember {
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
	readonly name: string;
	readonly level: AccessLevel;
}

/** A rule for one tool; `enabled` null is as the server says for all. */
export interface DeclaredRule {
	readonly enabled: boolean | null;
	readonly minimumLevel: AccessLevel;
	readonly readable: boolean;
	readonly description: string | null;
	readonly definitionDigest: string | null;
}

/** A server as it is written down: references to secrets are not followed, defaults of its inner parts not filled in. */
export interface DeclaredServer {
	readonly title: string | null;
	readonly transport: string;
	/** Address, headers; or command, arguments, folder, variables. */
	readonly endpoint: JsonObject;
	readonly era: string;
	readonly isolation: string;
	readonly clientFeatures: readonly string[] | null;
	readonly limits: JsonObject;
	readonly toolsDefault: string;
	readonly enabled: boolean;
	readonly rules: Readonly<Record<string, DeclaredRule>>;
}

/** A toolset; its tools as `server/tool`, sorted. */
export interface DeclaredToolset {
	readonly title: string | null;
	readonly tools: readonly string[];
}

/** A workspace with everything in it. */
export interface DeclaredWorkspace {
	readonly title: string;
	readonly auditMode: string;
	/** As the file writes them. */
	readonly rateLimits: JsonObject;
	readonly openApi: JsonObject;
	readonly servers: Readonly<Record<string, DeclaredServer>>;
	readonly toolsets: Readonly<Record<string, DeclaredToolset>>;
	readonly grants: readonly DeclaredGrant[];
	readonly members: readonly DeclaredMember[];
}

/** A directory as it is written down. */
export interface DeclaredDirectory {
	readonly issuer: string;
	readonly tenantId: string;
	readonly audiences: readonly string[];
	readonly jwksUrl: string;
	/** What may be left out, as the file writes it. */
	readonly settings: JsonObject;
}

/** What belongs to no workspace. */
export interface DeclaredPlatform {
	/** `publicUrl`, `hosts`, `origins`, `limits`, `openWebUi`, as the file writes them. */
	readonly settings: JsonObject;
	readonly directories: Readonly<Record<string, DeclaredDirectory>>;
	/** Grants for every workspace. */
	readonly grants: readonly DeclaredGrant[];
}

/** A whole configuration as it is written down: what a file and a store have in common. */
export interface Declared {
	readonly platform: DeclaredPlatform;
	readonly workspaces: Readonly<Record<string, DeclaredWorkspace>>;
}

/** One text for a grant, by which two are the same rule whatever level they give. */
export function grantKey({ directory, claim, value }: Pick<DeclaredGrant, 'directory' | 'claim' | 'value'>): string {
	return JSON.stringify([directory, claim, value]);
}

/** One text for a member; the same as `Principal.key`. */
export function memberKey({ issuer, tid, oid }: Pick<DeclaredMember, 'issuer' | 'tid' | 'oid'>): string {
	return JSON.stringify([issuer, tid, oid]);
}
