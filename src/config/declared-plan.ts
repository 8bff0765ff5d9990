import { canonicalDigest } from './canonical-digest.ts';
import { type Declared, type DeclaredGrant, type DeclaredWorkspace, grantKey, memberKey } from './declared.ts';

/** What a change is about. */
export type ChangedKind = 'settings' | 'directory' | 'grant' | 'member' | 'server' | 'toolset' | 'workspace';

/** One step from a configuration to another. */
export interface Change {
	readonly action: 'create' | 'update' | 'delete';
	readonly kind: ChangedKind;
	/** Slug of the workspace it happens in; `undefined` for the platform. */
	readonly workspace: string | undefined;
	/** Slug or key of the thing; of a workspace, its slug. */
	readonly name: string;
	/** Members that differ, of an update. */
	readonly fields: readonly string[];
	/** The thing as it will be; `undefined` when it goes. */
	readonly after: unknown;
}

/** What a change can be about. */
export type Thing = Pick<Change, 'kind' | 'workspace' | 'name'>;

/** What is planned besides the differences. */
export interface PlanRules {
	/** Whether something that is not wanted any more goes; the rest is left alone. */
	mayDelete(thing: Thing): boolean;
	/** Whether something that is as it is wanted also has the manager it should have. */
	isSettled(thing: Thing): boolean;
}

type Things = Readonly<Record<string, unknown>>;

/** The steps from `current` to `wanted`, in an order that can be carried out: what comes first is needed by what follows. */
export function planChanges(current: Declared, wanted: Declared, rules: PlanRules): readonly Change[] {
	const differ = differIn(rules);
	const platform = [
		...differ('settings', undefined, { platform: current.platform.settings }, { platform: wanted.platform.settings }),
		...differ('directory', undefined, current.platform.directories, wanted.platform.directories),
		...differ('grant', undefined, byKey(current.platform.grants), byKey(wanted.platform.grants)),
	];
	const workspaces = differ('workspace', undefined, heads(current.workspaces), heads(wanted.workspaces));
	const inside = Object.entries(wanted.workspaces).flatMap(([slug, workspace]) => {
		const before = (Object.hasOwn(current.workspaces, slug) && current.workspaces[slug]) || EMPTY;
		return [
			...differ('server', slug, before.servers, workspace.servers),
			...differ('toolset', slug, before.toolsets, workspace.toolsets),
			...differ('grant', slug, byKey(before.grants), byKey(workspace.grants)),
			...differ('member', slug, members(before), members(workspace)),
		];
	});
	const all = [...platform, ...workspaces, ...inside];
	return [...all.filter(({ action }) => action !== 'delete'), ...all.filter(({ action }) => action === 'delete')];
}

const EMPTY: DeclaredWorkspace = {
	...{ title: '', auditMode: '', rateLimits: {}, openApi: {} },
	...{ servers: {}, toolsets: {}, grants: [], members: [] },
};

function heads(workspaces: Declared['workspaces']): Things {
	return Object.fromEntries(
		Object.entries(workspaces).map(([slug, { title, auditMode, rateLimits, openApi }]) => {
			return [slug, { title, auditMode, rateLimits, openApi }];
		}),
	);
}

function byKey(grants: readonly DeclaredGrant[]): Things {
	return Object.fromEntries(grants.map((grant) => [grantKey(grant), grant]));
}

function members({ members }: DeclaredWorkspace): Things {
	return Object.fromEntries(members.map((member) => [memberKey(member), member]));
}

function differIn({ mayDelete, isSettled }: PlanRules) {
	return (kind: ChangedKind, workspace: string | undefined, before: Things, after: Things): readonly Change[] => {
		const changed = Object.entries(after).flatMap(([name, thing]): readonly Change[] => {
			const at = { kind, workspace, name, after: thing };
			if (!Object.hasOwn(before, name)) return [{ ...at, action: 'create', fields: [] }];
			const differing = changedFields(before[name], thing);
			const fields = differing.length > 0 || isSettled(at) ? differing : ['managedBy'];
			return fields.length === 0 ? [] : [{ ...at, action: 'update', fields }];
		});
		const gone = Object.keys(before)
			.filter((name) => !Object.hasOwn(after, name) && mayDelete({ kind, workspace, name }))
			.map((name): Change => ({ action: 'delete', kind, workspace, name, fields: [], after: undefined }));
		return [...changed, ...gone];
	};
}

/** Names of members that differ between two objects, sorted. */
export function changedFields(before: unknown, after: unknown): readonly string[] {
	const [a, b] = [before, after] as [Things, Things];
	const names = new Set([...Object.keys(a), ...Object.keys(b)]);
	return [...names].filter((name) => canonicalDigest(a[name] ?? null) !== canonicalDigest(b[name] ?? null)).sort();
}
