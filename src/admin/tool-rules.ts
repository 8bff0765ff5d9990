import * as z from 'zod';
import { changedFields } from '../config/declared-plan.ts';
import { type ServerRow, serverBySlug } from '../store/queries/server.ts';
import {
	deleteToolRule,
	insertToolRule,
	listToolRules,
	type ToolRuleRow,
	toolRuleOf,
	updateToolRule,
} from '../store/queries/tool-rule.ts';
import type { WorkspaceTx } from '../store/tx.ts';
import { LEVEL } from './access-level.ts';
import { changeWorkspace, type Made, type PutAnswer, readWorkspace } from './change.ts';
import { changeable, found, MANAGED, managedOf, requireApiManaged, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import { requireMatch } from './precondition.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const DIGEST = z.string().regex(/^[0-9a-f]{64}$/);

const RULE = z
	.strictObject({
		tool: z.string(),
		enabled: z.boolean().nullable().describe('null: as the server says for all of its tools.'),
		minimumLevel: LEVEL,
		readable: z.boolean(),
		description: z.string().nullable(),
		definitionDigest: DIGEST.nullable(),
		...MANAGED,
	})
	.meta({ id: 'ToolRule' });

const BODY = z.strictObject({
	enabled: z.boolean().nullable().default(null).describe('null: as the server says for all of its tools.'),
	minimumLevel: LEVEL.default('read').describe('Lowest level that may see and call the tool.'),
	readable: z.boolean().default(false).describe('Whether read may use it although it does not call itself read-only.'),
	description: plainText(8_192).nullable().default(null).describe("Shown in place of the server's own."),
	definitionDigest: DIGEST.nullable()
		.default(null)
		.describe('SHA-256 of the only definition under which the tool may be used.'),
});

const LIST_PATH = '/workspaces/:workspace/servers/:server/rules';
const PATH = '/workspaces/:workspace/servers/:server/rules/:tool';
const ADMIN = { workspace: 'admin' } as const;
const PARAMS = { tool: plainText(256) };

/** Rules about tools, by the names their servers give them. */
export function createToolRulesRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), read(parts), put(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listToolRules',
		method: 'GET',
		path: LIST_PATH,
		summary: 'Rules about tools of the server',
		authorize: ADMIN,
		query: PAGE_QUERY,
		responses: { 200: pageOf(RULE) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.string());
			const read = await readWorkspace(parts, context, async (tx) => {
				const { id } = found(await serverBySlug(tx, context.params.server));
				return listToolRules(tx, id, { after, limit: rows });
			});
			return { status: 200, body: answer(read, { keyOf: ({ tool }) => tool, itemOf: show }) };
		},
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readToolRule',
		method: 'GET',
		path: PATH,
		params: PARAMS,
		summary: 'The rule about one tool',
		authorize: ADMIN,
		responses: { 200: RULE },
		async handle(context) {
			const { server, tool } = context.params;
			const row = await readWorkspace(parts, context, async (tx) => {
				return toolRuleOf(tx, found(await serverBySlug(tx, server)).id, tool);
			});
			return { status: 200, body: show(found(row)) };
		},
	});

const put = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'putToolRule',
		method: 'PUT',
		path: PATH,
		params: PARAMS,
		summary: 'Makes or replaces the rule about one tool, whether the server has it or not',
		authorize: ADMIN,
		body: BODY,
		responses: { 200: RULE, 201: RULE },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx): Promise<Made<PutAnswer<z.output<typeof RULE>>>> => {
				const { workspace, server, tool } = context.params;
				const { id: serverId } = await ownedServer(tx, server);
				const before = await toolRuleOf(tx, serverId, tool);
				if (before !== undefined) requireApiManaged(before);
				requireMatch(context.precondition, before);
				const values = { ...context.body, serverId, tool, managedBy: 'api' as const };
				if (before === undefined) await insertToolRule(tx, values);
				else await versioned(updateToolRule(tx, { ...values, version: before.version }));
				const body = show(found(await toolRuleOf(tx, serverId, tool)));
				const object = `${server}/${tool}`;
				if (before === undefined) {
					const location = `/workspaces/${workspace}/servers/${server}/rules/${encodeURIComponent(tool)}`;
					return { answer: { status: 201, location, body }, action: 'tool-rule.create', object };
				}
				const fields = changedFields(before, { ...before, ...context.body });
				return { answer: { status: 200, body }, action: 'tool-rule.update', object, fields };
			}),
	});

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'deleteToolRule',
		method: 'DELETE',
		path: PATH,
		params: PARAMS,
		summary: 'Takes the rule about one tool away',
		authorize: ADMIN,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { server, tool } = context.params;
				const { id: serverId } = await ownedServer(tx, server);
				const { version } = changeable(await toolRuleOf(tx, serverId, tool), context);
				await versioned(deleteToolRule(tx, { serverId, tool, version }));
				return { answer: { status: 204 as const }, action: 'tool-rule.delete', object: `${server}/${tool}` };
			}),
	});

// The rules of a server of the file are the file's, all of them: it would take others away.
async function ownedServer(tx: WorkspaceTx, slug: string): Promise<ServerRow> {
	const server = found(await serverBySlug(tx, slug));
	requireApiManaged(server);
	return server;
}

function show(row: ToolRuleRow): z.output<typeof RULE> {
	const { tool, enabled, minimumLevel, readable, description, definitionDigest } = row;
	return { tool, enabled, minimumLevel, readable, description, definitionDigest, ...managedOf(row) };
}
