import * as z from 'zod';
import { listUsage } from '../store/queries/usage-hour.ts';
import { knownWorkspace } from './known-thing.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';
import { SPAN_QUERY } from './span-query.ts';

const USAGE = z
	.strictObject({
		hour: z.string().describe('When it begins, UTC.'),
		server: z.string(),
		tool: z.string().describe('By the name its server gives it; empty for calls of no tool.'),
		calls: z.number(),
		errors: z.number().describe('Of the calls: answered with an error, failed, cut or unknown.'),
		refusals: z.number().describe('Of the calls: refused by the gateway.'),
		durationMs: z.number().describe('Of all calls together.'),
	})
	.meta({ id: 'UsageHour' });

const KEY = z.tuple([z.iso.datetime(), plainText(63), z.union([z.literal(''), plainText(512)])]);

const EVER = { from: new Date(0), to: new Date('9999-12-31T00:00:00Z') };

/** What was used of the servers of a workspace. */
export function createUsageRoutes({ store }: ResourceParts): readonly Route[] {
	return [
		defineRoute({
			id: 'listUsage',
			method: 'GET',
			path: '/workspaces/:workspace/usage',
			summary: 'Calls by hour, server and tool, in that order',
			authorize: { workspace: 'admin' },
			query: { ...PAGE_QUERY, ...SPAN_QUERY, server: plainText(63).optional() },
			responses: { 200: pageOf(USAGE) },
			async handle(context) {
				const { id } = knownWorkspace(context.snapshot, context.params.workspace);
				const { from = EVER.from, to = EVER.to, server } = context.query;
				const page = openPage(context, KEY);
				const wanted = { from, to, server, after: page.after, limit: page.rows };
				const rows = await store.withWorkspace(id, 'read-usage', (tx) => listUsage(tx, wanted));
				const body = page.answer(rows, {
					keyOf: ({ hour, server, tool }): z.output<typeof KEY> => [hour.toISOString(), server, tool],
					itemOf: ({ hour, ...counted }) => ({ hour: hour.toISOString(), ...counted }),
				});
				return { status: 200, body };
			},
		}),
	];
}
