/** Whose a credential is, of which server. */
export interface CredentialOwnership {
	readonly workspaceId: string;
	/** Slug. */
	readonly server: string;
	/** Key of the person; null: the workspace's own. */
	readonly principal: string | null;
}

/** One text for it, by which snapshots know credentials; injective. */
export function credentialKey({ workspaceId, server, principal }: CredentialOwnership): string {
	return JSON.stringify([workspaceId, server, principal]);
}
