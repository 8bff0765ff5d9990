import { createAuditRoutes } from './audit.ts';
import { createExplainRoutes } from './explain.ts';
import { ME } from './me.ts';
import { createPlatformAuditRoutes } from './platform-audit.ts';
import type { ResourceParts } from './resource-parts.ts';
import type { Route } from './route.ts';
import { createToolsRoutes } from './tools.ts';
import { createUsageRoutes } from './usage.ts';

/** Every operation of the management API, by resource; without a store only those that need none. */
export function createRoutes(parts: ResourceParts | undefined): readonly Route[] {
	if (parts === undefined) return [ME];
	const resources = [
		createAuditRoutes,
		createPlatformAuditRoutes,
		createUsageRoutes,
		createExplainRoutes,
		createToolsRoutes,
	];
	return [ME, ...resources.flatMap((create) => create(parts))];
}
