import { createAuditRoutes } from './audit.ts';
import { createCatalogueRoutes } from './catalogue.ts';
import { createCatalogueServersRoutes } from './catalogue-servers.ts';
import { createConfigRoutes } from './config.ts';
import { createCredentialTestRoutes } from './credential-test.ts';
import { createCredentialsRoutes } from './credentials.ts';
import { createDirectoriesRoutes } from './directories.ts';
import { createExplainRoutes } from './explain.ts';
import { createGrantsRoutes } from './grants.ts';
import { createKeysRoutes } from './keys.ts';
import { ME } from './me.ts';
import { createMembersRoutes } from './members.ts';
import { createOAuthClientRoutes } from './oauth-client.ts';
import { OPEN_WEBUI_CONNECTION } from './open-webui-connection.ts';
import { createOpenWebUiLinksRoutes } from './open-webui-links.ts';
import { createPlatformAuditRoutes } from './platform-audit.ts';
import { createPlatformGrantsRoutes } from './platform-grants.ts';
import { createPlatformSettingsRoutes } from './platform-settings.ts';
import type { ResourceParts } from './resource-parts.ts';
import { createRewrapRoutes } from './rewrap.ts';
import type { Route } from './route.ts';
import { createServersRoutes } from './servers.ts';
import { createToolRulesRoutes } from './tool-rules.ts';
import { createToolsRoutes } from './tools.ts';
import { createToolsetsRoutes } from './toolsets.ts';
import { createUsageRoutes } from './usage.ts';
import { createWorkspacesRoutes } from './workspaces.ts';

const RESOURCES = [
	createWorkspacesRoutes,
	createGrantsRoutes,
	createMembersRoutes,
	createKeysRoutes,
	createOpenWebUiLinksRoutes,
	() => [OPEN_WEBUI_CONNECTION],
	createServersRoutes,
	createOAuthClientRoutes,
	createCatalogueServersRoutes,
	createToolRulesRoutes,
	createCredentialsRoutes,
	createCredentialTestRoutes,
	createRewrapRoutes,
	createToolsRoutes,
	createToolsetsRoutes,
	createAuditRoutes,
	createUsageRoutes,
	createExplainRoutes,
	createDirectoriesRoutes,
	createPlatformGrantsRoutes,
	createPlatformSettingsRoutes,
	createPlatformAuditRoutes,
	createConfigRoutes,
];

/** Every operation of the management API, by resource; without a store only those that need none. */
export function createRoutes(parts: ResourceParts | undefined): readonly Route[] {
	const always = [ME, ...createCatalogueRoutes()];
	return parts === undefined ? always : [...always, ...RESOURCES.flatMap((create) => create(parts))];
}
