import type { Declared, DeclaredGrant, DeclaredWorkspace } from '../config/declared.ts';
import { grantKey } from '../config/declared.ts';
import { listDirectories, listPlatformGrants, platformSettings } from './queries/platform.ts';
import { listWorkspaces } from './queries/workspace.ts';
import { readWorkspaceConfig } from './queries/workspace-config.ts';
import type { Store } from './store.ts';
import type { PlatformReason } from './tx.ts';

/** What a store declares, where each workspace is kept, and what only a file may change. */
export interface StoredConfig {
	readonly declared: Declared;
	/** Workspace ids by slug. */
	readonly ids: ReadonlyMap<string, string>;
	/** Whether a thing is managed by the file; platform things have no workspace. */
	isFileManaged(thing: {
		readonly workspace: string | undefined;
		readonly kind: string;
		readonly name: string;
	}): boolean;
}

/** Reads everything that is configured. It crosses workspaces, so it needs a reason and somebody who wants it. */
export async function readStoredConfig(store: Store, why: PlatformReason): Promise<StoredConfig> {
	const platform = await store.asPlatform(why, async (tx) => ({
		settings: await platformSettings(tx),
		directories: await listDirectories(tx),
		grants: await listPlatformGrants(tx),
		workspaces: await listWorkspaces(tx),
	}));
	const managed = new Set(platformManaged(platform));
	const workspaces: Record<string, DeclaredWorkspace> = {};
	for (const { workspaceId, slug } of platform.workspaces) {
		const config = await store.withWorkspace(workspaceId, why.reason, readWorkspaceConfig);
		if (config === undefined) continue;
		workspaces[slug] = config.declared;
		for (const name of config.fileManaged) managed.add(name === 'workspace' ? `workspace:${slug}` : `${slug}/${name}`);
	}
	return {
		declared: {
			platform: {
				settings: platform.settings.settings,
				directories: Object.fromEntries(
					platform.directories.map(({ id, issuer, tenantId, audiences, jwksUrl, settings }) => {
						return [id, { issuer, tenantId, audiences, jwksUrl, settings }];
					}),
				),
				grants: platform.grants.map(grantOf),
			},
			workspaces,
		},
		ids: new Map(platform.workspaces.map(({ slug, workspaceId }) => [slug, workspaceId])),
		isFileManaged: ({ workspace, kind, name }) => {
			return managed.has(workspace === undefined ? `${kind}:${name}` : `${workspace}/${kind}:${name}`);
		},
	};
}

function grantOf({ directory, claim, value, level }: DeclaredGrant): DeclaredGrant {
	return { directory, claim, value, level };
}

type Managed = { readonly managedBy: string };

function platformManaged(platform: {
	readonly settings: Managed;
	readonly directories: readonly (Managed & { readonly id: string })[];
	readonly grants: readonly (Managed & DeclaredGrant)[];
}): readonly string[] {
	const all: readonly (readonly [string, Managed])[] = [
		['settings:platform', platform.settings],
		...platform.directories.map((directory) => [`directory:${directory.id}`, directory] as const),
		...platform.grants.map((grant) => [`grant:${grantKey(grant)}`, grant] as const),
	];
	return all.filter(([, { managedBy }]) => managedBy === 'file').map(([name]) => name);
}
