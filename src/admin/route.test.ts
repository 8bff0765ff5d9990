import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineRoute, paramNames, templateOf } from './route.ts';

const done = { responses: { 204: null }, handle: () => ({ status: 204 as const }) } as const;
const read = { id: 'x', method: 'GET', summary: 'Planted' } as const;

describe('a route', () => {
	it('knows the parameters of its path', () => {
		const path = '/workspaces/:workspace/servers/:server';
		expect(paramNames(path)).toEqual(['workspace', 'server']);
		expect(templateOf(path)).toBe('/workspaces/{workspace}/servers/{server}');
		const { params } = defineRoute({ ...read, ...done, path, authorize: { workspace: 'read' } });
		expect(Object.keys(params)).toEqual(['workspace', 'server']);
		expect(params['server']?.safeParse('jira').success).toBe(true);
		expect(params['server']?.safeParse('../etc').success).toBe(false);
	});

	// Types are judged with the rest of the project; what is wrong here is that a line below could stand.
	it('cannot be written without saying whom it is for, nor as something that makes no sense', () => {
		const wrong = [
			// @ts-expect-error nobody is named
			() => defineRoute({ ...read, ...done, path: '/things' }),
			// @ts-expect-error no such audience
			() => defineRoute({ ...read, ...done, path: '/things', authorize: 'anyone' }),
			// @ts-expect-error no workspace to hold a level in
			() => defineRoute({ ...read, ...done, path: '/things', authorize: { workspace: 'read' } }),
			// @ts-expect-error everybody's workspace
			() => defineRoute({ ...read, ...done, path: '/workspaces/:workspace', authorize: 'signed-in' }),
			() =>
				defineRoute({
					...{ ...read, ...done, path: '/things/:thing', authorize: 'signed-in' },
					// @ts-expect-error no such parameter
					params: { thnig: z.string() },
				}),
			() =>
				defineRoute({
					...{ ...read, path: '/things', authorize: 'signed-in', responses: { 204: null } },
					// @ts-expect-error a status that is not declared
					handle: () => ({ status: 200 }),
				}),
			() =>
				defineRoute({
					...read,
					path: '/things/:thing',
					authorize: 'signed-in',
					query: { size: z.coerce.number() },
					body: z.strictObject({ name: z.string() }),
					responses: { 200: z.strictObject({ text: z.string() }) },
					handle({ params, query, body }) {
						const known: string = params.thing + query.size.toFixed() + body.name;
						// @ts-expect-error not in the path
						params.other;
						// @ts-expect-error not in the schema
						body.other;
						return { status: 200, body: { text: known } };
					},
				}),
		];
		expect(wrong).toHaveLength(7);
	});
});
