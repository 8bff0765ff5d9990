import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { ManagedRow, Manager, Page } from './rows.ts';

/** A toolset with its tools. */
export interface ToolsetRow extends ManagedRow {
	readonly id: string;
	readonly slug: string;
	readonly title: string | null;
	/** `server/tool`, sorted. */
	readonly tools: readonly string[];
}

/** What a toolset says. */
export type ToolsetValues = Pick<ToolsetRow, 'slug' | 'title' | 'tools'> & { readonly managedBy: Manager };

const SELECT = `select t.id, t.slug, t.title, t.managed_by as "managedBy", t.version, t.created_at as "createdAt",
	t.updated_at as "updatedAt", (
		select coalesce(array_agg(s.slug || '/' || m.tool order by s.slug || '/' || m.tool collate "C"), '{}')
		from portcullis.toolset_tool m join portcullis.server s on s.workspace_id = m.workspace_id and s.id = m.server_id
		where m.workspace_id = t.workspace_id and m.toolset_id = t.id
	) as tools from portcullis.toolset t`;

/** Toolsets in slug order. */
export function listToolsets(tx: WorkspaceTx, { after, limit }: Page = {}): Promise<readonly ToolsetRow[]> {
	return tx.query(`${SELECT} where t.workspace_id = $1 and t.slug > $2 order by t.slug limit $3`, [
		tx.workspaceId,
		after ?? '',
		limit ?? null,
	]);
}

/** The toolset with this slug. */
export async function toolsetBySlug(tx: WorkspaceTx, slug: string): Promise<ToolsetRow | undefined> {
	const [row] = await tx.query<ToolsetRow>(`${SELECT} where t.workspace_id = $1 and t.slug = $2`, [
		tx.workspaceId,
		slug,
	]);
	return row;
}

/** Whether a toolset has a tool of this server. */
export async function isInToolset(tx: WorkspaceTx, serverId: string): Promise<boolean> {
	const rows = await tx.query(
		'select 1 from portcullis.toolset_tool where workspace_id = $1 and server_id = $2 limit 1',
		[tx.workspaceId, serverId],
	);
	return rows.length > 0;
}

/** Makes a toolset. Throws PC_CONFLICT when the slug is taken or a server of it is not there. */
export async function insertToolset(tx: WorkspaceTx, toolset: ToolsetValues): Promise<void> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.toolset (workspace_id, slug, title, managed_by) values ($1, $2, $3, $4) returning id`,
		[tx.workspaceId, toolset.slug, toolset.title, toolset.managedBy],
	);
	await setTools(tx, row?.id ?? '', toolset.tools);
}

/** Replaces a toolset; whether it was still that version (`undefined`: any). */
export async function updateToolset(
	tx: WorkspaceTx,
	{ slug, title, tools, managedBy, version }: ToolsetValues & { readonly version?: number },
): Promise<boolean> {
	const [row] = await tx.query<{ id: string }>(
		`update portcullis.toolset set title = $3, managed_by = $4
		 where workspace_id = $1 and slug = $2 and version = coalesce($5, version) returning id`,
		[tx.workspaceId, slug, title, managedBy, version ?? null],
	);
	if (row === undefined) return false;
	await tx.query('delete from portcullis.toolset_tool where workspace_id = $1 and toolset_id = $2', [
		tx.workspaceId,
		row.id,
	]);
	await setTools(tx, row.id, tools);
	return true;
}

/** Removes a toolset; whether it was still that version (`undefined`: any). */
export async function deleteToolset(tx: WorkspaceTx, slug: string, version?: number): Promise<boolean> {
	const rows = await tx.query(
		`delete from portcullis.toolset
		 where workspace_id = $1 and slug = $2 and version = coalesce($3, version) returning 1`,
		[tx.workspaceId, slug, version ?? null],
	);
	return rows.length > 0;
}

async function setTools(tx: WorkspaceTx, toolsetId: string, tools: readonly string[]): Promise<void> {
	const parts = tools.map((path) => [path.slice(0, path.indexOf('/')), path.slice(path.indexOf('/') + 1)] as const);
	const rows = await tx.query(
		`insert into portcullis.toolset_tool (workspace_id, toolset_id, server_id, tool)
		 select $1, $2, s.id, wanted.tool
		 from (select distinct * from unnest($3::text[], $4::text[]) as pair (server, tool)) as wanted
		 join portcullis.server s on s.workspace_id = $1 and s.slug = wanted.server
		 returning 1`,
		[tx.workspaceId, toolsetId, parts.map(([server]) => server), parts.map(([, tool]) => tool)],
	);
	if (rows.length !== new Set(tools).size) {
		throw new PortcullisError('PC_CONFLICT', { detail: 'a server of the toolset is not there' });
	}
}
