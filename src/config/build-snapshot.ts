import { CLIENT_FEATURES } from '../mcp/client-features.ts';
import { canonicalDigest } from './canonical-digest.ts';
import { fillTid } from './cross-faults.ts';
import { deepFreeze } from './deep-freeze.ts';
import type { ConfigFile, ServerEntry } from './file-schema.ts';
import { DEFAULT_UPSTREAM_LIMITS } from './limits.ts';
import type {
	Directory,
	GrantRule,
	PublicNames,
	Server,
	Snapshot,
	ToolRule,
	Transport,
	Workspace,
} from './snapshot.ts';
import { normalOrigin } from './text-rules.ts';

/** The snapshot that a faultless file describes, frozen. */
export function buildSnapshot(file: ConfigFile, version: number): Snapshot {
	const { upstream, ...limits } = file.limits;
	const defaults = { ...DEFAULT_UPSTREAM_LIMITS, ...upstream };
	return deepFreeze({
		version,
		directories: file.directories.map(buildDirectory),
		grantRules: file.grants.map(buildGrantRule),
		workspaces: inSlugOrder(
			file.workspaces,
			(slug, { title, servers }): Workspace => ({
				id: slug,
				slug,
				title: title ?? slug,
				auditMode: 'strict',
				servers: inSlugOrder(servers, (server, entry) => {
					const place = { workspace: slug, workspaceId: slug, slug: server };
					return buildServer({ ...place, limits: { ...defaults, ...entry.limits } }, entry);
				}),
			}),
		),
		limits,
		names: buildNames(file),
	});
}

function buildDirectory({ id, issuer, tenantId, audiences, jwksUrl }: ConfigFile['directories'][number]): Directory {
	return { id, issuer: fillTid(issuer, tenantId), tenantId, audiences, jwksUrl: fillTid(jwksUrl, tenantId) };
}

function buildGrantRule(grant: ConfigFile['grants'][number], index: number): GrantRule {
	const { group, role, workspace, access, directory } = grant;
	return {
		name: `grants[${index}]`,
		directory,
		match: group === undefined ? { claim: 'role', value: role ?? '' } : { claim: 'group', value: group },
		workspace,
		level: access,
	};
}

function buildServer(place: Pick<Server, 'workspace' | 'workspaceId' | 'slug' | 'limits'>, entry: ServerEntry): Server {
	const enabledByDefault = entry.tools.default === 'enabled';
	const server = {
		...place,
		title: entry.title ?? place.slug,
		enabled: entry.enabled,
		transport: buildTransport(entry),
		era: entry.era,
		isolation: entry.isolation,
		clientFeatures: CLIENT_FEATURES.filter((feature) => entry.clientFeatures.includes(feature)),
		toolRules: new Map(
			Object.entries(entry.tools.rules).map(([tool, rule]): [string, ToolRule] => {
				return [tool, { ...rule, enabled: rule.enabled ?? enabledByDefault }];
			}),
		),
		toolsEnabledByDefault: enabledByDefault,
	};
	return { ...server, revision: canonicalDigest(server).slice(0, 16) };
}

function buildTransport(entry: ServerEntry): Transport {
	return entry.transport === 'stdio'
		? { kind: 'stdio', command: entry.command, args: entry.args, cwd: entry.cwd, env: entry.env }
		: { kind: entry.transport, url: entry.url, headers: entry.headers };
}

/** The public URL's own host is allowed without being repeated: an address nobody may use would be no use. */
function buildNames({ publicUrl, hosts, origins }: ConfigFile): PublicNames {
	const url = publicUrl === undefined ? undefined : new URL(publicUrl);
	return {
		url: url?.origin,
		hosts: new Set([...(url ? [url.host] : []), ...hosts.map((host) => host.toLowerCase())]),
		origins: new Set(origins.map(normalOrigin)),
	};
}

function inSlugOrder<In, Out>(
	entries: Readonly<Record<string, In>>,
	build: (slug: string, entry: In) => Out,
): ReadonlyMap<string, Out> {
	const slugs = Object.keys(entries).sort();
	return new Map(slugs.map((slug) => [slug, build(slug, entries[slug] as In)]));
}
