import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorCode } from '../../errors/portcullis-error.ts';
import { type ApiWish, readApi } from './read-api.ts';
import { readDocument } from './read-document.ts';

const WISH: ApiWish = {
	url: 'https://api.example/docs/openapi.json',
	baseUrl: undefined,
	operations: undefined,
	ownHeaders: new Map([['x-client-of-ours', []]]),
};

async function serviceOf(document: object | string, wish: Partial<ApiWish> = {}) {
	const text = typeof document === 'string' ? document : JSON.stringify({ openapi: '3.1.0', paths: {}, ...document });
	return readApi(await readDocument(text), { ...WISH, ...wish });
}

async function toolOf(operation: object, path = '/x', method = 'post') {
	const [found] = (await serviceOf({ paths: { [path]: { [method]: operation } } })).operations.values();
	return found && { ...JSON.parse(found.definition), operation: found };
}

const detailOf = (promise: Promise<unknown>): Promise<unknown> =>
	promise.then(
		() => 'read',
		(error) => [errorCode(error), (error as { facts?: { detail?: string } }).facts?.detail],
	);

describe('the tools of a document', () => {
	test('of mcpo are those that mcpo was given', async () => {
		const { operations } = await serviceOf(readFileSync('test/golden/mcpo/document.json', 'utf8'));
		const document = JSON.parse(readFileSync('test/golden/mcpo/document.json', 'utf8')) as { paths: object };
		expect([...operations.keys()]).toEqual(
			Object.keys(document.paths).map((path) => decodeURIComponent(path.slice(1))),
		);
		const time = JSON.parse(operations.get('get_current_time')?.definition ?? '');
		expect(time).toMatchObject({ description: expect.stringContaining('timezone'), inputSchema: { type: 'object' } });
		expect(time.inputSchema.required).toEqual(['timezone']);
		expect(time.annotations).toBeUndefined();
		expect(operations.get('get_current_time')?.isMcpo).toBe(true);
	});

	test('of a YAML document of 3.0 have one schema for path, query, header and body', async () => {
		const { operations, basePath } = await serviceOf(`
openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: 'https://api.example/{stage}/v1/', variables: {stage: {default: live}}}]
paths:
  /pets/{petId}:
    parameters: [{$ref: '#/components/parameters/PetId'}]
    put:
      operationId: pets.update
      summary: Change a pet
      description: All of it.
      parameters:
        - {name: dry run, in: query, schema: {type: boolean, default: false}, description: Change nothing.}
        - {name: X-Reason, in: header, required: true, schema: {type: string}}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
components:
  parameters:
    PetId: {name: petId, in: path, required: true, schema: {type: integer, minimum: 0, exclusiveMinimum: true}}
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        name: {type: string, nullable: true}
        kind: {allOf: [{$ref: '#/components/schemas/Kind'}], x-internal: true}
        parent: {$ref: '#/components/schemas/Pet'}
    Kind: {type: string, enum: [cat, dog], nullable: true}
`);
		expect(basePath).toBe('/live/v1');
		const definition = JSON.parse(operations.get('pets_update')?.definition ?? '{}');
		expect(definition).toEqual({
			name: 'pets_update',
			description: 'Change a pet\n\nAll of it.',
			inputSchema: {
				type: 'object',
				properties: {
					dry_run: { type: 'boolean', default: false, description: 'Change nothing.' },
					'X-Reason': { type: 'string' },
					petId: { type: 'integer', exclusiveMinimum: 0 },
					name: { type: ['string', 'null'] },
					kind: { allOf: [{ type: ['string', 'null'], enum: ['cat', 'dog', null] }] },
					parent: {},
				},
				required: ['X-Reason', 'petId', 'name'],
			},
		});
	});

	test('are named by operation id or by method and path, and each otherwise', async () => {
		const long = 'x'.repeat(80);
		const paths = {
			'/a/{b}': { get: {}, delete: { operationId: 'a b' } },
			'/c': { get: { operationId: 'a_b' }, post: { operationId: long } },
		};
		const { operations } = await serviceOf({ paths });
		const names = [...operations.keys()];
		expect(names.slice(0, 3)).toEqual(['get_a_b', 'a_b', 'a_b_2']);
		expect(names[3]).toMatch(/^x{55}_[0-9a-f]{8}$/);
		expect(JSON.parse(operations.get('a_b')?.definition ?? '').annotations).toEqual({ destructiveHint: true });
	});

	test('are those that were selected', async () => {
		const paths = { '/pets': { get: { operationId: 'list' }, post: { operationId: 'add' } }, '/x/y': { get: {} } };
		const namesFor = async (operations: string[]) => [
			...(await serviceOf({ paths }, { operations })).operations.keys(),
		];
		expect(await namesFor(['add', 'GET /x/*'])).toEqual(['add', 'get_x_y']);
		expect(await namesFor(['GET *'])).toEqual(['list', 'get_x_y']);
		expect(await namesFor([])).toEqual([]);
	});

	test('never say that they only read, whatever their method', async () => {
		const tool = await toolOf({ 'x-readOnly': true, annotations: { readOnlyHint: true } }, '/x', 'get');
		expect(JSON.stringify(tool)).not.toContain('readOnlyHint');
	});

	test('take the body as one argument where its members would be others, or it is no object', async () => {
		const body = (schema: object) => ({ content: { 'application/json': { schema } }, required: true });
		const clash = { parameters: [{ name: 'id', in: 'query' }], requestBody: body({ properties: { id: {} } }) };
		expect((await toolOf(clash))?.inputSchema).toMatchObject({ properties: { id: {}, body: {} }, required: ['body'] });
		const list = { requestBody: body({ type: 'array', items: { type: 'integer' } }) };
		expect((await toolOf(list))?.inputSchema.properties.body).toEqual({ type: 'array', items: { type: 'integer' } });
	});

	test('set no header that carries a credential, says who asks, or belongs to the connection', async () => {
		const names = [
			'Authorization',
			'Cookie',
			'Host',
			'X-Api-Key',
			'X-Forwarded-For',
			'Content-Type',
			'X-Client-Of-Ours',
		];
		const more = ['Transfer-Encoding', 'X-HTTP-Method-Override', 'Mcp-Session-Id', 'X-User-Email', 'a b', 'X:\r\ny'];
		const parameters = [...names, ...more, 'If-Match'].map((name) => ({ name, in: 'header', required: true }));
		expect((await toolOf({ parameters }))?.inputSchema.required).toEqual(['If-Match']);
	});

	test('are none of an operation that cannot be called', async () => {
		const upload = { requestBody: { required: true, content: { 'multipart/form-data': {} } } };
		expect(await toolOf(upload)).toBeUndefined();
		expect(await toolOf({ parameters: [{ name: 'a', in: 'path', style: 'matrix' }] }, '/x/{a}')).toBeUndefined();
		for (const path of [
			'x',
			'//evil.example/x',
			'/../x',
			'/a/%2e%2e/x',
			'/x?y=1',
			'/x#y',
			'/x\r\ny',
			'/a//b',
			'/{a',
			'/x\\y',
		]) {
			expect(await toolOf({}, path), path).toBeUndefined();
		}
	});

	test('are never at another origin than the document, unless the definition says so', async () => {
		const paths = { '/x': { get: {} } };
		const baseOf = async (servers: object[], wish: Partial<ApiWish> = {}) =>
			(await serviceOf({ paths, servers }, wish)).basePath;
		for (const url of ['https://evil.example', '//evil.example/', 'http://api.example', 'https://api.example:8443']) {
			expect(await detailOf(baseOf([{ url }])), url).toEqual([
				'PC_UPSTREAM_INVALID',
				expect.stringContaining('origin'),
			]);
		}
		expect(await baseOf([{ url: 'https://evil.example' }, { url: '../v2' }])).toBe('/v2');
		expect(await baseOf([{ url: 'https://evil.example' }], { baseUrl: 'https://own.example/base/' })).toBe('/base');
		const elsewhere = { '/x': { get: { servers: [{ url: 'https://evil.example' }] } }, '/y': { get: {} } };
		expect([...(await serviceOf({ paths: elsewhere })).operations.keys()]).toEqual(['get_y']);
	});

	test.each([
		[
			'wrong types',
			{ paths: { '/x': 5, '/y': { get: [] }, '/z': { get: { parameters: {}, requestBody: [], responses: 1 } } } },
		],
		['references to itself', { paths: { '/x': { $ref: '#/paths/~1x' } } }],
		[
			'references to nothing',
			{ paths: { '/x': { post: { requestBody: { $ref: '#/nothing' }, parameters: [{ $ref: 'http://x' }] } } } },
		],
		[
			'strange schemas',
			{
				paths: {
					'/x': {
						post: {
							requestBody: {
								content: {
									'application/json': { schema: { properties: 5, items: [], allOf: {}, required: 7, enum: null } },
								},
							},
						},
					},
				},
			},
		],
	])('survive %s', async (_, document) => {
		for (const { definition } of (await serviceOf(document)).operations.values()) {
			expect(JSON.parse(definition).inputSchema.type).toBe('object');
		}
	});

	test('stay small where references multiply', async () => {
		const names = Array.from({ length: 40 }, (_, at) => `S${at}`);
		const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/schemas/${name}` }]));
		const schemas = Object.fromEntries(names.map((name) => [name, { type: 'object', properties }]));
		const requestBody = { content: { 'application/json': { schema: { $ref: '#/components/schemas/S0' } } } };
		const paths = Object.fromEntries(names.map((name) => [`/${name}`, { post: { requestBody } }]));
		const { operations } = await serviceOf({ paths, components: { schemas } });
		const sizes = [...operations.values()].map(({ definition }) => definition.length);
		expect(Math.max(...sizes)).toBeLessThan(300_000);
	});
});

describe('a document', () => {
	test.each([
		['is of version 2', '{"swagger":"2.0","paths":{}}'],
		['has no paths', '{"openapi":"3.1.0"}'],
		['is a list', '[1]'],
		['is a page', '<html></html>'],
		['is nested too deeply', `{"openapi":"3.1.0","paths":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
		[
			'is a bomb of aliases',
			`a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
				.split('')
				.map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(',')}]\n`)
				.join('')}openapi: 3.1.0\npaths: {}\n`,
		],
		['is a circle', 'openapi: 3.1.0\npaths: &p\n  /x: *p\n'],
		['is half a text', '{"openapi":"3.1.0",'],
	])('is refused where it %s', async (_, text) => {
		expect(await detailOf(readDocument(text))).toEqual(['PC_UPSTREAM_INVALID', expect.any(String)]);
	});
});
