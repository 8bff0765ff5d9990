import type { WorkspaceTx } from '../tx.ts';

/** Which registration of a workspace: of one server, at one authorization server. */
export interface RegistrationPlace {
	/** Slug of the server. */
	readonly server: string;
	/** Exact issuer. */
	readonly issuer: string;
}

/** As what the gateway is known to an authorization server. What proves it is sealed. */
export interface RegistrationRow {
	/** Slug of the server; with the issuer what the sealed value is bound to. */
	readonly server: string;
	readonly issuer: string;
	readonly clientId: string;
	readonly method: 'pre-registered' | 'document' | 'dynamic';
	readonly sealed: Buffer | null;
	readonly keyId: string | null;
	readonly updatedAt: Date;
}

/** What a registration is from now on. */
export interface RegistrationValues {
	readonly clientId: string;
	readonly method: RegistrationRow['method'];
	readonly sealed: Buffer;
	readonly keyId: string;
	readonly redirectUri: string;
	readonly expiresAt: Date | null;
}

/** Registrations of one server, in order of issuer. */
export function listRegistrations(tx: WorkspaceTx, server: string): Promise<readonly RegistrationRow[]> {
	return tx.query(
		`select s.slug as server, r.issuer, r.client_id as "clientId", r.method, r.sealed, r.key_id as "keyId",
			r.updated_at as "updatedAt"
		 from portcullis.oauth_registration r
			join portcullis.server s on s.workspace_id = r.workspace_id and s.id = r.server_id
		 where r.workspace_id = $1 and s.slug = $2 order by r.issuer`,
		[tx.workspaceId, server],
	);
}

/**
 * Keeps a registration in place of the one of this client (`null`: where there is none); whether it was kept. Of two
 * that were made at once the first one stays.
 */
export async function putRegistration(
	tx: WorkspaceTx,
	{ server, issuer, replaces }: RegistrationPlace & { readonly replaces: string | null | undefined },
	values: RegistrationValues,
): Promise<boolean> {
	const rows = await tx.query(
		`insert into portcullis.oauth_registration as r (workspace_id, server_id, issuer, client_id, method, sealed, key_id,
			redirect_uri, expires_at)
		 select $1, s.id, $3, $4, $5, $6, $7, $8, $9 from portcullis.server s where s.workspace_id = $1 and s.slug = $2
		 on conflict (workspace_id, server_id, issuer) do update set client_id = excluded.client_id,
			method = excluded.method, sealed = excluded.sealed, key_id = excluded.key_id,
			redirect_uri = excluded.redirect_uri, expires_at = excluded.expires_at
			where $10 or r.client_id = $11
		 returning 1`,
		[
			...[tx.workspaceId, server, issuer, values.clientId, values.method, values.sealed, values.keyId],
			...[values.redirectUri, values.expiresAt, replaces === undefined, replaces ?? null],
		],
	);
	return rows.length > 0;
}

/** Removes a registration; whether there was one. */
export async function deleteRegistration(tx: WorkspaceTx, { server, issuer }: RegistrationPlace): Promise<boolean> {
	const rows = await tx.query(
		`delete from portcullis.oauth_registration r using portcullis.server s
		 where r.workspace_id = $1 and s.workspace_id = r.workspace_id and s.id = r.server_id and s.slug = $2 and r.issuer = $3
		 returning 1`,
		[tx.workspaceId, server, issuer],
	);
	return rows.length > 0;
}
