import * as z from 'zod';
import { changedFields } from '../config/declared-plan.ts';
import { toolPathFault } from '../config/text-rules.ts';
import { SLUG } from '../lib/slug.ts';
import { serverSlugs } from '../store/queries/server.ts';
import {
	deleteToolset,
	insertToolset,
	listToolsets,
	type ToolsetRow,
	toolsetBySlug,
	updateToolset,
} from '../store/queries/toolset.ts';
import type { WorkspaceTx } from '../store/tx.ts';
import { changeWorkspace, readWorkspace } from './change.ts';
import { inputInvalid } from './input-invalid.ts';
import { changeable, found, MANAGED, managedOf, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const TITLE = plainText(200).nullable();

const TOOLS = z
	.array(plainText(400).refine((path) => toolPathFault(path) === undefined, 'write a tool as server/tool'))
	.max(2_000)
	.describe('As server/tool; servers must be there, tools need not.');

const TOOLSET = z
	.strictObject({ slug: z.string(), title: z.string().nullable(), tools: z.array(z.string()), ...MANAGED })
	.meta({ id: 'Toolset' });

const NEW = z.strictObject({ slug: z.string().regex(SLUG), title: TITLE.default(null), tools: TOOLS });
const CHANGE = z.strictObject({ title: TITLE.exactOptional(), tools: TOOLS.exactOptional() });

const LIST_PATH = '/workspaces/:workspace/toolsets';
const PATH = '/workspaces/:workspace/toolsets/:toolset';
const ADMIN = { workspace: 'admin' } as const;

/** Toolsets of a workspace: selections of its tools, each with an address of its own. */
export function createToolsetsRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), change(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listToolsets',
		method: 'GET',
		path: LIST_PATH,
		summary: 'Toolsets of the workspace',
		authorize: ADMIN,
		query: PAGE_QUERY,
		responses: { 200: pageOf(TOOLSET) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.string());
			const read = await readWorkspace(parts, context, (tx) => listToolsets(tx, { after, limit: rows }));
			return { status: 200, body: answer(read, { keyOf: ({ slug }) => slug, itemOf: show }) };
		},
	});

const create = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'createToolset',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Makes a toolset',
		authorize: ADMIN,
		body: NEW,
		responses: { 201: TOOLSET },
		idempotency: 'creation',
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { slug, tools } = context.body;
				await requireServers(tx, tools);
				await insertToolset(tx, { ...context.body, managedBy: 'api' });
				const body = show(found(await toolsetBySlug(tx, slug)));
				const location = `/workspaces/${context.params.workspace}/toolsets/${slug}`;
				return { answer: { status: 201 as const, location, body }, action: 'toolset.create', object: slug };
			}),
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readToolset',
		method: 'GET',
		path: PATH,
		summary: 'One toolset',
		authorize: ADMIN,
		responses: { 200: TOOLSET },
		async handle(context) {
			const row = await readWorkspace(parts, context, (tx) => toolsetBySlug(tx, context.params.toolset));
			return { status: 200, body: show(found(row)) };
		},
	});

const change = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'changeToolset',
		method: 'PATCH',
		path: PATH,
		summary: 'Changes title or tools',
		authorize: ADMIN,
		body: CHANGE,
		responses: { 200: TOOLSET },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const before = changeable(await toolsetBySlug(tx, context.params.toolset), context);
				await requireServers(tx, context.body.tools ?? []);
				await versioned(updateToolset(tx, { ...before, ...context.body }));
				const after = found(await toolsetBySlug(tx, before.slug));
				const fields = changedFields(contentOf(before), contentOf(after));
				const answer = { status: 200 as const, body: show(after) };
				return { answer, action: 'toolset.update', object: before.slug, fields };
			}),
	});

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'deleteToolset',
		method: 'DELETE',
		path: PATH,
		summary: 'Removes a toolset; its tools stay where they are',
		authorize: ADMIN,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { slug, version } = changeable(await toolsetBySlug(tx, context.params.toolset), context);
				await versioned(deleteToolset(tx, slug, version));
				return { answer: { status: 204 as const }, action: 'toolset.delete', object: slug };
			}),
	});

async function requireServers(tx: WorkspaceTx, tools: readonly string[]): Promise<void> {
	const known = new Set(await serverSlugs(tx));
	const faults = tools.flatMap((tool, index) => {
		const message = toolFault(tool, { known, isRepeated: tools.indexOf(tool) < index });
		return message === undefined ? [] : [{ path: `body.tools.${index}`, message }];
	});
	if (faults.length > 0) throw inputInvalid(faults);
}

function toolFault(
	tool: string,
	{ known, isRepeated }: { readonly known: ReadonlySet<string>; readonly isRepeated: boolean },
): string | undefined {
	if (isRepeated) return 'this tool is given twice';
	return known.has(tool.slice(0, tool.indexOf('/'))) ? undefined : 'there is no such server';
}

const contentOf = ({ title, tools }: ToolsetRow) => ({ title, tools });

function show(row: ToolsetRow): z.output<typeof TOOLSET> {
	const { slug, title, tools } = row;
	return { slug, title, tools: [...tools], ...managedOf(row) };
}
