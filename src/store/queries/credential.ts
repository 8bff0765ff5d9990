import type { JsonObject } from '../../config/declared.ts';
import type { CredentialKind, CredentialState } from '../../config/snapshot.ts';
import type { Identity } from '../../lib/principal-key.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { Page } from './rows.ts';

/** Whose a credential is: one person's, or with nulls the workspace's. */
export interface CredentialOwner {
	readonly issuer: string | null;
	readonly tid: string | null;
	readonly oid: string | null;
}

/** A credential as a snapshot takes it: which there is, and nothing that could be used. */
export interface ConfiguredCredentialRow extends CredentialOwner {
	readonly id: string;
	/** Slug of its server. */
	readonly server: string;
	readonly kind: CredentialKind;
	readonly state: CredentialState;
	readonly version: number;
}

/** A credential as people see it; nothing of it can be used. */
export interface CredentialRow extends ConfiguredCredentialRow {
	/** Names of what is in it. */
	readonly names: readonly string[];
	/** Why it needs attention. */
	readonly reason: string | null;
	readonly reference: JsonObject | null;
	/** Id of the wrapping key; null where the secret lies outside. */
	readonly keyId: string | null;
	readonly scopes: readonly string[];
	readonly authorizationServer: string | null;
	/** For display alone. */
	readonly connectedAs: string;
	readonly expiresAt: Date | null;
	readonly refreshedAt: Date | null;
	/** One text for whoever made it, as in records of changes. */
	readonly createdBy: string;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

/** A credential with its sealed value, for `credentials/` to open. */
export interface SealedCredentialRow extends CredentialRow {
	readonly sealed: Buffer | null;
}

/** What a credential is from now on. */
export interface CredentialValues {
	/** Known before the row is there, since the sealed value is bound to it. */
	readonly id: string;
	readonly kind: CredentialKind;
	readonly sealed: Buffer | null;
	readonly keyId: string | null;
	readonly reference: JsonObject | null;
	readonly names: readonly string[];
	readonly scopes?: readonly string[];
	readonly authorizationServer?: string | null;
	readonly connectedAs?: string;
	readonly expiresAt?: Date | null;
	readonly createdBy: string;
}

/** Which credential of a workspace. */
export interface CredentialPlace {
	/** Slug of the server. */
	readonly server: string;
	/** `undefined`: the workspace's own. */
	readonly owner: Identity | undefined;
}

const COLUMNS = `c.id, s.slug as server, c.issuer, c.tid, c.oid, c.kind, c.state, c.version, c.names, c.reason, c.reference,
	c.key_id as "keyId", c.scopes, c.authorization_server as "authorizationServer", c.connected_as as "connectedAs",
	c.expires_at as "expiresAt", c.refreshed_at as "refreshedAt", c.created_by as "createdBy",
	c.created_at as "createdAt", c.updated_at as "updatedAt"`;

const FROM = `from portcullis.credential c
	join portcullis.server s on s.workspace_id = c.workspace_id and s.id = c.server_id`;

// $2 slug, $3 to $5 the person, or nulls.
const PLACE = `c.workspace_id = $1 and s.slug = $2
	and c.issuer is not distinct from $3 and c.tid is not distinct from $4 and c.oid is not distinct from $5`;

const FIRST = '00000000-0000-0000-0000-000000000000';

/** What is asked for of a list; with `owner`, what belongs to that person alone. */
export interface CredentialFilter extends Page {
	readonly server?: string | undefined;
	readonly owner?: Identity | undefined;
}

/** Credentials in id order. */
export function listCredentials(
	tx: WorkspaceTx,
	{ after, limit, server, owner }: CredentialFilter = {},
): Promise<readonly CredentialRow[]> {
	return tx.query(
		`select ${COLUMNS} ${FROM} where c.workspace_id = $1 and c.id > $2 and ($3::text is null or s.slug = $3)
			and ($4::text is null or (c.issuer = $4 and c.tid = $5 and c.oid = $6)) order by c.id limit $7`,
		[tx.workspaceId, after ?? FIRST, server ?? null, ...personOf(owner), limit ?? null],
	);
}

/** The credential of a place. */
export async function credentialAt(tx: WorkspaceTx, place: CredentialPlace): Promise<CredentialRow | undefined> {
	const [row] = await tx.query<CredentialRow>(`select ${COLUMNS} ${FROM} where ${PLACE}`, placed(tx, place));
	return row;
}

/** The credential with this id, with what is sealed in it. */
export async function sealedCredential(tx: WorkspaceTx, id: string): Promise<SealedCredentialRow | undefined> {
	const [row] = await tx.query<SealedCredentialRow>(
		`select ${COLUMNS}, c.sealed ${FROM} where c.workspace_id = $1 and c.id = $2`,
		[tx.workspaceId, id],
	);
	return row;
}

/** The same, kept from everybody else until the transaction ends: for a refresh, which must happen once. */
export async function lockCredential(tx: WorkspaceTx, id: string): Promise<SealedCredentialRow | undefined> {
	const [row] = await tx.query<SealedCredentialRow>(
		`select ${COLUMNS}, c.sealed ${FROM} where c.workspace_id = $1 and c.id = $2 for no key update of c`,
		[tx.workspaceId, id],
	);
	return row;
}

/**
 * Makes a credential at a place where none is, or replaces the one with this id; its state is good again. Throws PC_CONFLICT
 * where another was made at that place meanwhile, and gives `undefined` where there is no such server.
 */
export async function putCredential(
	tx: WorkspaceTx,
	{ server, owner }: CredentialPlace,
	values: CredentialValues,
): Promise<{ readonly version: number } | undefined> {
	const [row] = await tx.query<{ version: number }>(
		`insert into portcullis.credential as c (workspace_id, id, server_id, owner, issuer, tid, oid, kind, sealed, key_id,
			reference, names, scopes, authorization_server, connected_as, expires_at, created_by)
		 select $1, $2, s.id, case when $4::text is null then 'workspace' else 'principal' end, $4, $5, $6, $7, $8, $9, $10, $11,
			$12, $13, $14, $15, $16 from portcullis.server s where s.workspace_id = $1 and s.slug = $3
		 on conflict (workspace_id, id) do update set kind = excluded.kind, sealed = excluded.sealed, key_id = excluded.key_id,
			reference = excluded.reference, names = excluded.names, scopes = excluded.scopes,
			authorization_server = excluded.authorization_server, connected_as = excluded.connected_as,
			expires_at = excluded.expires_at, refreshed_at = null, state = 'ok', reason = null, version = c.version + 1
		 returning version`,
		[
			...[tx.workspaceId, values.id, server, ...personOf(owner), values.kind, values.sealed, values.keyId],
			...[values.reference === null ? null : JSON.stringify(values.reference), values.names, values.scopes ?? []],
			...[values.authorizationServer ?? null, values.connectedAs ?? '', values.expiresAt ?? null, values.createdBy],
		],
	);
	return row;
}

/** Fresh tokens of a credential that stays what it was; whether it is still there at that version. */
export async function storeRefreshed(
	tx: WorkspaceTx,
	refreshed: {
		readonly id: string;
		readonly version: number;
		readonly sealed: Buffer;
		readonly keyId: string;
		readonly scopes: readonly string[];
		readonly expiresAt: Date | null;
	},
): Promise<boolean> {
	const { id, version, sealed, keyId, scopes, expiresAt } = refreshed;
	const rows = await tx.query(
		`update portcullis.credential set sealed = $4, key_id = $5, scopes = $6, expires_at = $7, refreshed_at = now(),
			state = 'ok', reason = null
		 where workspace_id = $1 and id = $2 and version = $3 returning 1`,
		[tx.workspaceId, id, version, sealed, keyId, scopes, expiresAt],
	);
	return rows.length > 0;
}

/** Says that somebody has to look after a credential; whether it is still there at that version. */
export async function markCredential(
	tx: WorkspaceTx,
	{ id, version, reason }: { readonly id: string; readonly version: number; readonly reason: string },
): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.credential set state = 'needs-attention', reason = $4
		 where workspace_id = $1 and id = $2 and version = $3 returning 1`,
		[tx.workspaceId, id, version, reason],
	);
	return rows.length > 0;
}

/** Removes the credential of a place; whether there was one, at that version (`undefined`: any). */
export async function deleteCredential(
	tx: WorkspaceTx,
	{ id, version }: { readonly id: string; readonly version?: number },
): Promise<boolean> {
	const rows = await tx.query(
		`delete from portcullis.credential
		 where workspace_id = $1 and id = $2 and version = coalesce($3, version) returning 1`,
		[tx.workspaceId, id, version ?? null],
	);
	return rows.length > 0;
}

/** Removes every credential and every pending connection of a person in the workspace; how many credentials. */
export async function deleteCredentialsOf(tx: WorkspaceTx, { issuer, tid, oid }: Identity): Promise<number> {
	const person = [tx.workspaceId, issuer, tid, oid];
	await tx.query(
		'delete from portcullis.oauth_pending where workspace_id = $1 and issuer = $2 and tid = $3 and oid = $4',
		person,
	);
	const rows = await tx.query(
		`delete from portcullis.credential where workspace_id = $1 and issuer = $2 and tid = $3 and oid = $4 returning 1`,
		person,
	);
	return rows.length;
}

function personOf(owner: Identity | undefined): readonly (string | null)[] {
	return [owner?.issuer ?? null, owner?.tid ?? null, owner?.oid ?? null];
}

function placed(tx: WorkspaceTx, { server, owner }: CredentialPlace): readonly unknown[] {
	return [tx.workspaceId, server, ...personOf(owner)];
}
