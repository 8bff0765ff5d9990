import type { JsonObject } from '../../config/declared.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { ManagedRow, Page } from './rows.ts';

/** What a server is, without its tool rules. Secrets stand in `endpoint` by reference only. */
export interface ServerValues extends Pick<ManagedRow, 'managedBy'> {
	readonly slug: string;
	readonly title: string | null;
	readonly transport: string;
	readonly endpoint: JsonObject;
	readonly era: string;
	readonly isolation: string;
	readonly credential: string;
	readonly clientFeatures: readonly string[] | null;
	readonly limits: JsonObject;
	readonly toolsDefault: string;
	readonly enabled: boolean;
	readonly catalogueId: string | null;
}

/** A server as it is stored. */
export interface ServerRow extends ServerValues, ManagedRow {
	readonly id: string;
}

const SELECT = `select id, slug, title, transport, endpoint, era, isolation, credential, client_features as "clientFeatures", limits,
	tools_default as "toolsDefault", enabled, catalogue_id as "catalogueId", managed_by as "managedBy", version,
	created_at as "createdAt", updated_at as "updatedAt" from portcullis.server`;

/** Servers in slug order. */
export function listServers(tx: WorkspaceTx, { after, limit }: Page = {}): Promise<readonly ServerRow[]> {
	return tx.query(`${SELECT} where workspace_id = $1 and slug > $2 order by slug limit $3`, [
		tx.workspaceId,
		after ?? '',
		limit ?? null,
	]);
}

/** Slugs of all servers. */
export async function serverSlugs(tx: WorkspaceTx): Promise<readonly string[]> {
	const rows = await tx.query<{ slug: string }>('select slug from portcullis.server where workspace_id = $1', [
		tx.workspaceId,
	]);
	return rows.map(({ slug }) => slug);
}

/** The server with this slug. */
export async function serverBySlug(tx: WorkspaceTx, slug: string): Promise<ServerRow | undefined> {
	const [row] = await tx.query<ServerRow>(`${SELECT} where workspace_id = $1 and slug = $2`, [tx.workspaceId, slug]);
	return row;
}

/** Makes a server and returns its id. Throws PC_CONFLICT when the slug is taken. */
export async function insertServer(tx: WorkspaceTx, server: ServerValues): Promise<string> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.server (workspace_id, slug, title, transport, endpoint, era, isolation, client_features,
			limits, tools_default, enabled, catalogue_id, managed_by, credential)
		 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id`,
		[tx.workspaceId, ...valuesOf(server)],
	);
	return row?.id ?? '';
}

/** Replaces a server; whether it was still that version (`undefined`: any). */
export async function updateServer(
	tx: WorkspaceTx,
	server: ServerValues & { readonly version?: number },
): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.server set title = $3, transport = $4, endpoint = $5, era = $6, isolation = $7,
			client_features = $8, limits = $9, tools_default = $10, enabled = $11, catalogue_id = $12, managed_by = $13,
			credential = $14
		 where workspace_id = $1 and slug = $2 and version = coalesce($15, version) returning 1`,
		[tx.workspaceId, ...valuesOf(server), server.version ?? null],
	);
	return rows.length > 0;
}

/** Removes a server with its rules; whether it was still that version (`undefined`: any). */
export async function deleteServer(tx: WorkspaceTx, slug: string, version?: number): Promise<boolean> {
	const rows = await tx.query(
		`delete from portcullis.server
		 where workspace_id = $1 and slug = $2 and version = coalesce($3, version) returning 1`,
		[tx.workspaceId, slug, version ?? null],
	);
	return rows.length > 0;
}

function valuesOf(server: ServerValues): readonly unknown[] {
	return [
		server.slug,
		server.title,
		server.transport,
		JSON.stringify(server.endpoint),
		server.era,
		server.isolation,
		server.clientFeatures,
		JSON.stringify(server.limits),
		server.toolsDefault,
		server.enabled,
		server.catalogueId,
		server.managedBy,
		server.credential,
	];
}
