import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FOREIGN, RESULTS, TOOLS } from '../../test/fakes/mcpo-fixture-data.mjs';
import { type ExactObject, exactOf, isExactObject, parseExact, writeExact } from '../lib/json-exact.ts';
import { checkArguments } from './check-arguments.ts';
import { compareDocuments } from './compare-documents.ts';
import { openApiDocument } from './document.ts';
import { jsonFaultAt } from './json-fault-at.ts';
import { resultBody } from './result-body.ts';
import { shapeOf } from './shape.ts';

/** What mcpo 0.0.20 answered to the same server; made by tools/golden-mcpo.mjs. */
interface Pair {
	readonly name: string;
	readonly path: string;
	readonly method?: string;
	readonly body?: string;
	readonly answer: { readonly status: number; readonly text: string };
}

/** As much of a document as is looked into. */
interface Document {
	readonly paths: Readonly<Record<string, unknown>>;
	readonly components: { readonly schemas: { readonly [key: string]: Schema | undefined } };
}

interface Schema {
	readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
	readonly required?: readonly string[];
}

const golden = (name: string): string => readFileSync(join('test/golden/mcpo', name), 'utf8');
const PAIRS = JSON.parse(golden('pairs.json')) as readonly Pair[];
const definitionOf = (tool: object): ExactObject => exactOf(tool) as ExactObject;

function documentOf(tools: typeof TOOLS, isStrict: boolean): Document {
	const parts = { title: 'fixture', description: 'fixture MCP Server', version: '1.2.3', path: '' };
	const documented = tools.map((tool) => ({ name: tool.name, definition: definitionOf(tool) }));
	const document = openApiDocument({ ...parts, tools: documented, isProtected: true, isStrict });
	return JSON.parse(writeExact(document)) as Document;
}

describe('the document', () => {
	it('is that of mcpo in strict mode, member by member', () => {
		expect(documentOf(TOOLS, true)).toEqual(JSON.parse(golden('document.json')));
	});

	it('has the same operations and the same required arguments otherwise, and loses nothing of a schema', () => {
		const [ours, theirs] = [documentOf(TOOLS, false), JSON.parse(golden('document.json'))] as readonly Document[];
		expect(Object.keys(ours!.paths)).toEqual(Object.keys(theirs!.paths));
		for (const path of Object.keys(theirs!.paths)) {
			expect(ours!.paths[path]).toEqual(theirs!.paths[path]);
		}
		for (const [key, schema] of Object.entries(ours!.components.schemas)) {
			expect(schema?.required).toEqual(theirs!.components.schemas[key]?.required);
		}
		const { color, small, short, one, when, fixed, defined } = ours!.components.schemas['types_form_model']!.properties;
		expect(color).toEqual({ type: 'string', enum: ['red', 'green'], description: 'A colour', title: 'Color' });
		expect(small).toMatchObject({ minimum: 1, maximum: 9 });
		expect(short).toMatchObject({ minLength: 2, maxLength: 5, pattern: '^a' });
		expect(one?.['oneOf']).toEqual([{ type: 'string' }, { type: 'integer' }]);
		expect([when?.['format'], fixed?.['const']]).toEqual(['date-time', 7]);
		expect(defined).toMatchObject({ type: 'object', properties: { size: { type: 'integer' } }, required: ['size'] });
	});

	it('follows a reference that mcpo cannot, and keeps the other tools', () => {
		const document = documentOf([...TOOLS, FOREIGN], false) as Document;
		expect(document.components.schemas['foreign_form_model']?.properties['a']).toMatchObject({ type: 'string' });
		expect(Object.keys(document.paths)).toHaveLength(TOOLS.length + 1);
	});
});

/** Tools that give back what reached them. */
const ECHOES = ['types', 'optional_only', 'open'];
const CALLS = PAIRS.filter(({ path, method }) => method === undefined && path !== '/nothing');

describe('arguments', () => {
	const tools = new Map(TOOLS.map((tool) => [`/${tool.name}`, tool]));
	const judged = CALLS.filter(({ path, body, answer }) => {
		const isAboutArguments = answer.status === 422 && answer.text.includes('"loc"');
		const isEcho = ECHOES.includes(path.slice(1)) && answer.status === 200;
		return body !== undefined && body !== '' && body !== 'null' && (isAboutArguments || isEcho) && isJson(body);
	}).filter(({ name }) => name !== 'wrong content type');

	it.each(judged)('are held to their shape as mcpo does: $name', ({ path, body = '', answer }) => {
		const model = shapeOf(definitionOf(tools.get(path)!).get('inputSchema'));
		const checked = checkArguments(parseExact(body), model, { isStrict: true, coerces: true });
		if ('text' in checked) expect(equal(checked.text)).toBe(equal(answer.text));
		else {
			const detail = checked.faults.map(({ input, ...fault }) => ({ ...fault, input: JSON.parse(writeExact(input)) }));
			expect({ detail }).toEqual(JSON.parse(answer.text));
		}
	});

	it('has enough of them to mean something', () => expect(judged.length).toBeGreaterThan(45));

	it('reach a tool that takes anything, also those nobody named', () => {
		const model = shapeOf(definitionOf(tools.get('/open')!).get('inputSchema'));
		expect(checkArguments(parseExact('{"a":1,"more":1.0}'), model, { isStrict: false, coerces: true })).toEqual({
			text: '{"a":1,"more":1.0}',
		});
	});
});

