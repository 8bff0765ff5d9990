import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { buildDocument } from './build-document.ts';
import { PAGE_QUERY, pageOf } from './page.ts';
import { defineRoute } from './route.ts';

const THING = z.strictObject({ name: z.string(), version: z.int() }).meta({ id: 'Thing' });
const things = { path: '/workspaces/:workspace/things' } as const;
const thing = { path: '/workspaces/:workspace/things/:thing', params: { thing: z.uuid() } } as const;

const list = defineRoute({
	...{ ...things, id: 'listThings', method: 'GET', summary: 'Lists things' },
	authorize: { workspace: 'read' },
	query: PAGE_QUERY,
	responses: { 200: pageOf(THING) },
	handle: (_context) => ({ status: 200, body: { items: [] } }),
});
const create = defineRoute({
	...{ ...things, id: 'createThing', method: 'POST', summary: 'Makes a thing' },
	authorize: { workspace: 'write' },
	body: z.strictObject({ name: z.string() }),
	responses: { 201: THING },
	idempotency: 'creation',
	handle: ({ body: { name } }) => ({ status: 201, body: { name, version: 1 } }),
});
const remove = defineRoute({
	...{ ...thing, id: 'deleteThing', method: 'DELETE', summary: 'Removes a thing' },
	authorize: 'platform-admin',
	responses: { 204: null },
	handle: (_context) => ({ status: 204 }),
});

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into at many depths.
const document = buildDocument([list, create, remove]) as any;
const at = (path: string, method: string) => document.paths[path][method];

describe('the document', () => {
	it('describes lists with their pages', () => {
		const { operationId, description, parameters, responses } = at('/workspaces/{workspace}/things', 'get');
		expect(operationId).toBe('listThings');
		expect(description).toBe('For those who hold at least read in the workspace.');
		expect(parameters).toMatchObject([
			{ name: 'workspace', in: 'path', required: true, schema: { type: 'string', pattern: expect.any(String) } },
			{
				name: 'limit',
				in: 'query',
				required: false,
				schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
			},
			{ name: 'cursor', in: 'query', required: false, schema: { type: 'string' } },
		]);
		const { schema } = responses[200].content['application/json'];
		expect(schema.properties.items).toEqual({ type: 'array', items: { $ref: '#/components/schemas/Thing' } });
		expect(document.components.schemas.Thing).toMatchObject({ type: 'object', additionalProperties: false });
	});

	it('describes creations with their key, place and version', () => {
		const { parameters, requestBody, responses } = at('/workspaces/{workspace}/things', 'post');
		expect(parameters.map(({ name }: { name: string }) => name)).toEqual(['workspace', 'Idempotency-Key']);
		expect(requestBody).toMatchObject({ required: true, content: { 'application/json': expect.anything() } });
		expect(Object.keys(responses[201].headers)).toEqual(['Location', 'ETag']);
		const problems = [400, 401, 403, 404, 409, 413, 415, 422, 503, 'default'].map(String);
		expect(Object.keys(responses)).toEqual(['201', ...problems].sort());
	});

	it('describes changes with what they demand', () => {
		const { parameters, description, responses } = at('/workspaces/{workspace}/things/{thing}', 'delete');
		expect(parameters.map(({ name }: { name: string }) => name)).toEqual([
			...['workspace', 'thing', 'If-Match', 'If-None-Match'],
		]);
		expect(description).toBe('For platform administrators.');
		expect(responses).toMatchObject({ 204: { description: 'No Content' }, 412: {}, 428: {} });
	});

	it('demands a token', () => {
		expect(document.security).toEqual([{ bearer: [] }]);
		expect(document.components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
	});

	it('gives no name to two schemas', () => {
		const other = z.strictObject({ other: z.string() }).meta({ id: 'Thing' });
		const clash = { ...create, id: 'clash', path: '/x', responses: { 201: other } };
		expect(() => buildDocument([create, clash])).toThrow('two schemas are called Thing');
	});
});
