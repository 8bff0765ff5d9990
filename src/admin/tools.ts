import * as z from 'zod';
import { isUsable } from '../config/is-usable.ts';
import type { AccessLevel, Server, ToolRule } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { asObject } from '../mcp/call.ts';
import { callOfTool } from '../mcp/modern/own-call.ts';
import type { ParamHeader } from '../mcp/modern/param-headers.ts';
import { decide } from '../policy/decide.ts';
import type { CatalogItem } from '../router/catalog.ts';
import { LEVEL } from './access-level.ts';
import { askerOf, holderOf } from './asker.ts';
import { knownServer } from './known-thing.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';
import { endOf } from './trial-call.ts';

const TOOL_NAME = plainText(512);

const OUTCOME = z.strictObject({
	allowed: z.boolean(),
	reasons: z.array(z.string()).describe('Everything that was looked at, in order; the last one decided.'),
});

const TOOL = z
	.strictObject({
		name: z.string().describe('As its server calls it.'),
		title: z.string().nullable(),
		description: z.string().nullable().describe('The server’s own; the rule may show callers another.'),
		readOnly: z.boolean().describe('Whether the tool says readOnlyHint: true.'),
		digest: z.string().nullable().describe('SHA-256 of its definition, to pin it by.'),
		inputSchema: z.record(z.string(), z.unknown()).nullable(),
		rule: z
			.strictObject({
				enabled: z.boolean(),
				minimumLevel: LEVEL,
				readable: z.boolean(),
				description: z.string().nullable(),
				definitionDigest: z.string().nullable(),
			})
			.nullable()
			.describe('As it is in force; null where the tool has none.'),
		levels: z.strictObject({ read: OUTCOME, write: OUTCOME, admin: OUTCOME }),
	})
	.meta({ id: 'ToolPreview' });

const TOOLS = pageOf(TOOL).extend({
	outdated: z.boolean().describe('Whether the server could not be asked again: this is the last list it gave.'),
});

const CALL_END = z
	.strictObject({
		requestId: z.string().describe('Of the call, as the audit names it.'),
		result: z.unknown().optional().describe('As the server gave it.'),
		error: z
			.strictObject({ code: z.number(), message: z.string(), data: z.unknown().optional() })
			.optional()
			.describe('Of JSON-RPC.'),
	})
	.meta({ id: 'ToolCallEnd' });

/** Tools of a server: who may use them, and a call to try one. */
export function createToolsRoutes(parts: ResourceParts): readonly Route[] {
	return [previewRoute(parts), callRoute(parts)];
}

function previewRoute({ directory }: ResourceParts): Route {
	return defineRoute({
		id: 'previewTools',
		method: 'GET',
		path: '/workspaces/:workspace/servers/:server/tools',
		summary: 'What tools the server has, and for each level whether it may use them and why',
		authorize: { workspace: 'admin' },
		query: PAGE_QUERY,
		responses: { 200: TOOLS },
		async handle(context) {
			const { snapshot, caller, signal } = context;
			const server = knownServer(context, context.params);
			// Nothing is sent to a server that is switched off, nor placeholders to one whose secrets are not there.
			if (!isUsable(server)) throw new PortcullisError('PC_SERVER_UNUSABLE');
			const page = openPage(context, z.string());
			const principal = askerOf(caller, snapshot);
			const list = await directory.list({ principal, server, kind: 'tools', profile: '{}', signal });
			const { after = '' } = page;
			const sorted = list.items.filter(({ name }) => name > after).toSorted((a, b) => (a.name < b.name ? -1 : 1));
			const body = page.answer(sorted.slice(0, page.rows), {
				keyOf: ({ name }) => name,
				itemOf: (tool) => previewOf(tool, server),
			});
			return { status: 200, body: { ...body, outdated: list.outdated } };
		},
	});
}

function previewOf(tool: CatalogItem, server: Server): z.output<typeof TOOL> {
	const { title, description, inputSchema } = asObject(JSON.parse(tool.text)) ?? {};
	const outcome = (level: AccessLevel): z.output<typeof OUTCOME> => {
		const subject = { server, effect: 'tool', tool, toolset: undefined } as const;
		const { allowed, reasons } = decide(holderOf({ slug: server.workspace, id: server.workspaceId }, level), subject);
		return { allowed, reasons: [...reasons] };
	};
	return {
		name: tool.name,
		title: textOf(title),
		description: textOf(description),
		readOnly: tool.readOnly,
		digest: tool.digest ?? null,
		inputSchema: asObject(inputSchema) ?? null,
		rule: ruleOf(server.toolRules.get(tool.name)),
		levels: { read: outcome('read'), write: outcome('write'), admin: outcome('admin') },
	};
}

function ruleOf(rule: ToolRule | undefined): z.output<typeof TOOL>['rule'] {
	if (rule === undefined) return null;
	const { description = null, definitionDigest = null, ...rest } = rule;
	return { ...rest, description, definitionDigest };
}

function textOf(value: unknown): string | null {
	return typeof value === 'string' ? value : null;
}

function callRoute({ directory, runCall }: ResourceParts): Route {
	return defineRoute({
		id: 'tryTool',
		method: 'POST',
		path: '/workspaces/:workspace/servers/:server/tools/:tool/call',
		summary: 'Call a tool as yourself: judged, recorded and carried like a call of any client',
		authorize: { workspace: 'read' },
		params: { tool: TOOL_NAME },
		body: z.strictObject({ arguments: z.record(z.string(), z.unknown()).default({}) }),
		responses: { 200: CALL_END },
		async handle({ caller, snapshot, params, body, requestId, signal }) {
			const server = knownServer({ snapshot, caller }, params);
			const principal = askerOf(caller, snapshot);
			const paramHeaders = await headersOf(directory, { principal, server, name: params.tool, signal });
			const call = callOfTool({ name: params.tool, argumentsText: JSON.stringify(body.arguments), paramHeaders });
			// The request for this operation has records of its own.
			const id = `${requestId}.1`;
			const at = { workspace: server.workspace, server: server.slug };
			const calling = runCall({ requestId: id, principal, ...at, call, signal });
			return { status: 200, body: { requestId: id, ...(await endOf(calling, id)) } };
		},
	});
}

interface ToolWanted {
	readonly principal: Principal;
	readonly server: Server;
	readonly name: string;
	readonly signal: AbortSignal;
}

// As a client knows them from its list. Where there is no list the call itself says what is the matter.
async function headersOf(
	directory: ResourceParts['directory'],
	{ principal, server, name, signal }: ToolWanted,
): Promise<readonly ParamHeader[]> {
	if (!isUsable(server)) return [];
	const listed = async () => directory.list({ principal, server, kind: 'tools', profile: '{}', signal });
	const list = await listed().catch(() => undefined);
	return list?.byName.get(name)?.paramHeaders ?? [];
}