// mcpo turns 7 into 7.0 where a number is wanted, which is the same number.
const equal = (text: string): string => text.replaceAll('"n":7.0', '"n":7');

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

describe('a body that is no JSON', () => {
	const broken = CALLS.filter(({ answer }) => answer.text.includes('json_invalid'));

	it.each(broken)('is told with place and reason: $name', ({ body = '', answer }) => {
		const [{ loc, ctx }] = JSON.parse(answer.text).detail;
		expect(jsonFaultAt(body)).toEqual({ at: loc[1], error: ctx.error });
	});

	it('has some of them', () => expect(broken.length).toBeGreaterThan(2));
});

describe('a result', () => {
	const given = CALLS.filter(({ path, body }) => path === '/give' && isExactObject(parseExact(body ?? '{}')));

	it.each(given)('is shown as mcpo shows it in strict mode: $name', ({ body = '{}', answer }) => {
		const result = resultBody(RESULTS[JSON.parse(body).kind]!, { isStrict: true, showsPages: false });
		if (result.kind === 'failure') {
			expect(JSON.parse(answer.text).detail.error).toBe(`500: {'message': '${result.message}'}`);
		} else if (body.includes('nan')) {
			// JSON has no word for it; mcpo says null, we say what it was.
			expect([answer.text, result]).toEqual(['null', { kind: 'value', text: '"NaN"' }]);
		} else expect(result.kind === 'value' && JSON.parse(result.text)).toEqual(JSON.parse(answer.text));
	});

	it.each([
		['exact', '{"big":12345678901234567890,"one":1.0,"e":1e2}'],
		['structured', '{"total":99.50}'],
		['both', '{"total":99.50}'],
		['audio', '"data:audio/wav;base64,UklGRg=="'],
		['link', '{"type":"resource_link","uri":"file:///a.txt","name":"a"}'],
		['embedded', '"inside"'],
		['blob', '"data:application/octet-stream;base64,AAE="'],
		['empty', '[]'],
	])('keeps every digit, and what mcpo drops: %s', (kind, text) => {
		expect(resultBody(RESULTS[kind]!, { isStrict: false, showsPages: false })).toEqual({ kind: 'value', text });
	});

	it('tells everything that a tool says about its failure', () => {
		expect(resultBody(RESULTS['errors']!, { isStrict: false, showsPages: false })).toEqual({
			kind: 'failure',
			message: 'boom\nbang',
		});
	});
});

describe('the comparison of two documents', () => {
	const theirs = JSON.parse(golden('document.json'));

	it('finds no difference between mcpo and us in what callers rely on', () => {
		expect(compareDocuments(theirs, documentOf(TOOLS, false))).toEqual([]);
		expect(compareDocuments(theirs, documentOf(TOOLS, true))).toEqual([]);
	});

	it('finds operations, ids, bodies, required arguments and types that changed', () => {
		const change = (from: string, to: string) => JSON.parse(golden('document.json').replaceAll(from, to));
		const differences = (other: unknown) => compareDocuments(theirs, other).map(({ path, what }) => `${path} ${what}`);
		expect(differences(change('"/give"', '"/take"'))).toEqual([
			'/give is missing in the second',
			'/take is missing in the first',
		]);
		expect(differences(change('"tool_give_post"', '"give"'))).toEqual([
			'/give has the operation id tool_give_post, then give',
		]);
		expect(differences(change('"timezone"', '"zone"'))).toEqual([
			'/get_current_time the argument timezone is missing in the second',
			'/get_current_time the argument zone is missing in the first',
		]);
		const loose = structuredClone(theirs);
		delete loose.components.schemas.get_current_time_form_model.required;
		loose.components.schemas.optional_only_form_model.properties.limit.type = 'number';
		expect(differences(loose)).toEqual([
			'/get_current_time the argument timezone is no longer required',
			'/optional_only the argument limit is integer, then number',
		]);
	});
});
