import type { JsonObject } from '../../config/declared.ts';
import type { PlatformTx, WorkspaceTx } from '../tx.ts';
import { PLATFORM_ID } from './audit-chain.ts';
import type { Manager } from './rows.ts';

/** A workspace as it is stored. */
export interface WorkspaceRow {
	readonly workspaceId: string;
	readonly slug: string;
	readonly title: string;
	readonly auditMode: 'strict' | 'best-effort';
	readonly rateLimits: JsonObject;
	readonly openApi: JsonObject;
	readonly managedBy: Manager;
	readonly version: number;
	/** Of everything in the workspace; a whole number as text. */
	readonly configVersion: string;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

const SELECT = `select workspace_id as "workspaceId", slug, title, audit_mode as "auditMode",
	rate_limits as "rateLimits", open_api as "openApi", managed_by as "managedBy",
	version, config_version as "configVersion", created_at as "createdAt", updated_at as "updatedAt"
	from portcullis.workspace`;

/** All workspaces in slug order, from after `after`. */
export function listWorkspaces(
	tx: PlatformTx,
	{ after = '', limit }: { readonly after?: string; readonly limit?: number } = {},
): Promise<readonly WorkspaceRow[]> {
	return tx.query(`${SELECT} where slug > $1 order by slug limit $2`, [after, limit ?? null]);
}

/** The workspace with this slug. */
export async function workspaceBySlug(tx: PlatformTx, slug: string): Promise<WorkspaceRow | undefined> {
	const [row] = await tx.query<WorkspaceRow>(`${SELECT} where slug = $1`, [slug]);
	return row;
}

/** The workspace of the transaction; `undefined` when it is gone. */
export async function ownWorkspace(tx: WorkspaceTx): Promise<WorkspaceRow | undefined> {
	const [row] = await tx.query<WorkspaceRow>(`${SELECT} where workspace_id = $1`, [tx.workspaceId]);
	return row;
}

/**
 * Keeps all other changes of the transaction's workspace waiting until the transaction ends; whether it is there. To be
 * asked first: every change ends in a lock of this row, and two that came to it by different ways would block each other.
 */
export async function lockOwnWorkspace(tx: WorkspaceTx): Promise<boolean> {
	const rows = await tx.query('select 1 from portcullis.workspace where workspace_id = $1 for no key update', [
		tx.workspaceId,
	]);
	return rows.length > 0;
}

/** A workspace, kept as it is until the transaction ends. */
export async function lockWorkspace(tx: PlatformTx, workspaceId: string): Promise<WorkspaceRow | undefined> {
	const [row] = await tx.query<WorkspaceRow>(`${SELECT} where workspace_id = $1 for update`, [workspaceId]);
	return row;
}

/** What a new workspace is made of. */
export interface NewWorkspace {
	readonly slug: string;
	readonly title: string;
	readonly auditMode: string;
	/** None unless given. */
	readonly rateLimits?: JsonObject;
	/** As everybody has it unless given. */
	readonly openApi?: JsonObject;
	readonly managedBy: Manager;
}

/** Makes a workspace and returns its id. Throws PC_CONFLICT when the slug is taken. */
export async function insertWorkspace(
	tx: PlatformTx,
	{ slug, title, auditMode, rateLimits = {}, openApi = {}, managedBy }: NewWorkspace,
): Promise<string> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.workspace (slug, title, audit_mode, managed_by, rate_limits, open_api)
		 values ($1, $2, $3, $4, $5, $6)
		 returning workspace_id as id`,
		[slug, title, auditMode, managedBy, JSON.stringify(rateLimits), JSON.stringify(openApi)],
	);
	return row?.id ?? '';
}

/** What may change of a workspace. */
export interface WorkspaceChange {
	readonly workspaceId: string;
	readonly title: string;
	readonly auditMode: string;
	readonly rateLimits: JsonObject;
	readonly openApi: JsonObject;
	readonly managedBy: Manager;
	/** The version that is replaced; `undefined` replaces any. */
	readonly version?: number;
}

/** Changes a workspace; whether it was still that version. */
export async function updateWorkspace(tx: PlatformTx, change: WorkspaceChange): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.workspace set title = $2, audit_mode = $3, managed_by = $4, rate_limits = $6,
			open_api = $7
		 where workspace_id = $1 and version = coalesce($5, version) returning 1`,
		[
			...[change.workspaceId, change.title, change.auditMode, change.managedBy, change.version ?? null],
			JSON.stringify(change.rateLimits),
			JSON.stringify(change.openApi),
		],
	);
	return rows.length > 0;
}

/** Changes what its own administrators may change; whether it was still that version. */
export async function updateOwnWorkspace(
	tx: WorkspaceTx,
	{ title, auditMode, rateLimits, openApi, version }: Omit<WorkspaceChange, 'workspaceId' | 'managedBy'>,
): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.workspace set title = $2, audit_mode = $3, rate_limits = $5, open_api = $6
		 where workspace_id = $1 and version = coalesce($4, version) returning 1`,
		[tx.workspaceId, title, auditMode, version ?? null, JSON.stringify(rateLimits), JSON.stringify(openApi)],
	);
	return rows.length > 0;
}

/**
 * Takes a workspace away with everything that is its own, records included. The transaction must have named it as
 * `erased`. Whether it was there.
 */
export async function eraseWorkspace(tx: PlatformTx, workspaceId: string): Promise<boolean> {
	// First, so that whoever is appending records (holdWorkspace) has ended, or finds nothing any more.
	await tx.query('select 1 from portcullis.workspace where workspace_id = $1 for update', [workspaceId]);
	await tx.query('delete from portcullis.audit_event where workspace_id = $1', [workspaceId]);
	await tx.query('delete from portcullis.audit_chain where workspace_id = $1', [workspaceId]);
	await tx.query('delete from portcullis.usage_hour where workspace_id = $1', [workspaceId]);
	await tx.query('delete from portcullis.idempotency_key where workspace_id = $1', [workspaceId]);
	// The platform keeps the answer to whoever made the workspace for a day; it has the title in it.
	await tx.query('delete from portcullis.idempotency_key where workspace_id = $1 and position($2 in answer) > 0', [
		PLATFORM_ID,
		workspaceId,
	]);
	const rows = await tx.query('delete from portcullis.workspace where workspace_id = $1 returning 1', [workspaceId]);
	return rows.length > 0;
}

/** Keeps the transaction's workspace from being erased until the transaction ends; whether it is there. */
export async function holdWorkspace(tx: WorkspaceTx): Promise<boolean> {
	const rows = await tx.query('select 1 from portcullis.workspace where workspace_id = $1 for key share', [
		tx.workspaceId,
	]);
	return rows.length > 0;
}
