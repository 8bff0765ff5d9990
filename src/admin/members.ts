import * as z from 'zod';
import { memberKey } from '../config/declared.ts';
import { changedFields } from '../config/declared-plan.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { SLUG } from '../lib/slug.ts';
import {
	deleteMembership,
	insertMembership,
	listMemberships,
	type MemberIdentity,
	type MembershipRow,
	membershipOf,
	updateMembership,
} from '../store/queries/membership.ts';
import { LEVEL } from './access-level.ts';
import { changeWorkspace, readWorkspace } from './change.ts';
import { directoryOf } from './directory-choice.ts';
import { changeable, found, MANAGED, managedOf, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { isKept, NOT_KEPT, plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const NAME = z.string().max(256).refine(isKept, NOT_KEPT).describe('For display only.');

const MEMBER = z
	.strictObject({
		id: z.string().describe('base64url of the JSON [issuer, tid, oid].'),
		issuer: z.string(),
		tid: z.string(),
		oid: z.string(),
		directory: z.string().nullable().describe('null where the directory of the person is gone.'),
		name: z.string(),
		level: LEVEL,
		...MANAGED,
	})
	.meta({ id: 'Member' });

const NEW = z.strictObject({
	oid: plainText(128).describe('Object id of the person in their directory.'),
	directory: z.string().regex(SLUG).nullable().default(null).describe('May be left out while there is only one.'),
	name: NAME.default(''),
	level: LEVEL,
});

const CHANGE = z.strictObject({ name: NAME.exactOptional(), level: LEVEL.exactOptional() });

const LIST_PATH = '/workspaces/:workspace/members';
const PATH = '/workspaces/:workspace/members/:member';
const ADMIN = { workspace: 'admin' } as const;
const PARAMS = { member: z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/) };

/** Members of a workspace: people who hold something in it by themselves, whatever their groups. */
export function createMembersRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), change(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listMembers',
		method: 'GET',
		path: LIST_PATH,
		summary: 'People named one by one',
		authorize: ADMIN,
		query: PAGE_QUERY,
		responses: { 200: pageOf(MEMBER) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.tuple([z.string(), z.string(), z.string()]));
			const from = after && JSON.stringify(after);
			const read = await readWorkspace(parts, context, (tx) => listMemberships(tx, { after: from, limit: rows }));
			const keyOf = ({ oid, tid, issuer }: MembershipRow): [string, string, string] => [oid, tid, issuer];
			return { status: 200, body: answer(read, { keyOf, itemOf: (row) => show(row, context.snapshot) }) };
		},
	});

const create = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'createMember',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Gives one person a level in the workspace',
		authorize: ADMIN,
		body: NEW,
		responses: { 201: MEMBER },
		idempotency: 'creation',
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { oid, directory, name, level } = context.body;
				const { issuer, tenantId: tid } = directoryOf(directory, context.snapshot);
				const identity = { issuer, tid, oid };
				await insertMembership(tx, { ...identity, name, level, managedBy: 'api' });
				const body = show(found(await membershipOf(tx, identity)), context.snapshot);
				const location = `/workspaces/${context.params.workspace}/members/${body.id}`;
				const answer = { status: 201 as const, location, body };
				return { answer, action: 'member.create', object: memberKey(identity) };
			}),
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readMember',
		method: 'GET',
		path: PATH,
		params: PARAMS,
		summary: 'One member',
		authorize: ADMIN,
		responses: { 200: MEMBER },
		async handle(context) {
			const identity = readId(context.params.member);
			const row = await readWorkspace(parts, context, (tx) => membershipOf(tx, identity));
			return { status: 200, body: show(found(row), context.snapshot) };
		},
	});

const change = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'changeMember',
		method: 'PATCH',
		path: PATH,
		params: PARAMS,
		summary: 'Changes what a member holds, or is called',
		authorize: ADMIN,
		body: CHANGE,
		responses: { 200: MEMBER },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const before = changeable(await membershipOf(tx, readId(context.params.member)), context);
				const after = { ...before, ...context.body };
				await versioned(updateMembership(tx, after));
				const body = show(found(await membershipOf(tx, before)), context.snapshot);
				const fields = changedFields(before, after);
				return { answer: { status: 200 as const, body }, action: 'member.update', object: memberKey(before), fields };
			}),
	});

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'deleteMember',
		method: 'DELETE',
		path: PATH,
		params: PARAMS,
		summary: 'Takes away what a person holds by themselves',
		authorize: ADMIN,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const row = changeable(await membershipOf(tx, readId(context.params.member)), context);
				await versioned(deleteMembership(tx, row));
				return { answer: { status: 204 as const }, action: 'member.delete', object: memberKey(row) };
			}),
	});

const IDENTITY = z.tuple([plainText(512), plainText(128), plainText(128)]);

// What is no identity is as unknown as one that is no member.
function readId(id: string): MemberIdentity {
	const parsed = IDENTITY.safeParse(parseJson(Buffer.from(id, 'base64url').toString()));
	const [issuer, tid, oid] = found(parsed.data);
	return { issuer, tid, oid };
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function show(row: MembershipRow, { directories }: Pick<Snapshot, 'directories'>): z.output<typeof MEMBER> {
	const { issuer, tid, oid, name, level } = row;
	const id = Buffer.from(memberKey(row)).toString('base64url');
	const directory = directories.find((each) => each.issuer === issuer && each.tenantId === tid)?.id ?? null;
	return { id, issuer, tid, oid, directory, name, level, ...managedOf(row) };
}
