import * as z from 'zod';
import { emailOf } from '../identity/open-webui-token.ts';
import { SLUG } from '../lib/slug.ts';
import {
	deleteLink,
	insertLink,
	linkById,
	listLinks,
	type OpenWebUiLinkRow,
} from '../store/queries/open-webui-link.ts';
import { changeWorkspace, readWorkspace } from './change.ts';
import { directoryOf } from './directory-choice.ts';
import { inputInvalid } from './input-invalid.ts';
import { found, MANAGED, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { isKept, NOT_KEPT, plainText } from './plain-text.ts';
import { requireMatch } from './precondition.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const NEW = z.strictObject({
	instance: z.string().regex(SLUG).describe('Id of the Open WebUI instance.'),
	subject: plainText(256).nullable().default(null).describe('Id of the account there; or else email.'),
	email: plainText(320)
		.nullable()
		.default(null)
		.describe('E-mail address there; counts for keys with linkByEmail alone.'),
	oid: plainText(128).describe('Object id of the person in their directory.'),
	directory: z.string().regex(SLUG).nullable().default(null).describe('May be left out while there is only one.'),
	name: z.string().max(256).refine(isKept, NOT_KEPT).default('').describe('For display only.'),
});

const { version, createdAt, updatedAt } = MANAGED;
const LINK = z
	.strictObject({
		id: z.string(),
		instance: z.string(),
		subject: z.string().nullable(),
		email: z.string().nullable(),
		issuer: z.string(),
		tid: z.string(),
		oid: z.string(),
		name: z.string(),
		...{ version, createdAt, updatedAt },
	})
	.meta({ id: 'OpenWebUiLink' });

const LIST_PATH = '/workspaces/:workspace/open-webui-links';
const PATH = '/workspaces/:workspace/open-webui-links/:link';
/** A link lets an account elsewhere be a person here, so no key makes one. */
const ADMIN = { workspace: 'admin', apiKeys: 'refused' } as const;
const PARAMS = { link: z.uuid() };

/** Who accounts of Open WebUI are in this workspace, and in no other. */
export function createOpenWebUiLinksRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listOpenWebUiLinks',
		method: 'GET',
		path: LIST_PATH,
		summary: 'Accounts of Open WebUI and who they are',
		authorize: ADMIN,
		query: PAGE_QUERY,
		responses: { 200: pageOf(LINK) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.uuid());
			const read = await readWorkspace(parts, context, (tx) => listLinks(tx, { after, limit: rows }));
			return { status: 200, body: answer(read, { keyOf: ({ id }) => id, itemOf: show }) };
		},
	});

const create = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'createOpenWebUiLink',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Says who an account of Open WebUI is',
		authorize: ADMIN,
		body: NEW,
		responses: { 201: LINK },
		idempotency: 'creation',
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { directory, subject, email: given, ...says } = context.body;
				const email = given === null ? null : (emailOf(given) ?? null);
				if ((subject === null) === (email === null)) throw oneOfBoth();
				const { issuer, tenantId: tid } = directoryOf(directory, context.snapshot);
				const id = await insertLink(tx, { ...says, subject, email, issuer, tid });
				const body = show(found(await linkById(tx, id)));
				const location = `/workspaces/${context.params.workspace}/open-webui-links/${id}`;
				return { answer: { status: 201 as const, location, body }, action: 'open-webui-link.create', object: id };
			}),
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readOpenWebUiLink',
		method: 'GET',
		path: PATH,
		params: PARAMS,
		summary: 'One account of Open WebUI',
		authorize: ADMIN,
		responses: { 200: LINK },
		async handle(context) {
			const row = await readWorkspace(parts, context, (tx) => linkById(tx, context.params.link));
			return { status: 200, body: show(found(row)) };
		},
	});

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'deleteOpenWebUiLink',
		method: 'DELETE',
		path: PATH,
		params: PARAMS,
		summary: 'Makes an account of Open WebUI nobody again',
		authorize: ADMIN,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const row = found(await linkById(tx, context.params.link));
				requireMatch(context.precondition, row);
				await versioned(deleteLink(tx, row));
				return { answer: { status: 204 as const }, action: 'open-webui-link.delete', object: row.id };
			}),
	});

function oneOfBoth() {
	return inputInvalid([{ path: 'body', message: 'give either subject or email, which needs an @' }]);
}

function show(row: OpenWebUiLinkRow): z.output<typeof LINK> {
	const { createdAt, updatedAt, ...rest } = row;
	return { ...rest, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
