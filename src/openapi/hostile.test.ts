import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExactObject, parseExact, writeExact } from '../lib/json-exact.ts';
import { openApiDocument } from './document.ts';

/** Definitions of servers that mean harm or know no better. */
const NAMES = [
	'type',
	'properties',
	'required',
	'items',
	'$ref',
	'enum',
	'default',
	'oneOf',
	'anyOf',
	'additionalProperties',
];
const RARE = [
	'pattern',
	'minimum',
	'maxLength',
	'multipleOf',
	'const',
	'title',
	'description',
	'format',
	'$defs',
	'not',
	'if',
];
const keyword = fc.oneof(
	{ weight: 6, arbitrary: fc.constantFrom(...NAMES) },
	{
		weight: 3,
		arbitrary: fc.constantFrom(...RARE, '__proto__', 'constructor', '$id', '$schema', '$dynamicRef', 'nullable'),
	},
	{ weight: 1, arbitrary: fc.string() },
);
const word = fc.oneof(
	fc.constantFrom(
		'object',
		'string',
		'integer',
		'array',
		'null',
		'strange',
		'#',
		'#/properties/a',
		'#/$defs/A',
		'(',
		'\ud800',
	),
	fc.string(),
);
const { schema } = fc.letrec<{ schema: unknown; value: unknown }>((tie) => ({
	value: fc.oneof(
		{ depthSize: 'small', withCrossShrink: true },
		word,
		fc.integer(),
		fc.double(),
		fc.boolean(),
		fc.constant(null),
		fc.array(word, { maxLength: 3 }),
		fc.array(tie('schema'), { maxLength: 3 }),
		tie('schema'),
	),
	schema: fc.dictionary(keyword, tie('value'), { maxKeys: 6 }),
}));
const tool = fc.record(
	{
		name: fc.oneof(
			fc.constantFrom('a', 'a.b', 'a-b', 'a_b', 'mcp', 'docs', '__proto__', '../x', 'a/b', '{a}', 'é', ' '),
			fc.string({ minLength: 1 }),
		),
		description: fc.oneof(fc.string(), fc.integer(), fc.constant('')),
		inputSchema: fc.oneof({ weight: 5, arbitrary: schema }, { weight: 1, arbitrary: fc.jsonValue() }),
		outputSchema: schema,
	},
	{ requiredKeys: ['name', 'inputSchema'] },
);

const PER_DOCUMENT = 25;
const RUNS = 10_000 / PER_DOCUMENT;

describe('definitions of hostile servers', () => {
	it.each([false, true])(
		'never break a document (strict: %s)',
		async (isStrict) => {
			const validator = new Validator();
			const ajv = new Ajv2020({ strict: false, validateFormats: false });
			await fc.assert(
				fc.asyncProperty(fc.array(tool, { minLength: PER_DOCUMENT, maxLength: PER_DOCUMENT }), async (tools) => {
					const documented = tools.map((each) => ({
						name: each.name,
						definition: parseExact(JSON.stringify(each)) as ExactObject,
					}));
					const about = { title: 't', description: 'd', version: '1', path: '', isProtected: true };
					const document = JSON.parse(writeExact(openApiDocument({ ...about, tools: documented, isStrict })));
					expect((await validator.validate(structuredClone(document))).errors).toBeUndefined();
					const operations = Object.values<{ post: { operationId: string } }>(document.paths);
					expect(new Set(operations.map(({ post }) => post.operationId)).size).toBe(PER_DOCUMENT);
					for (const component of Object.values<object>(document.components.schemas)) {
						expect([ajv.validateSchema(component), ajv.errors, component]).toEqual([true, null, component]);
					}
				}),
				{ numRuns: isStrict ? RUNS / 10 : RUNS },
			);
		},
		240_000,
	);
});
