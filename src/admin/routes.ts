import { createDirectoriesRoutes } from './directories.ts';
import { createGrantsRoutes } from './grants.ts';
import { ME } from './me.ts';
import { createMembersRoutes } from './members.ts';
import { createPlatformGrantsRoutes } from './platform-grants.ts';
import { createPlatformSettingsRoutes } from './platform-settings.ts';
import type { ResourceParts } from './resource-parts.ts';
import type { Route } from './route.ts';
import { createServersRoutes } from './servers.ts';
import { createToolRulesRoutes } from './tool-rules.ts';
import { createToolsetsRoutes } from './toolsets.ts';
import { createWorkspacesRoutes } from './workspaces.ts';

/** Every operation of the management API, by resource; without a store only those that need none. */
export function createRoutes(parts: ResourceParts | undefined): readonly Route[] {
	if (parts === undefined) return [ME];
	return [
		ME,
		...createWorkspacesRoutes(parts),
		...createGrantsRoutes(parts),
		...createMembersRoutes(parts),
		...createServersRoutes(parts),
		...createToolRulesRoutes(parts),
		...createToolsetsRoutes(parts),
		...createDirectoriesRoutes(parts),
		...createPlatformGrantsRoutes(parts),
		...createPlatformSettingsRoutes(parts),
	];
}
