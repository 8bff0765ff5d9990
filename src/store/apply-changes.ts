import type {
	DeclaredDirectory,
	DeclaredGrant,
	DeclaredMember,
	DeclaredServer,
	DeclaredToolset,
	DeclaredWorkspace,
	JsonObject,
} from '../config/declared.ts';
import type { Change } from '../config/declared-plan.ts';
import { changeEntry } from './change-entry.ts';
import { appendAudit } from './queries/audit-chain.ts';
import { deleteGrant, insertGrantRule, setGrantLevel } from './queries/grant-rule.ts';
import { deleteMembership, insertMembership, updateMembership } from './queries/membership.ts';
import {
	deleteDirectory,
	deletePlatformGrant,
	lockPlatform,
	putDirectory,
	putPlatformGrant,
	setPlatformSettings,
} from './queries/platform.ts';
import type { Manager } from './queries/rows.ts';
import { deleteServer, insertServer, type ServerValues, serverBySlug, updateServer } from './queries/server.ts';
import { replaceToolRules } from './queries/tool-rule.ts';
import { deleteToolset, insertToolset, updateToolset } from './queries/toolset.ts';
import { eraseWorkspace, insertWorkspace, lockOwnWorkspace, updateWorkspace } from './queries/workspace.ts';
import type { Store } from './store.ts';
import type { PlatformTx, WorkspaceTx } from './tx.ts';

/** Who carries out changes, and who manages what they leave. */
export interface Applying {
	/** Names the run in the audit. */
	readonly request: string;
	readonly actor: string;
	readonly managedBy: Manager;
	/** Workspace ids by slug, before the changes. */
	readonly ids: ReadonlyMap<string, string>;
}

const REASON = 'apply-configuration';

/**
 * Carries out changes in their order: the platform's in one transaction, those of each workspace in one of its own,
 * each with its records. What fails leaves no part of its transaction behind, and everything after it undone; the same
 * plan made anew then holds the rest. Throws PC_CONFLICT when somebody else changed the same at the same time.
 */
export async function applyChanges(store: Store, changes: readonly Change[], applying: Applying): Promise<void> {
	const platform = changes.filter(({ workspace }) => workspace === undefined);
	const [kept, gone] = [platform.filter((change) => !isErasure(change)), platform.filter(isErasure)];
	const ids = new Map(applying.ids);
	if (kept.length > 0) {
		await store.asPlatform({ reason: REASON, actor: applying.actor }, async (tx) => {
			await lockPlatform(tx);
			for (const change of kept) await changePlatform(tx, change, { ...applying, ids });
			await record(tx, kept, applying);
		});
	}
	for (const [slug, theirs] of byWorkspace(changes)) {
		await store.withWorkspace(ids.get(slug) ?? '', REASON, async (tx) => {
			await lockOwnWorkspace(tx);
			for (const change of theirs) await changeInside(tx, change, applying.managedBy);
			await record(tx, theirs, applying);
		});
	}
	for (const change of gone) await erase(store, change, { ...applying, ids });
}

const isErasure = ({ kind, action }: Change): boolean => kind === 'workspace' && action === 'delete';

async function erase(store: Store, change: Change, applying: Applying): Promise<void> {
	const erased = applying.ids.get(change.name) ?? '';
	await store.asPlatform({ reason: REASON, actor: applying.actor, erased }, async (tx) => {
		await eraseWorkspace(tx, erased);
		await record(tx, [change], applying);
	});
}

function byWorkspace(changes: readonly Change[]): ReadonlyMap<string, readonly Change[]> {
	const grouped = new Map<string, Change[]>();
	for (const change of changes) {
		if (change.workspace === undefined) continue;
		const theirs = grouped.get(change.workspace) ?? [];
		grouped.set(change.workspace, theirs);
		theirs.push(change);
	}
	return grouped;
}

