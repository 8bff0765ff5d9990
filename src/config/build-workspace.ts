import { CLIENT_FEATURES } from '../mcp/client-features.ts';
import { canonicalDigest } from './canonical-digest.ts';
import { deepFreeze } from './deep-freeze.ts';
import type { ServerEntry, WorkspaceEntry } from './file-schema.ts';
import { oauthOf } from './oauth-schema.ts';
import { buildOpenApi } from './open-api.ts';
import { buildRateLimits, type RateLimitsEntry } from './rate-limits.ts';
import { inSlugOrder } from './slug-order.ts';
import type { Server, ToolRule, Toolset, Transport, UpstreamLimits, Workspace } from './snapshot.ts';

/** What a workspace is built of: a validated entry, which may come from a file or from anywhere else. */
export interface WorkspaceParts {
	/** Never given to another workspace. */
	readonly id: string;
	readonly slug: string;
	/** What it says of members is not part of the workspace (`membershipsOf`). */
	readonly entry: Omit<WorkspaceEntry, 'members'>;
	/** Limits of its servers where they say nothing else. */
	readonly defaults: UpstreamLimits;
	/** Why servers, by slug, cannot be used in this process. */
	readonly faults?: ReadonlyMap<string, string>;
	/** Limits of calls where it says nothing else. */
	readonly rate: RateLimitsEntry;
}

/** The workspace that a faultless entry describes, frozen. */
export function buildWorkspace(parts: WorkspaceParts): Workspace {
	const { id, slug, entry } = parts;
	return deepFreeze({
		id,
		slug,
		title: entry.title ?? slug,
		auditMode: entry.audit,
		rateLimits: buildRateLimits(parts.rate, entry.rateLimits),
		openApi: buildOpenApi(entry.openApi),
		servers: inSlugOrder(Object.entries(entry.servers), (server, each) => buildServer(parts, server, each)),
		toolsets: inSlugOrder(Object.entries(entry.toolsets), buildToolset),
	});
}

function buildServer(parts: WorkspaceParts, slug: string, entry: ServerEntry): Server {
	const enabledByDefault = entry.tools.default === 'enabled';
	const reached = {
		workspace: parts.slug,
		workspaceId: parts.id,
		slug,
		enabled: entry.enabled,
		fault: parts.faults?.get(slug),
		transport: buildTransport(entry),
		era: entry.era,
		isolation: entry.isolation,
		credential: entry.credential,
		clientFeatures: CLIENT_FEATURES.filter((feature) => entry.clientFeatures.includes(feature)),
		limits: { ...parts.defaults, ...entry.limits },
	};
	return {
		...reached,
		// Only of what decides how the server is reached: a changed rule must not end sessions and child processes.
		revision: canonicalDigest(reached).slice(0, 16),
		title: entry.title ?? slug,
		toolRules: new Map(
			Object.entries(entry.tools.rules).map(([tool, rule]) => [tool, buildToolRule(rule, enabledByDefault)]),
		),
		toolsEnabledByDefault: enabledByDefault,
	};
}

type RuleEntry = ServerEntry['tools']['rules'][string];

function buildToolRule(rule: RuleEntry, enabledByDefault: boolean): ToolRule {
	const { enabled = enabledByDefault, minimumLevel, readable, description, definitionDigest } = rule;
	return { enabled, minimumLevel, readable, description, definitionDigest };
}

function buildTransport(entry: ServerEntry): Transport {
	if (entry.transport === 'stdio') {
		return { kind: 'stdio', ...programOf(entry), args: entry.args, cwd: entry.cwd, env: entry.env };
	}
	if (entry.transport === 'openapi') {
		const { transport, url, headers, baseUrl, operations } = entry;
		return { kind: transport, url, headers, baseUrl, operations };
	}
	const { transport, url, headers, oauth } = entry;
	const network = { kind: transport, url: url.url, urlTemplate: url.template, headers };
	return oauth === undefined ? network : { ...network, oauth: oauthOf(oauth) };
}

function programOf({ command = '', runtime }: Extract<ServerEntry, { transport: 'stdio' }>) {
	return { command, runtime };
}

function buildToolset(slug: string, { title, tools }: WorkspaceEntry['toolsets'][string]): Toolset {
	const byServer = new Map<string, Set<string>>();
	for (const path of tools) {
		const slash = path.indexOf('/');
		const server = path.slice(0, slash);
		const names = byServer.get(server) ?? new Set<string>();
		byServer.set(server, names.add(path.slice(slash + 1)));
	}
	return { slug, title: title ?? slug, tools: inSlugOrder(byServer, (_, names) => names) };
}
