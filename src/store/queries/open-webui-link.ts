import type { WorkspaceTx } from '../tx.ts';
import type { Page } from './rows.ts';

/** Who somebody of an Open WebUI instance is; known there by an id or by an e-mail address, never by both. */
export interface OpenWebUiLink {
	readonly instance: string;
	readonly subject: string | null;
	/** Lower case. */
	readonly email: string | null;
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
	readonly name: string;
}

/** A link as it is stored. */
export interface OpenWebUiLinkRow extends OpenWebUiLink {
	readonly id: string;
	readonly version: number;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

const SELECT = `select id, instance, subject, email, issuer, tid, oid, name, version, created_at as "createdAt",
	updated_at as "updatedAt" from portcullis.open_webui_link`;

const FIRST = '00000000-0000-0000-0000-000000000000';

/** Links in id order. */
export function listLinks(tx: WorkspaceTx, { after, limit }: Page = {}): Promise<readonly OpenWebUiLinkRow[]> {
	return tx.query(`${SELECT} where workspace_id = $1 and id > $2 order by id limit $3`, [
		tx.workspaceId,
		after ?? FIRST,
		limit ?? null,
	]);
}

/** The link with this id. */
export async function linkById(tx: WorkspaceTx, id: string): Promise<OpenWebUiLinkRow | undefined> {
	const [row] = await tx.query<OpenWebUiLinkRow>(`${SELECT} where workspace_id = $1 and id = $2`, [tx.workspaceId, id]);
	return row;
}

/** Makes a link; gives its id. Throws PC_CONFLICT when that account is linked already. */
export async function insertLink(tx: WorkspaceTx, link: OpenWebUiLink): Promise<string> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.open_webui_link (workspace_id, instance, subject, email, issuer, tid, oid, name)
		 values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
		[tx.workspaceId, link.instance, link.subject, link.email, link.issuer, link.tid, link.oid, link.name],
	);
	return row?.id ?? '';
}

/** Removes a link; whether it was still that version. */
export async function deleteLink(tx: WorkspaceTx, { id, version }: OpenWebUiLinkRow): Promise<boolean> {
	const rows = await tx.query(
		'delete from portcullis.open_webui_link where workspace_id = $1 and id = $2 and version = $3 returning 1',
		[tx.workspaceId, id, version],
	);
	return rows.length > 0;
}
