import * as z from 'zod';
import { grantKey } from '../config/declared.ts';
import { changedFields } from '../config/declared-plan.ts';
import { SLUG } from '../lib/slug.ts';
import {
	deleteGrantRule,
	type GrantRuleRow,
	grantRuleById,
	insertGrantRule,
	listGrantRules,
	updateGrantRule,
} from '../store/queries/grant-rule.ts';
import { LEVEL } from './access-level.ts';
import { changeWorkspace, readWorkspace } from './change.ts';
import { requireDirectory } from './directory-choice.ts';
import { changeable, found, MANAGED, managedOf, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const GRANT_FIELDS = {
	claim: z.enum(['group', 'role']).describe('Whether the value is a group (id or name) or an app role.'),
	value: plainText(512),
	level: LEVEL,
	directory: z.string().regex(SLUG).nullable().describe('null while there is only one directory.'),
};

/** What a new grant is made of. */
export const NEW_GRANT = z.strictObject({ ...GRANT_FIELDS, directory: GRANT_FIELDS.directory.default(null) });

/** What a grant says, wherever it holds. */
export const SHOWN_GRANT = { ...GRANT_FIELDS, value: z.string(), directory: z.string().nullable() };

const GRANT = z.strictObject({ id: z.uuid(), ...SHOWN_GRANT, ...MANAGED }).meta({ id: 'Grant' });

const CHANGE = z.strictObject({
	claim: GRANT_FIELDS.claim.exactOptional(),
	value: GRANT_FIELDS.value.exactOptional(),
	level: GRANT_FIELDS.level.exactOptional(),
	directory: GRANT_FIELDS.directory.exactOptional(),
});

const LIST_PATH = '/workspaces/:workspace/grants';
const PATH = '/workspaces/:workspace/grants/:grant';
const ADMIN = { workspace: 'admin' } as const;
const PARAMS = { grant: z.uuid() };

/** Grants of a workspace: which groups and app roles hold what in it. */
export function createGrantsRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), change(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listGrants',
		method: 'GET',
		path: LIST_PATH,
		summary: 'Groups and app roles that hold something in the workspace',
		authorize: ADMIN,
		query: PAGE_QUERY,
		responses: { 200: pageOf(GRANT) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.uuid());
			const read = await readWorkspace(parts, context, (tx) => listGrantRules(tx, { after, limit: rows }));
			return { status: 200, body: answer(read, { keyOf: ({ id }) => id, itemOf: show }) };
		},
	});

const create = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'createGrant',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Gives a group or app role a level in the workspace',
		authorize: ADMIN,
		body: NEW_GRANT,
		responses: { 201: GRANT },
		idempotency: 'creation',
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				requireDirectory(context.body.directory, context.snapshot);
				const id = await insertGrantRule(tx, { ...context.body, managedBy: 'api' });
				const body = show(found(await grantRuleById(tx, id)));
				const location = `/workspaces/${context.params.workspace}/grants/${id}`;
				const answer = { status: 201 as const, location, body };
				return { answer, action: 'grant.create', object: grantKey(context.body) };
			}),
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readGrant',
		method: 'GET',
		path: PATH,
		params: PARAMS,
		summary: 'One grant',
		authorize: ADMIN,
		responses: { 200: GRANT },
		async handle(context) {
			const row = await readWorkspace(parts, context, (tx) => grantRuleById(tx, context.params.grant));
			return { status: 200, body: show(found(row)) };
		},
	});

const change = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'changeGrant',
		method: 'PATCH',
		path: PATH,
		params: PARAMS,
		summary: 'Changes a grant',
		authorize: ADMIN,
		body: CHANGE,
		responses: { 200: GRANT },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const before = changeable(await grantRuleById(tx, context.params.grant), context);
				const after = { ...before, ...context.body };
				requireDirectory(after.directory, context.snapshot);
				await versioned(updateGrantRule(tx, after));
				const answer = { status: 200 as const, body: show(found(await grantRuleById(tx, before.id))) };
				const fields = changedFields(before, after);
				return { answer, action: 'grant.update', object: grantKey(before), fields };
			}),
	});

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'deleteGrant',
		method: 'DELETE',
		path: PATH,
		params: PARAMS,
		summary: 'Takes a grant away',
		authorize: ADMIN,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const row = changeable(await grantRuleById(tx, context.params.grant), context);
				await versioned(deleteGrantRule(tx, row.id, row.version));
				return { answer: { status: 204 as const }, action: 'grant.delete', object: grantKey(row) };
			}),
	});

function show(row: GrantRuleRow): z.output<typeof GRANT> {
	const { id, claim, value, level, directory } = row;
	return { id, claim, value, level, directory, ...managedOf(row) };
}
