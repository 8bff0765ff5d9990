import { buildWorkspace } from './build-workspace.ts';
import { fillTid } from './cross-faults.ts';
import { deepFreeze } from './deep-freeze.ts';
import type { DirectoryEntry } from './directory-schema.ts';
import type { ConfigFile, SettingsEntry } from './file-schema.ts';
import { DEFAULT_UPSTREAM_LIMITS } from './limits.ts';
import { byHolder, membershipsOf } from './memberships.ts';
import { buildInstance } from './open-webui.ts';
import type { RateLimitsEntry } from './rate-limits.ts';
import { inSlugOrder } from './slug-order.ts';
import type {
	Directory,
	GrantRule,
	PublicNames,
	SignInAccess,
	Snapshot,
	UpstreamLimits,
	Workspace,
} from './snapshot.ts';
import { normalOrigin } from './text-rules.ts';

/** The snapshot that a faultless file describes, frozen. The id of a workspace is its slug. */
export function buildSnapshot(file: ConfigFile, version: number): Snapshot {
	const { limits, names, openWebUi, defaults, rate } = buildSettings(file);
	const directories = file.directories.map(buildDirectory);
	const workspaces = Object.entries(file.workspaces);
	return assembleSnapshot({
		version,
		directories,
		grantRules: file.grants.map(buildGrantRule),
		memberships: byHolder(workspaces.flatMap(([slug, { members }]) => membershipsOf(slug, members, directories))),
		apiKeys: new Map(),
		openWebUi,
		openWebUiLinks: new Map(),
		workspaces: workspaces.map(([slug, entry]) => buildWorkspace({ id: slug, slug, entry, defaults, rate })),
		limits,
		names,
	});
}

/** What the settings come to. */
export interface BuiltSettings extends Pick<Snapshot, 'limits' | 'names' | 'openWebUi'> {
	/** Limits of servers that say nothing else. */
	readonly defaults: UpstreamLimits;
	/** Limits of calls of workspaces that say nothing else. */
	readonly rate: RateLimitsEntry;
}

/** Limits and names as their entry describes them, defaults filled in. */
export function buildSettings(entry: SettingsEntry): BuiltSettings {
	const { upstream, rate, ...limits } = entry.limits;
	const openWebUi = inSlugOrder(Object.entries(entry.openWebUi), buildInstance);
	const defaults = { ...DEFAULT_UPSTREAM_LIMITS, ...upstream };
	return { limits, names: buildNames(entry), openWebUi, defaults, rate };
}

/** Parts of a snapshot; the workspaces come in any order. */
export interface SnapshotParts extends Omit<Snapshot, 'workspaces'> {
	readonly workspaces: Iterable<Workspace>;
}

/** A snapshot of these parts, frozen. Those that were frozen before stay the same objects. */
export function assembleSnapshot(parts: SnapshotParts): Snapshot {
	const named = Array.from(parts.workspaces, (workspace) => [workspace.slug, workspace] as const);
	return deepFreeze({ ...parts, workspaces: inSlugOrder(named, (_, workspace) => workspace) });
}

/** A directory as its entry describes it. */
export function buildDirectory({ issuer, jwksUrl, v1Issuer, graph, signIn, ...entry }: DirectoryEntry): Directory {
	const fill = (address: string): string => fillTid(address, entry.tenantId);
	return {
		...entry,
		issuer: fill(issuer),
		jwksUrl: fill(jwksUrl),
		...(v1Issuer !== undefined && { v1Issuer: fill(v1Issuer) }),
		...(graph !== undefined && { graph: { ...graph, tokenUrl: fill(graph.tokenUrl) } }),
		...(signIn !== undefined && { signIn: buildSignIn(signIn, fill) }),
	};
}

function buildSignIn(
	{ authorizeUrl, tokenUrl, idTokenIssuer, ...entry }: NonNullable<DirectoryEntry['signIn']>,
	fill: (address: string) => string,
): SignInAccess {
	const issuer = idTokenIssuer === undefined ? {} : { idTokenIssuer: fill(idTokenIssuer) };
	return { ...entry, ...issuer, authorizeUrl: fill(authorizeUrl), tokenUrl: fill(tokenUrl) };
}

/** The rule at this place of the file's grants. */
export function buildGrantRule(grant: ConfigFile['grants'][number], index: number): GrantRule {
	const { group, role, workspace, access, directory } = grant;
	return {
		name: `grants[${index}]`,
		directory,
		match: group === undefined ? { claim: 'role', value: role ?? '' } : { claim: 'group', value: group },
		workspace,
		level: access,
	};
}

/** The public URL's own host is allowed without being repeated: an address nobody may use would be no use. */
function buildNames({ publicUrl, hosts, origins }: SettingsEntry): PublicNames {
	const url = publicUrl === undefined ? undefined : new URL(publicUrl);
	return {
		url: url?.origin,
		hosts: new Set([...(url ? [url.host] : []), ...hosts.map((host) => host.toLowerCase())]),
		origins: new Set(origins.map(normalOrigin)),
	};
}
