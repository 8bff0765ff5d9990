import { ofWorkspaces, type Table } from './row-maker.ts';

/** The two workspaces of the tests, and the platform, which is no workspace. */
export const A = 'aaaaaaaa-0000-4000-8000-000000000001';
/** See `A`. */
export const B = 'bbbbbbbb-0000-4000-8000-000000000002';
/** See `A`. */
export const NIL = '00000000-0000-0000-0000-000000000000';

/** The roles whose rights are tried. */
export const ROLES = ['portcullis_app', 'portcullis_platform', 'portcullis_owner'] as const;
/** One of the roles. */
export type Role = (typeof ROLES)[number];

/** What a role does to rows, as rights name it. */
export type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** What a transaction says of itself. */
export interface Context {
	readonly name: string;
	readonly settings: Readonly<Record<string, string>>;
}

const naming = (setting: string): readonly Context[] =>
	[
		['own', A],
		['other', B],
		['empty text', ''],
		['malformed', `${A}'--`],
		['of the platform', NIL],
	].map(([name, value]) => ({ name: `${setting} ${name}`, settings: { [setting]: value! } }));

/** Contexts to try, as seen from workspace A. "none" comes first: once set, a setting is never unset in its session. */
export const CONTEXTS: readonly Context[] = [
	{ name: 'none', settings: {} },
	...naming('app.workspace_id'),
	...naming('app.erased_workspace'),
];

/** Whose rows a role reaches: everybody's, the platform's, those of the workspace it named, of the one it takes away. */
type Reach = 'all' | 'platform' | 'own' | 'erased';
type Reaches = Readonly<Record<Right, readonly Reach[]>>;

const every = (...reaches: readonly Reach[]): Reaches => ({
	SELECT: reaches,
	INSERT: reaches,
	UPDATE: reaches,
	DELETE: reaches,
});

const NOTHING = every();

/** The rules, in our words: not read from the policies, which are what is tried. */
const PLATFORM_REACHES: Readonly<Record<string, Reaches>> = {
	workspace: every('all'),
	audit_event: { SELECT: ['platform', 'erased'], INSERT: ['platform'], UPDATE: [], DELETE: ['erased'] },
	audit_chain: { SELECT: ['platform', 'erased'], INSERT: ['platform'], UPDATE: ['platform'], DELETE: ['erased'] },
	idempotency_key: {
		SELECT: ['platform', 'erased'],
		INSERT: ['platform'],
		UPDATE: ['platform'],
		DELETE: ['platform', 'erased'],
	},
	usage_hour: { SELECT: ['all'], INSERT: ['platform'], UPDATE: ['platform'], DELETE: ['all'] },
};

function reachesOf(role: Role, table: Table): Reaches {
	if (table.name === 'migration') return role === 'portcullis_owner' ? every('all') : { ...NOTHING, SELECT: ['all'] };
	if (role === 'portcullis_app') return ofWorkspaces(table) ? every('own') : NOTHING;
	if (role === 'portcullis_owner') return NOTHING;
	return ofWorkspaces(table) ? (PLATFORM_REACHES[table.name] ?? NOTHING) : every('all');
}

/** Whether the role may, in this context, do this to rows of this workspace. */
export interface Question {
	readonly role: Role;
	readonly table: Table;
	readonly right: Right;
	readonly context: Context;
	/** `undefined`: a row of no workspace. */
	readonly workspaceId: string | undefined;
}

/** The answer of the rules. */
export function isReached({ role, table, right, context, workspaceId }: Question): boolean {
	const named = { own: context.settings['app.workspace_id'], erased: context.settings['app.erased_workspace'] };
	return reachesOf(role, table)[right].some((reach) => {
		if (reach === 'all') return true;
		if (reach === 'platform') return workspaceId === NIL;
		return workspaceId !== NIL && workspaceId === named[reach];
	});
}
