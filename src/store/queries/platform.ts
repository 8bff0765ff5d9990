import type { DeclaredDirectory, DeclaredGrant, JsonObject } from '../../config/declared.ts';
import type { PlatformTx } from '../tx.ts';
import type { Manager, Page } from './rows.ts';

/** A directory as it is stored. */
export interface DirectoryRow extends DeclaredDirectory {
	readonly id: string;
	readonly managedBy: Manager;
	readonly version: number;
}

/** A grant for every workspace as it is stored. */
export interface PlatformGrantRow extends DeclaredGrant {
	readonly id: string;
	readonly managedBy: Manager;
	readonly version: number;
}

/** The one row of settings. */
export interface SettingsRow {
	readonly settings: JsonObject;
	readonly managedBy: Manager;
	readonly version: number;
	/** Of everything that belongs to the platform; a whole number as text. */
	readonly configVersion: string;
}

const SELECT_DIRECTORY = `select id, issuer, tenant_id as "tenantId", audiences, jwks_url as "jwksUrl",
	settings, managed_by as "managedBy", version from portcullis.directory`;

const SELECT_GRANT = `select id, directory, claim, value, level, managed_by as "managedBy", version
	from portcullis.platform_admin_rule`;

const FIRST = '00000000-0000-0000-0000-000000000000';

/** Directories in id order. */
export function listDirectories(tx: PlatformTx, { after, limit }: Page = {}): Promise<readonly DirectoryRow[]> {
	return tx.query(`${SELECT_DIRECTORY} where id > $1 order by id limit $2`, [after ?? '', limit ?? null]);
}

/** The directory with this id. */
export async function directoryById(tx: PlatformTx, id: string): Promise<DirectoryRow | undefined> {
	const [row] = await tx.query<DirectoryRow>(`${SELECT_DIRECTORY} where id = $1`, [id]);
	return row;
}

function valuesOf(directory: Omit<DirectoryRow, 'version'>): readonly unknown[] {
	const { id, issuer, tenantId, audiences, jwksUrl, settings, managedBy } = directory;
	return [id, issuer, tenantId, audiences, jwksUrl, JSON.stringify(settings), managedBy];
}

/** Makes a directory. Throws PC_CONFLICT when another has its id or issuer. */
export async function insertDirectory(tx: PlatformTx, directory: Omit<DirectoryRow, 'version'>): Promise<void> {
	await tx.query(
		`insert into portcullis.directory (id, issuer, tenant_id, audiences, jwks_url, settings, managed_by)
		 values ($1, $2, $3, $4, $5, $6, $7)`,
		valuesOf(directory),
	);
}

/** Replaces a directory; whether it was still that version. Throws PC_CONFLICT when another has its issuer. */
export async function updateDirectory(tx: PlatformTx, directory: DirectoryRow): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.directory
		 set issuer = $2, tenant_id = $3, audiences = $4, jwks_url = $5, settings = $6, managed_by = $7
		 where id = $1 and version = $8 returning 1`,
		[...valuesOf(directory), directory.version],
	);
	return rows.length > 0;
}

/** Makes or replaces a directory. Throws PC_CONFLICT when another has its issuer. */
export async function putDirectory(tx: PlatformTx, directory: Omit<DirectoryRow, 'version'>): Promise<void> {
	await tx.query(
		`insert into portcullis.directory (id, issuer, tenant_id, audiences, jwks_url, settings, managed_by)
		 values ($1, $2, $3, $4, $5, $6, $7)
		 on conflict (id) do update
		 set issuer = $2, tenant_id = $3, audiences = $4, jwks_url = $5, settings = $6, managed_by = $7`,
		valuesOf(directory),
	);
}

/** Removes a directory; whether it was still that version (`undefined`: any). */
export async function deleteDirectory(tx: PlatformTx, id: string, version?: number): Promise<boolean> {
	const rows = await tx.query(
		'delete from portcullis.directory where id = $1 and version = coalesce($2, version) returning 1',
		[id, version ?? null],
	);
	return rows.length > 0;
}

/** Grants for every workspace. */
export function listPlatformGrants(tx: PlatformTx): Promise<readonly PlatformGrantRow[]> {
	return tx.query(`${SELECT_GRANT} order by claim, value, directory nulls first`);
}

/** A part of the grants for every workspace, in id order. */
export function pagePlatformGrants(tx: PlatformTx, { after, limit }: Page): Promise<readonly PlatformGrantRow[]> {
	return tx.query(`${SELECT_GRANT} where id > $1 order by id limit $2`, [after ?? FIRST, limit ?? null]);
}

/** The grant for every workspace with this id. */
export async function platformGrantById(tx: PlatformTx, id: string): Promise<PlatformGrantRow | undefined> {
	const [row] = await tx.query<PlatformGrantRow>(`${SELECT_GRANT} where id = $1`, [id]);
	return row;
}

/** Makes a grant for every workspace and returns its id. Throws PC_CONFLICT when the same group or role has one. */
export async function insertPlatformGrant(
	tx: PlatformTx,
	{ directory, claim, value, level, managedBy }: Omit<PlatformGrantRow, 'id' | 'version'>,
): Promise<string> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.platform_admin_rule (directory, claim, value, level, managed_by)
		 values ($1, $2, $3, $4, $5) returning id`,
		[directory, claim, value, level, managedBy],
	);
	return row?.id ?? '';
}

