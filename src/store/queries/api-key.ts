import type { JsonObject } from '../../config/declared.ts';
import type { AccessLevel, ApiKeyKind } from '../../config/snapshot.ts';
import type { Identity } from '../../lib/principal-key.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { Page } from './rows.ts';

interface KeyValues {
	readonly kind: ApiKeyKind;
	readonly name: string;
	readonly level: AccessLevel;
	/** Slugs of the only servers it is for; null: all. */
	readonly servers: readonly string[] | null;
	/** As CIDR; null: any. */
	readonly networks: readonly string[] | null;
	/** Of a key of Open WebUI. */
	readonly settings: JsonObject;
}

interface Owned {
	/** Whose it is; null unless it is a personal one. */
	readonly issuer: string | null;
	readonly tid: string | null;
	readonly oid: string | null;
}

/** A key as a snapshot takes it. */
export interface ConfiguredKey extends KeyValues, Owned {
	readonly id: string;
	/** SHA-256 in hex. */
	readonly digest: string;
	/** Milliseconds since 1970; null: never. */
	readonly expiresAt: number | null;
}

/** A key as people see it; nothing of it can be used. */
export interface ApiKeyRow extends KeyValues, Owned {
	readonly id: string;
	readonly prefix: string;
	readonly expiresAt: Date | null;
	/** One text for whoever made it, as in records of changes. */
	readonly createdBy: string;
	readonly lastUsedAt: Date | null;
	readonly version: number;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

/** What a new key says. */
export interface NewKey extends KeyValues {
	readonly digest: string;
	readonly prefix: string;
	readonly owner: Identity | undefined;
	readonly expiresAt: Date | null;
	readonly createdBy: string;
}

const SELECT = `select id, prefix, kind, name, level, issuer, tid, oid, servers, networks, settings,
	expires_at as "expiresAt", created_by as "createdBy", last_used_at as "lastUsedAt", version,
	created_at as "createdAt", updated_at as "updatedAt" from portcullis.api_key`;

const FIRST = '00000000-0000-0000-0000-000000000000';

/** Keys in id order; with `owner`, the personal keys of that person alone. */
export function listApiKeys(
	tx: WorkspaceTx,
	{ after, limit, owner }: Page & { readonly owner?: Identity | undefined } = {},
): Promise<readonly ApiKeyRow[]> {
	return tx.query(
		`${SELECT} where workspace_id = $1 and id > $2
			and ($3::text is null or (issuer = $3 and tid = $4 and oid = $5)) order by id limit $6`,
		[tx.workspaceId, after ?? FIRST, owner?.issuer ?? null, owner?.tid ?? null, owner?.oid ?? null, limit ?? null],
	);
}

/** The key with this id. */
export async function apiKeyById(tx: WorkspaceTx, id: string): Promise<ApiKeyRow | undefined> {
	const [row] = await tx.query<ApiKeyRow>(`${SELECT} where workspace_id = $1 and id = $2`, [tx.workspaceId, id]);
	return row;
}

/** Makes a key; gives its id. */
export async function insertApiKey(tx: WorkspaceTx, key: NewKey): Promise<string> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.api_key (workspace_id, digest, prefix, kind, name, level, issuer, tid, oid, servers, networks,
			settings, expires_at, created_by)
		 values ($1, decode($2, 'hex'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id`,
		[
			...[tx.workspaceId, key.digest, key.prefix, key.kind, key.name, key.level],
			...[key.owner?.issuer ?? null, key.owner?.tid ?? null, key.owner?.oid ?? null],
			...[key.servers, key.networks, JSON.stringify(key.settings), key.expiresAt, key.createdBy],
		],
	);
	return row?.id ?? '';
}

/** Replaces what a key says; whether it was still that version. */
export async function updateApiKey(tx: WorkspaceTx, key: ApiKeyRow): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.api_key set name = $3, level = $4, servers = $5, networks = $6, settings = $7, expires_at = $8
		 where workspace_id = $1 and id = $2 and version = $9 returning 1`,
		[
			...[tx.workspaceId, key.id, key.name, key.level, key.servers, key.networks],
			...[JSON.stringify(key.settings), key.expiresAt, key.version],
		],
	);
	return rows.length > 0;
}

/** Revokes a key; whether it was still that version. */
export async function deleteApiKey(tx: WorkspaceTx, { id, version }: ApiKeyRow): Promise<boolean> {
	const rows = await tx.query(
		'delete from portcullis.api_key where workspace_id = $1 and id = $2 and version = $3 returning 1',
		[tx.workspaceId, id, version],
	);
	return rows.length > 0;
}

/** Notes when keys were used last; those that are gone, or were used later still, stay as they are. */
export async function noteKeyUses(tx: WorkspaceTx, uses: ReadonlyMap<string, Date>): Promise<void> {
	await tx.query(
		`update portcullis.api_key k set last_used_at = used.at
		 from unnest($2::uuid[], $3::timestamptz[]) as used (id, at)
		 where k.workspace_id = $1 and k.id = used.id and coalesce(k.last_used_at < used.at, true)`,
		[tx.workspaceId, [...uses.keys()], [...uses.values()]],
	);
}
