import { createAuditRoutes } from './audit.ts';
import { createConfigRoutes } from './config.ts';
import { createExplainRoutes } from './explain.ts';
import { createGrantsRoutes } from './grants.ts';
import { ME } from './me.ts';
import { createMembersRoutes } from './members.ts';
import { createPlatformAuditRoutes } from './platform-audit.ts';
import type { ResourceParts } from './resource-parts.ts';
import type { Route } from './route.ts';
import { createServersRoutes } from './servers.ts';
import { createToolsRoutes } from './tools.ts';
import { createUsageRoutes } from './usage.ts';
import { createWorkspacesRoutes } from './workspaces.ts';

const RESOURCES = [
	createWorkspacesRoutes,
	createGrantsRoutes,
	createMembersRoutes,
	createServersRoutes,
	createToolsRoutes,
	createAuditRoutes,
	createPlatformAuditRoutes,
	createUsageRoutes,
	createExplainRoutes,
	createConfigRoutes,
];

/** Every operation of the management API, by resource; without a store only those that need none. */
export function createRoutes(parts: ResourceParts | undefined): readonly Route[] {
	return parts === undefined ? [ME] : [ME, ...RESOURCES.flatMap((create) => create(parts))];
}
