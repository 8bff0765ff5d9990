import * as z from 'zod';
import { changedFields } from '../config/declared-plan.ts';
import { buildOpenApi, openApiSchema } from '../config/open-api.ts';
import { rateLimitsSchema } from '../config/rate-limits.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { SLUG } from '../lib/slug.ts';
import {
	eraseWorkspace,
	insertWorkspace,
	lockWorkspace,
	ownWorkspace,
	updateOwnWorkspace,
	type WorkspaceRow,
	workspaceBySlug,
} from '../store/queries/workspace.ts';
import { LEVEL } from './access-level.ts';
import { type Caller, standingIn } from './caller.ts';
import { changeWorkspace, makeChange, readWorkspace, reasonOf, workspaceIdOf } from './change.ts';
import { changeable, found, MANAGED, managedOf, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const TITLE = plainText(200);
const AUDIT = z.enum(['strict', 'best-effort']).meta({ id: 'AuditMode', description: 'See docs/audit.md.' });

const RATE_LIMITS = rateLimitsSchema().meta({ id: 'RateLimits', description: 'Limits of calls; see docs/limits.md.' });

const OPEN_API = openApiSchema().meta({
	id: 'OpenApiSettings',
	description: 'How tools are shown as an OpenAPI service; see docs/openapi.md. In a change, what is left out stays.',
});

const WORKSPACE = z
	.strictObject({
		id: z.uuid().describe('Stays when the slug is given to another workspace.'),
		slug: z.string(),
		title: z.string(),
		audit: AUDIT,
		rateLimits: RATE_LIMITS,
		openApi: OPEN_API,
		...MANAGED,
	})
	.meta({ id: 'Workspace' });

const LISTED = z
	.strictObject({ slug: z.string(), title: z.string(), audit: AUDIT, level: LEVEL.describe('What you hold there.') })
	.meta({ id: 'ListedWorkspace' });

const NEW = z.strictObject({
	slug: z.string().regex(SLUG),
	title: TITLE.exactOptional(),
	audit: AUDIT.exactOptional(),
	rateLimits: RATE_LIMITS.exactOptional(),
	openApi: OPEN_API.exactOptional(),
});
const CHANGE = z.strictObject({
	title: TITLE.exactOptional(),
	audit: AUDIT.exactOptional(),
	rateLimits: RATE_LIMITS.exactOptional(),
	openApi: OPEN_API.exactOptional(),
});

/** Workspaces: everybody sees their own, its administrators change it, the platform's make and remove them. */
export function createWorkspacesRoutes(parts: ResourceParts): readonly Route[] {
	return [LIST, create(parts), read(parts), change(parts), remove(parts)];
}

// From memory, and so without crossing workspaces.
const LIST = defineRoute({
	id: 'listWorkspaces',
	method: 'GET',
	path: '/workspaces',
	summary: 'Workspaces in which you hold something',
	authorize: 'signed-in',
	query: PAGE_QUERY,
	responses: { 200: pageOf(LISTED) },
	handle(context) {
		const page = openPage(context, z.string());
		const theirs = heldBy(context.caller, context.snapshot).filter(({ slug }) => slug > (page.after ?? ''));
		return { status: 200, body: page.answer(theirs, { keyOf: ({ slug }) => slug, itemOf: (item) => item }) };
	},
});

function heldBy(caller: Caller, { workspaces }: Snapshot): readonly z.output<typeof LISTED>[] {
	return [...workspaces.values()].flatMap(({ slug, title, auditMode }) => {
		const standing = standingIn(slug, caller);
		return standing === undefined ? [] : [{ slug, title, audit: auditMode, level: standing.level }];
	});
}

const create = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'createWorkspace',
		method: 'POST',
		path: '/workspaces',
		summary: 'Makes a workspace in which nobody holds anything yet',
		authorize: 'platform-admin',
		body: NEW,
		responses: { 201: WORKSPACE },
		idempotency: 'creation',
		async handle(context) {
			const { slug, title = slug, audit = 'strict', rateLimits = {}, openApi = {} } = context.body;
			const answer = await store.asPlatform(reasonOf(context), (tx) =>
				makeChange(tx, context, async () => {
					await insertWorkspace(tx, { slug, title, auditMode: audit, rateLimits, openApi, managedBy: 'api' });
					const body = show(found(await workspaceBySlug(tx, slug)));
					const answer = { status: 201 as const, location: `/workspaces/${slug}`, body };
					return { answer, action: 'workspace.create', object: slug };
				}),
			);
			await refresh();
			return answer;
		},
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readWorkspace',
		method: 'GET',
		path: '/workspaces/:workspace',
		summary: 'One workspace',
		authorize: { workspace: 'read' },
		responses: { 200: WORKSPACE },
		async handle(context) {
			return { status: 200, body: show(found(await readWorkspace(parts, context, ownWorkspace))) };
		},
	});

const change = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'changeWorkspace',
		method: 'PATCH',
		path: '/workspaces/:workspace',
		summary: 'Changes title, audit mode, limits or OpenAPI settings',
		authorize: { workspace: 'admin' },
		body: CHANGE,
		responses: { 200: WORKSPACE },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { slug, version, title, auditMode, rateLimits, openApi } = changeable(await ownWorkspace(tx), context);
				const before = { title, audit: auditMode, rateLimits, openApi };
				const after = { ...before, ...context.body, openApi: { ...openApi, ...context.body.openApi } };
				await versioned(updateOwnWorkspace(tx, { ...after, auditMode: after.audit, version }));
				const answer = { status: 200 as const, body: show(found(await ownWorkspace(tx))) };
				return { answer, action: 'workspace.update', object: slug, fields: changedFields(before, after) };
			}),
	});

const remove = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'deleteWorkspace',
		method: 'DELETE',
		path: '/workspaces/:workspace',
		summary: 'Removes a workspace with everything in it, its records included',
		authorize: 'platform-admin',
		responses: { 204: null },
		async handle(context) {
			const erased = workspaceIdOf(context);
			const answer = await store.asPlatform({ ...reasonOf(context), erased }, (tx) =>
				makeChange(tx, context, async () => {
					const { slug } = changeable(await lockWorkspace(tx, erased), context);
					await eraseWorkspace(tx, erased);
					return { answer: { status: 204 as const }, action: 'workspace.delete', object: slug };
				}),
			);
			await refresh();
			return answer;
		},
	});

function show(row: WorkspaceRow): z.output<typeof WORKSPACE> {
	const { workspaceId: id, slug, title, auditMode: audit, rateLimits, openApi } = row;
	return { id, slug, title, audit, rateLimits, openApi: buildOpenApi(openApi), ...managedOf(row) };
}
