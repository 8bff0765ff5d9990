import type { Method, Route } from '../../src/admin/route.ts';

/** Somebody who asks the management API, and what they hold in the workspace `google`. */
export interface Actor {
	readonly name: string;
	/** Groups of the token; `undefined`: no token at all. */
	readonly groups: readonly string[] | undefined;
	/** Rank of the level held in `google`; 0 is nothing. */
	readonly rank: 0 | 1 | 2 | 3;
	readonly isPlatformAdmin: boolean;
	/** Holds admin somewhere. */
	readonly isAdministrator: boolean;
}

const actor = (name: string, rank: Actor['rank'], groups: Actor['groups'] = [name]): Actor => {
	const isAdministrator = rank === 3 || name === 'admin-elsewhere';
	return { name, groups, rank, isPlatformAdmin: name === 'platform-admin', isAdministrator };
};

/** Everybody whom each operation is tried with. */
export const ACTORS: readonly Actor[] = [
	actor('nobody', 0, undefined),
	actor('stranger', 0),
	actor('admin-elsewhere', 0),
	actor('reader', 1),
	actor('writer', 2),
	actor('admin', 3),
	actor('platform-admin', 3),
];

/** A configuration in which the actors hold what they should; `microsoft` is elsewhere. */
export const ACTOR_CONFIG = {
	workspaces: { google: { servers: {} }, microsoft: { servers: {} } },
	grants: [
		{ group: 'admin-elsewhere', workspace: 'microsoft', access: 'admin' },
		{ group: 'reader', workspace: 'google', access: 'read' },
		{ group: 'writer', workspace: 'google', access: 'write' },
		{ group: 'admin', workspace: 'google', access: 'admin' },
		{ group: 'platform-admin', workspace: '*', access: 'admin' },
	],
};

/** What a request was answered. */
export interface Told {
	readonly status: number;
	readonly text: string;
}

/** Sends a request without a body as an actor. */
export type Send = (actor: Actor, method: Method, path: string) => Promise<Told>;

const RANKS = { read: 1, write: 2, admin: 3 } as const;

/** What the annotation of an operation promises to an actor, as the code of the answer. */
export function expectedCode({ authorize }: Pick<Route, 'authorize'>, actor: Actor): string {
	if (actor.groups === undefined) return 'PC_TOKEN_MISSING';
	// Everybody who may is stopped at a parameter that no operation knows, before anything happens.
	if (authorize === 'signed-in') return 'PC_INPUT_INVALID';
	if (authorize === 'administrator') return actor.isAdministrator ? 'PC_INPUT_INVALID' : 'PC_LEVEL_TOO_LOW';
	if (authorize === 'platform-admin') return actor.isPlatformAdmin ? 'PC_INPUT_INVALID' : 'PC_LEVEL_TOO_LOW';
	if (actor.rank === 0) return 'PC_NOT_FOUND';
	return actor.rank >= RANKS[authorize.workspace] ? 'PC_INPUT_INVALID' : 'PC_LEVEL_TOO_LOW';
}

const UUID = '3f0c8e6a-5b1d-4c7e-9a2f-0d1e2f3a4b5c';

/** An address of the operation in a workspace; other parameters get a value that fits and names nothing. */
export function addressOf(route: Pick<Route, 'path' | 'params'>, workspace: string): string {
	const filled = Object.entries(route.params).reduce((path, [name, schema]) => {
		const value = name === 'workspace' ? workspace : ['nothing', UUID].find((each) => schema.safeParse(each).success);
		return path.replace(`:${name}`, value ?? 'nothing');
	}, route.path);
	return `/api/v1${filled}?nothing-knows-this=1`;
}

const withoutRequestId = (text: string): string => text.replace(/"request_id":"[^"]*"/, '');

/**
 * Tries every operation as everybody, and says where the answer is not what the annotation promises, or where a workspace
 * that is not the actor's differs from one that does not exist.
 */
export async function accessFaults(routes: readonly Route[], send: Send): Promise<readonly string[]> {
	const faults: string[] = [];
	for (const route of routes) {
		for (const actor of ACTORS) faults.push(...(await faultsOf(route, actor, send)));
	}
	return faults;
}

async function faultsOf(route: Route, actor: Actor, send: Send): Promise<readonly string[]> {
	const at = `${route.method} ${route.path} as ${actor.name}`;
	const told = await send(actor, route.method, addressOf(route, 'google'));
	const { code } = JSON.parse(told.text) as { code?: string };
	const expected = expectedCode(route, actor);
	const wrong = code === expected ? [] : [`${at}: ${told.status} ${code}, not ${expected}`];
	if (!('workspace' in route.params) || actor.rank > 0) return wrong;
	const absent = await send(actor, route.method, addressOf(route, 'not-there'));
	const same = absent.status === told.status && withoutRequestId(absent.text) === withoutRequestId(told.text);
	return same ? wrong : [...wrong, `${at}: a workspace that is not theirs differs from one that is not there`];
}
