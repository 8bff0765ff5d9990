import type { DeclaredDirectory, DeclaredGrant, JsonObject } from '../../config/declared.ts';
import type { PlatformTx } from '../tx.ts';
import type { Manager } from './rows.ts';

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

/** Directories in id order. */
export function listDirectories(tx: PlatformTx): Promise<readonly DirectoryRow[]> {
	return tx.query(
		`select id, issuer, tenant_id as "tenantId", audiences, jwks_url as "jwksUrl", managed_by as "managedBy", version
		 from portcullis.directory order by id`,
	);
}

/** Makes or replaces a directory. Throws PC_CONFLICT when another has its issuer. */
export async function putDirectory(tx: PlatformTx, directory: Omit<DirectoryRow, 'version'>): Promise<void> {
	await tx.query(
		`insert into portcullis.directory (id, issuer, tenant_id, audiences, jwks_url, managed_by)
		 values ($1, $2, $3, $4, $5, $6)
		 on conflict (id) do update set issuer = $2, tenant_id = $3, audiences = $4, jwks_url = $5, managed_by = $6`,
		[directory.id, directory.issuer, directory.tenantId, directory.audiences, directory.jwksUrl, directory.managedBy],
	);
}

/** Removes a directory. */
export async function deleteDirectory(tx: PlatformTx, id: string): Promise<void> {
	await tx.query('delete from portcullis.directory where id = $1', [id]);
}

/** Grants for every workspace. */
export function listPlatformGrants(tx: PlatformTx): Promise<readonly PlatformGrantRow[]> {
	return tx.query(
		`select id, directory, claim, value, level, managed_by as "managedBy", version
		 from portcullis.platform_admin_rule order by claim, value, directory nulls first`,
	);
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