async function record(tx: WorkspaceTx | PlatformTx, changes: readonly Change[], applying: Applying): Promise<void> {
	const { request, actor } = applying;
	const entries = changes.map(({ kind, action, name, fields }, index) =>
		changeEntry({ request, index, actor, action: `${kind}.${action}`, object: name, fields }),
	);
	await appendAudit(tx, entries);
}

async function changePlatform(
	tx: PlatformTx,
	{ kind, action, name, after }: Change,
	{ managedBy, ids }: Applying & { readonly ids: Map<string, string> },
): Promise<void> {
	const isDeletion = action === 'delete';
	if (kind === 'settings') return setPlatformSettings(tx, (after ?? {}) as JsonObject, managedBy);
	if (kind === 'directory') {
		if (isDeletion) return void (await deleteDirectory(tx, name));
		return putDirectory(tx, { id: name, ...(after as DeclaredDirectory), managedBy });
	}
	if (kind === 'grant') {
		if (isDeletion) return deletePlatformGrant(tx, grantFrom(name));
		return putPlatformGrant(tx, { ...(after as DeclaredGrant), managedBy });
	}
	const head = after as Pick<DeclaredWorkspace, 'title' | 'auditMode' | 'rateLimits' | 'openApi'>;
	const known = ids.get(name);
	if (known === undefined) ids.set(name, await insertWorkspace(tx, { slug: name, ...head, managedBy }));
	else await updateWorkspace(tx, { workspaceId: known, ...head, managedBy });
}

async function changeInside(tx: WorkspaceTx, change: Change, managedBy: Manager): Promise<void> {
	if (change.kind === 'server') return changeServer(tx, change, managedBy);
	if (change.kind === 'toolset') return changeToolset(tx, change, managedBy);
	if (change.kind === 'grant') return changeGrant(tx, change, managedBy);
	return changeMember(tx, change, managedBy);
}

async function changeServer(tx: WorkspaceTx, { action, name, after }: Change, managedBy: Manager): Promise<void> {
	if (action === 'delete') return void (await deleteServer(tx, name));
	const { rules, ...server } = after as DeclaredServer;
	const values: ServerValues = { ...server, slug: name, catalogueId: null, managedBy };
	const known = await serverBySlug(tx, name);
	const serverId = known?.id ?? (await insertServer(tx, values));
	if (known !== undefined) await updateServer(tx, { ...values, catalogueId: known.catalogueId });
	await replaceToolRules(tx, { serverId, managedBy }, rules);
}

async function changeToolset(tx: WorkspaceTx, { action, name, after }: Change, managedBy: Manager): Promise<void> {
	if (action === 'delete') return void (await deleteToolset(tx, name));
	const values = { slug: name, ...(after as DeclaredToolset), managedBy };
	const isThere = await updateToolset(tx, values);
	if (!isThere) await insertToolset(tx, values);
}

async function changeGrant(tx: WorkspaceTx, { action, name, after }: Change, managedBy: Manager): Promise<void> {
	if (action === 'delete') return deleteGrant(tx, grantFrom(name));
	const values = { ...(after as DeclaredGrant), managedBy };
	const isThere = await setGrantLevel(tx, values);
	if (!isThere) await insertGrantRule(tx, values);
}

async function changeMember(tx: WorkspaceTx, { action, name, after }: Change, managedBy: Manager): Promise<void> {
	if (action === 'delete') {
		const [issuer, tid, oid] = JSON.parse(name) as [string, string, string];
		return void (await deleteMembership(tx, { issuer, tid, oid }));
	}
	const values = { ...(after as DeclaredMember), managedBy };
	const isThere = await updateMembership(tx, values);
	if (!isThere) await insertMembership(tx, values);
}

function grantFrom(key: string): Pick<DeclaredGrant, 'directory' | 'claim' | 'value'> {
	const [directory, claim, value] = JSON.parse(key) as [string | null, 'group' | 'role', string];
	return { directory, claim, value };
}
