import { hash } from 'node:crypto';

/**
 * Whose a cache entry, pool, session or child process is. Every key of such a thing is made here, and the type cannot be
 * built without workspace, server and credential (architecture: isolation, place 3).
 */
export interface Scope {
	readonly workspace: string;
	readonly server: string;
	/** Revision of the server's definition, so that a changed server never meets the state of its former self. */
	readonly revision: string;
	/** Credential id and version. */
	readonly credential: string;
	/** Principal key where credential or session is personal; `null` says that it is shared on purpose. */
	readonly principal: string | null;
}

/** Name of the folder that the programs of one server have, and of one person where the scope is personal. */
export function homeNameOf(
	server: { readonly workspaceId: string; readonly slug: string },
	key: ScopeKey,
	program: string,
): string {
	const [, , , , principal] = JSON.parse(key) as [string, string, string, string, string | null];
	// Neither slugs nor credentials alone: they are given to others in time, an id of a workspace is not.
	const digest = hash('sha256', JSON.stringify([server.workspaceId, server.slug, principal, program]), 'hex');
	return `${server.slug}-${digest.slice(0, 32)}`;
}

declare const scopeKeyBrand: unique symbol;

/** Text form of a `Scope`; injective. */
export type ScopeKey = string & { readonly [scopeKeyBrand]: true };

/** The only maker of scope keys. */
export function scopeKey(scope: Scope): ScopeKey {
	const parts = [scope.workspace, scope.server, scope.revision, scope.credential, scope.principal];
	return JSON.stringify(parts) as ScopeKey;
}