/** Removes a grant for every workspace; whether it was still that version. */
export async function deletePlatformGrantById(tx: PlatformTx, id: string, version: number): Promise<boolean> {
	const rows = await tx.query('delete from portcullis.platform_admin_rule where id = $1 and version = $2 returning 1', [
		id,
		version,
	]);
	return rows.length > 0;
}

/** Makes or replaces the grant of a group or role for every workspace. */
export async function putPlatformGrant(
	tx: PlatformTx,
	{ directory, claim, value, level, managedBy }: Omit<PlatformGrantRow, 'id' | 'version'>,
): Promise<void> {
	await tx.query(
		`insert into portcullis.platform_admin_rule (directory, claim, value, level, managed_by)
		 values ($1, $2, $3, $4, $5)
		 on conflict (directory, claim, value) do update set level = $4, managed_by = $5`,
		[directory, claim, value, level, managedBy],
	);
}

/** Removes the grant of a group or role for every workspace. */
export async function deletePlatformGrant(
	tx: PlatformTx,
	{ directory, claim, value }: Pick<DeclaredGrant, 'directory' | 'claim' | 'value'>,
): Promise<void> {
	await tx.query(
		`delete from portcullis.platform_admin_rule
		 where directory is not distinct from $1 and claim = $2 and value = $3`,
		[directory, claim, value],
	);
}

/**
 * Keeps all other changes of what is the platform's waiting until the transaction ends; to be asked first, since every
 * change ends in a lock of this row.
 */
export async function lockPlatform(tx: PlatformTx): Promise<void> {
	await tx.query('select 1 from portcullis.platform_setting for no key update');
}

/** The settings of the platform. */
export async function platformSettings(tx: PlatformTx): Promise<SettingsRow> {
	const [row] = await tx.query<SettingsRow>(
		`select settings, managed_by as "managedBy", version, config_version as "configVersion"
		 from portcullis.platform_setting`,
	);
	return row ?? { settings: {}, managedBy: 'api', version: 0, configVersion: '0' };
}

/** Replaces the settings of the platform. */
export async function setPlatformSettings(tx: PlatformTx, settings: JsonObject, managedBy: Manager): Promise<void> {
	await tx.query('update portcullis.platform_setting set settings = $1, managed_by = $2', [
		JSON.stringify(settings),
		managedBy,
	]);
}

/** Replaces the settings of the platform; whether they were still that version. */
export async function updatePlatformSettings(
	tx: PlatformTx,
	{ settings, managedBy, version }: Omit<SettingsRow, 'configVersion'>,
): Promise<boolean> {
	const rows = await tx.query(
		'update portcullis.platform_setting set settings = $1, managed_by = $2 where version = $3 returning 1',
		[JSON.stringify(settings), managedBy, version],
	);
	return rows.length > 0;
}

/** Where the configuration stands: versions by workspace id, and of the platform itself. */
export interface ConfigVersions {
	readonly platform: string;
	readonly workspaces: ReadonlyMap<string, string>;
}

/** The versions of everything a process may hold a snapshot of. */
export async function configVersions(tx: PlatformTx): Promise<ConfigVersions> {
	const rows = await tx.query<{ id: string; version: string }>(
		`select 'platform' as id, config_version::text as version from portcullis.platform_setting
		 union all
		 (select workspace_id::text, config_version::text from portcullis.workspace order by slug)`,
	);
	const workspaces = new Map(rows.map(({ id, version }) => [id, version]));
	const platform = workspaces.get('platform') ?? '0';
	workspaces.delete('platform');
	return { platform, workspaces };
}
