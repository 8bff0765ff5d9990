import type {
	DeclaredGrant,
	DeclaredMember,
	DeclaredRule,
	DeclaredServer,
	DeclaredWorkspace,
	JsonObject,
} from '../../config/declared.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { ConfiguredKey } from './api-key.ts';
import type { OpenWebUiLink } from './open-webui-link.ts';
import type { Manager } from './rows.ts';

/** Everything a snapshot of a workspace is made of, read in one statement, so that it is of one moment. */
export interface WorkspaceConfig {
	readonly workspaceId: string;
	readonly slug: string;
	/** A whole number as text. */
	readonly configVersion: string;
	readonly declared: DeclaredWorkspace;
	/** What only the file may change: `workspace`, `server:jira`, `toolset:…`, `grant:<key>`, `member:<key>`. */
	readonly fileManaged: readonly string[];
	/** Never part of what a file declares. */
	readonly apiKeys: readonly ConfiguredKey[];
	/** No part of it either. */
	readonly openWebUiLinks: readonly OpenWebUiLink[];
}

interface Row {
	readonly slug: string;
	readonly configVersion: string;
	readonly title: string;
	readonly auditMode: string;
	readonly rateLimits: JsonObject;
	readonly openApi: JsonObject;
	readonly managedBy: Manager;
	readonly servers: readonly (Omit<DeclaredServer, 'rules'> & {
		readonly slug: string;
		readonly managedBy: Manager;
		readonly rules: readonly (DeclaredRule & { readonly tool: string })[];
	})[];
	readonly toolsets: readonly {
		readonly slug: string;
		readonly title: string | null;
		readonly managedBy: Manager;
		readonly tools: readonly string[];
	}[];
	readonly grants: readonly (DeclaredGrant & { readonly managedBy: Manager })[];
	readonly members: readonly (DeclaredMember & { readonly managedBy: Manager })[];
	readonly apiKeys: readonly ConfiguredKey[];
	readonly openWebUiLinks: readonly OpenWebUiLink[];
}

/** The configuration of the transaction's workspace; `undefined` when it is gone. */
export async function readWorkspaceConfig(tx: WorkspaceTx): Promise<WorkspaceConfig | undefined> {
	const [row] = await tx.query<Row>(
		`select w.slug, w.config_version::text as "configVersion", w.title, w.audit_mode as "auditMode",
			w.rate_limits as "rateLimits", w.open_api as "openApi",
			w.managed_by as "managedBy",
			(select coalesce(json_agg(json_build_object(
				'slug', s.slug, 'title', s.title, 'transport', s.transport, 'endpoint', s.endpoint, 'era', s.era,
				'isolation', s.isolation, 'clientFeatures', s.client_features, 'limits', s.limits,
				'toolsDefault', s.tools_default, 'enabled', s.enabled, 'managedBy', s.managed_by,
				'rules', (select coalesce(json_agg(json_build_object(
					'tool', r.tool, 'enabled', r.enabled, 'minimumLevel', r.minimum_level, 'readable', r.readable,
					'description', r.description, 'definitionDigest', r.definition_digest
				) order by r.tool), '[]') from portcullis.tool_rule r
				where r.workspace_id = s.workspace_id and r.server_id = s.id)
			) order by s.slug), '[]') from portcullis.server s where s.workspace_id = w.workspace_id) as servers,
			(select coalesce(json_agg(json_build_object(
				'slug', t.slug, 'title', t.title, 'managedBy', t.managed_by, 'tools', (
					select coalesce(json_agg(s.slug || '/' || m.tool order by s.slug || '/' || m.tool collate "C"), '[]')
					from portcullis.toolset_tool m
					join portcullis.server s on s.workspace_id = m.workspace_id and s.id = m.server_id
					where m.workspace_id = t.workspace_id and m.toolset_id = t.id)
			) order by t.slug), '[]') from portcullis.toolset t where t.workspace_id = w.workspace_id) as toolsets,
			(select coalesce(json_agg(json_build_object(
				'directory', g.directory, 'claim', g.claim, 'value', g.value, 'level', g.level, 'managedBy', g.managed_by
			) order by g.claim, g.value, g.directory), '[]')
			from portcullis.grant_rule g where g.workspace_id = w.workspace_id) as grants,
			(select coalesce(json_agg(json_build_object(
				'issuer', p.issuer, 'tid', p.tid, 'oid', p.oid, 'name', p.name, 'level', p.level, 'managedBy', p.managed_by
			) order by p.oid, p.tid, p.issuer), '[]')
			from portcullis.membership p where p.workspace_id = w.workspace_id) as members,
			(select coalesce(json_agg(json_build_object(
				'id', k.id, 'digest', encode(k.digest, 'hex'), 'kind', k.kind, 'name', k.name, 'level', k.level,
				'issuer', k.issuer, 'tid', k.tid, 'oid', k.oid, 'servers', k.servers, 'networks', k.networks,
				'settings', k.settings, 'expiresAt', floor(extract(epoch from k.expires_at) * 1000)
			) order by k.id), '[]') from portcullis.api_key k where k.workspace_id = w.workspace_id) as "apiKeys",
			(select coalesce(json_agg(json_build_object(
				'instance', l.instance, 'subject', l.subject, 'email', l.email, 'issuer', l.issuer, 'tid', l.tid, 'oid', l.oid,
				'name', l.name
			) order by l.id), '[]') from portcullis.open_webui_link l where l.workspace_id = w.workspace_id) as "openWebUiLinks"
		 from portcullis.workspace w where w.workspace_id = $1`,
		[tx.workspaceId],
	);
	return row && configOf(tx.workspaceId, row);
}

function configOf(workspaceId: string, row: Row): WorkspaceConfig {
	return {
		workspaceId,
		slug: row.slug,
		configVersion: row.configVersion,
		declared: {
			title: row.title,
			auditMode: row.auditMode,
			rateLimits: row.rateLimits,
			openApi: row.openApi,
			servers: Object.fromEntries(row.servers.map((server) => [server.slug, serverOf(server)])),
			toolsets: Object.fromEntries(row.toolsets.map(({ slug, title, tools }) => [slug, { title, tools }])),
			grants: row.grants.map(({ managedBy: _, ...grant }) => grant),
			members: row.members.map(({ managedBy: _, ...member }) => member),
		},
		fileManaged: fileManagedOf(row),
		apiKeys: row.apiKeys,
		openWebUiLinks: row.openWebUiLinks,
	};
}

function serverOf({ slug: _, managedBy: __, rules, ...server }: Row['servers'][number]): DeclaredServer {
	return { ...server, rules: Object.fromEntries(rules.map(({ tool, ...rule }) => [tool, rule])) };
}

function fileManagedOf({ managedBy, servers, toolsets, grants, members }: Row): readonly string[] {
	const all = [
		['workspace', managedBy],
		...servers.map(({ slug, managedBy }) => [`server:${slug}`, managedBy]),
		...toolsets.map(({ slug, managedBy }) => [`toolset:${slug}`, managedBy]),
		...grants.map(({ directory, claim, value, managedBy }) => [
			`grant:${JSON.stringify([directory, claim, value])}`,
			managedBy,
		]),
		...members.map(({ issuer, tid, oid, managedBy }) => [`member:${JSON.stringify([issuer, tid, oid])}`, managedBy]),
	];
	return all.flatMap(([name, manager]) => (manager === 'file' && name !== undefined ? [name] : []));
}
