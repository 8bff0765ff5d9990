import { DEFAULT_EDGE_LIMITS } from '../../src/config/limits.ts';
import { DEFAULT_OPEN_API } from '../../src/config/open-api.ts';
import type { Snapshot, ToolRule, Workspace } from '../../src/config/snapshot.ts';

/** A workspace without servers. */
export function workspaceOf(slug: string, parts: Partial<Workspace> = {}): Workspace {
	const empty = { rateLimits: undefined, openApi: DEFAULT_OPEN_API, servers: new Map(), toolsets: new Map() };
	return { id: slug, slug, title: slug, auditMode: 'strict', ...empty, ...parts };
}

/** A snapshot of empty workspaces, where the parts say nothing else. */
export function snapshotOf(slugs: readonly string[], parts: Partial<Snapshot> = {}): Snapshot {
	return {
		...{ version: 1, directories: [], grantRules: [], memberships: new Map(), apiKeys: new Map() },
		...{ openWebUi: new Map(), openWebUiLinks: new Map() },
		workspaces: new Map(slugs.map((slug) => [slug, workspaceOf(slug)])),
		limits: DEFAULT_EDGE_LIMITS,
		names: { url: undefined, hosts: new Set(), origins: new Set() },
		...parts,
	};
}

/** A rule that says nothing but what the parts say. */
export function toolRuleOf(parts: Partial<ToolRule> = {}): ToolRule {
	const nothing = { description: undefined, definitionDigest: undefined };
	return { enabled: true, minimumLevel: 'read', readable: false, ...nothing, ...parts };
}
