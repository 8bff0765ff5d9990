import * as z from 'zod';
import { grantKey } from '../config/declared.ts';
import {
	deletePlatformGrantById,
	insertPlatformGrant,
	lockPlatform,
	type PlatformGrantRow,
	pagePlatformGrants,
	platformGrantById,
} from '../store/queries/platform.ts';
import { makeChange, reasonOf } from './change.ts';
import { requireDirectory } from './directory-choice.ts';
import { NEW_GRANT, SHOWN_GRANT } from './grants.ts';
import { changeable, found, MANAGED, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const { managedBy, version } = MANAGED;
const GRANT = z.strictObject({ id: z.uuid(), ...SHOWN_GRANT, managedBy, version }).meta({ id: 'PlatformGrant' });

const LIST_PATH = '/platform/grants';
const PATH = '/platform/grants/:grant';
const PARAMS = { grant: z.uuid() };

/** Grants for every workspace at once; `admin` makes a platform administrator. */
export function createPlatformGrantsRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), remove(parts)];
}

const list = ({ store }: ResourceParts): Route =>
	defineRoute({
		id: 'listPlatformGrants',
		method: 'GET',
		path: LIST_PATH,
		summary: 'Groups and app roles that hold something in every workspace',
		authorize: 'platform-admin',
		query: PAGE_QUERY,
		responses: { 200: pageOf(GRANT) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.uuid());
			const read = await store.asPlatform(reasonOf(context), (tx) => pagePlatformGrants(tx, { after, limit: rows }));
			return { status: 200, body: answer(read, { keyOf: ({ id }) => id, itemOf: show }) };
		},
	});

const create = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'createPlatformGrant',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Gives a group or app role a level in every workspace',
		authorize: 'platform-admin',
		body: NEW_GRANT,
		responses: { 201: GRANT },
		idempotency: 'creation',
		async handle(context) {
			const answer = await store.asPlatform(reasonOf(context), (tx) =>
				makeChange(tx, context, async () => {
					await lockPlatform(tx);
					requireDirectory(context.body.directory, context.snapshot);
					const id = await insertPlatformGrant(tx, { ...context.body, managedBy: 'api' });
					const body = show(found(await platformGrantById(tx, id)));
					const answer = { status: 201 as const, location: `/platform/grants/${id}`, body };
					return { answer, action: 'grant.create', object: grantKey(context.body) };
				}),
			);
			await refresh();
			return answer;
		},
	});

const read = ({ store }: ResourceParts): Route =>
	defineRoute({
		id: 'readPlatformGrant',
		method: 'GET',
		path: PATH,
		params: PARAMS,
		summary: 'One grant for every workspace',
		authorize: 'platform-admin',
		responses: { 200: GRANT },
		async handle(context) {
			const row = await store.asPlatform(reasonOf(context), (tx) => platformGrantById(tx, context.params.grant));
			return { status: 200, body: show(found(row)) };
		},
	});

const remove = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'deletePlatformGrant',
		method: 'DELETE',
		path: PATH,
		params: PARAMS,
		summary: 'Takes a grant for every workspace away',
		authorize: 'platform-admin',
		responses: { 204: null },
		async handle(context) {
			const answer = await store.asPlatform(reasonOf(context), (tx) =>
				makeChange(tx, context, async () => {
					await lockPlatform(tx);
					const row = changeable(await platformGrantById(tx, context.params.grant), context);
					await versioned(deletePlatformGrantById(tx, row.id, row.version));
					return { answer: { status: 204 as const }, action: 'grant.delete', object: grantKey(row) };
				}),
			);
			await refresh();
			return answer;
		},
	});

function show({ id, claim, value, level, directory, managedBy, version }: PlatformGrantRow) {
	return { id, claim, value, level, directory, managedBy, version };
}
