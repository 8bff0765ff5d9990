import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ExactObject, exactOf, parseExact } from '../../lib/json-exact.ts';
import type { Operation } from './operation.ts';
import { readApi } from './read-api.ts';
import { isFault, type Rendered, renderRequest } from './render-request.ts';

const PARAMETERS = [
	{ name: 'id', in: 'path' },
	{ name: 'part', in: 'path' },
	{ name: 'q', in: 'query' },
	{ name: 'tags', in: 'query', schema: { type: 'array' } },
	{ name: 'joined', in: 'query', explode: false, schema: { type: 'array' } },
	{ name: 'piped', in: 'query', style: 'pipeDelimited', explode: false },
	{ name: 'filter', in: 'query', style: 'deepObject', schema: { type: 'object' } },
	{ name: 'spread', in: 'query', schema: { type: 'object' } },
	{ name: 'X-Trace', in: 'header' },
	{ name: 'where', in: 'query', content: { 'application/json': { schema: {} } } },
];
const PATH = '/v1/pets/{id}/at-{part}.json';
const BODY = { content: { 'application/json': { schema: { type: 'object', properties: { note: {} } } } } };

function operationOf(path = PATH, operation: object = { parameters: PARAMETERS, requestBody: BODY }): Operation {
	const document = exactOf({ openapi: '3.1.0', paths: { [path]: { post: operation } } }) as ExactObject;
	const wish = { url: 'https://a.example/o.json', baseUrl: undefined, operations: undefined, ownHeaders: new Map() };
	return [...readApi(document, wish).operations.values()][0] as Operation;
}

const render = (operation: Operation, given: string) => renderRequest(operation, parseExact(given) as ExactObject);
const rendered = (given: string, operation = operationOf()): Rendered => {
	const request = render(operation, given);
	if (isFault(request)) throw new Error(request.fault);
	return request;
};

const NASTY = [
	...[
		'..',
		'.',
		'%2e%2e',
		'%2E.',
		'../..',
		'..\\..',
		'%2f',
		'%252e%252e%252f',
		'/',
		'\\',
		';',
		'..;',
		'..;/',
		'?',
		'#',
	],
	...[
		'&',
		'=',
		'+',
		' ',
		'\r\n',
		'\0',
		'\u0085',
		'\u2028',
		'\u202e',
		'．．',
		'／',
		'%00',
		'%0d%0a',
		':',
		'@',
		'//',
		'%',
	],
	...['{id}', '}', "'", '"', '<', '\ud800', '😀', 'a', '1.0', 'é', 'x: y', 'Host: evil', '\tx'],
];
const nastyText = fc.oneof(
	fc.array(fc.constantFrom(...NASTY), { maxLength: 6 }).map((parts) => parts.join('')),
	fc.string({ unit: 'binary', maxLength: 12 }),
);
const value = fc.oneof(
	nastyText,
	fc.integer(),
	fc.boolean(),
	fc.constant(null),
	fc.array(nastyText, { maxLength: 3 }),
	fc.dictionary(nastyText, nastyText, { maxKeys: 3 }),
);
const NAMES = ['id', 'part', 'q', 'tags', 'joined', 'piped', 'filter', 'spread', 'X-Trace', 'where', 'note', 'more'];
const given = fc
	.record(Object.fromEntries(NAMES.map((name) => [name, value])), { requiredKeys: ['id', 'part'] })
	.map((record) => JSON.stringify(record));

function fullyDecoded(text: string): string {
	const decoded = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
	return decoded === text ? text : fullyDecoded(decoded);
}

describe('a request', () => {
	const operation = operationOf();

	test('never leaves its template, whatever the arguments are', () => {
		let sent = 0;
		fc.assert(
			fc.property(given, (text) => {
				const request = render(operation, text);
				if (isFault(request)) return;
				sent += 1;
				const [path = '', query, ...more] = request.path.split('?');
				expect(more).toEqual([]);
				expect(request.path).toMatch(/^[\x21\x24-\x3b\x3d\x3f-\x5b\x5d-\x7e]+$/);
				const segments = path.split('/');
				expect(segments.slice(0, 3)).toEqual(['', 'v1', 'pets']);
				expect(segments).toHaveLength(5);
				expect(segments[4]).toMatch(/^at-.+\.json$/s);
				// Whoever parses it as an address sees the same, and no server that decodes it finds a way up.
				const url = new URL(`https://h.example${request.path}`);
				expect(url.pathname + url.search).toBe(request.path);
				expect(fullyDecoded(path).split(/[/\\]/)).not.toContain('..');
				expect(decodeURIComponent(path)).not.toMatch(/[\x00-\x1f\x7f]/);
				for (const pair of (query ?? 'q=').split('&')) {
					const name = fullyDecoded(pair.split('=')[0] ?? '');
					const isOwn = /^(?:q|tags|joined|piped|where|filter|spread)$|^filter\[/s.test(name);
					expect(
						isOwn || Object.hasOwn(JSON.parse(text).spread ?? {}, decodeURIComponent(pair.split('=')[0] ?? '')),
					).toBe(true);
				}
				expect(Object.keys(request.headers).filter((name) => name !== 'x-trace' && name !== 'content-type')).toEqual(
					[],
				);
				for (const header of Object.values(request.headers)) expect(header).not.toMatch(/[^\x20-\x7e\x80-\xff]/);
			}),
			{ numRuns: 10_000 },
		);
		expect(sent).toBeGreaterThan(1_000);
	});

	test.each([
		['"docs/readme.md"', '/x/docs%2Freadme.md'],
		['"a;b?c#d&e=f %2f"', '/x/a%3Bb%3Fc%23d%26e%3Df%20%252f'],
		['12345678901234567890', '/x/12345678901234567890'],
		['1.0', '/x/1.0'],
		['["a,b","c"]', '/x/a%2Cb,c'],
		['true', '/x/true'],
		['"..."', '/x/...'],
		['"grüße"', '/x/gr%C3%BC%C3%9Fe'],
	])('writes %s into a path as %s', (id, path) => {
		expect(rendered(`{"id":${id}}`, idOperation()).path).toBe(path);
	});

	test.each([
		...['".."', '"."', '""', '"%2e%2e"', '"../x"', '"a/../b"', '"..\\\\x"', '"%252e%252e"', '"..;x"', '"a\\u0000"'],
		...['"a\\r\\nb"', '"\\ud800"', '[]', 'null'],
	])('refuses %s in a path with a sentence', (id) => {
		const request = render(idOperation(), `{"id":${id}}`);
		expect(isFault(request) && request.fault).toMatch(/^The argument id (cannot stand in an address|is missing)/);
	});

	test('writes a query in the style of each parameter', () => {
		const text =
			'{"id":1,"part":"p","q":1.0,"tags":["a b","c&d"],"joined":["a",2],"piped":["x","y"],"filter":{"a":1},"spread":{"k":"v"},"where":{"n":12345678901234567890}}';
		expect(rendered(text).path).toBe(
			'/v1/pets/1/at-p.json?q=1.0&tags=a%20b&tags=c%26d&joined=a,2&piped=x%7Cy&filter%5Ba%5D=1&k=v&where=%7B%22n%22%3A12345678901234567890%7D',
		);
	});

	test('lets no member of an object take the place of another argument', () => {
		expect(render(operation, '{"id":1,"part":1,"spread":{"q":"x"}}')).toEqual({
			fault: 'The argument spread has a member that is another argument of this tool.',
		});
	});

	test('has the body as the caller spelled its numbers', () => {
		const request = rendered('{"id":1,"part":1,"note":{"n":[12345678901234567890,1.0]},"more":1e2}');
		expect(request.body).toBe('{"note":{"n":[12345678901234567890,1.0]},"more":1e2}');
		expect(request.headers['content-type']).toBe('application/json');
	});

	test('refuses arguments that nothing takes, where the tool is not open', () => {
		expect(render(idOperation(), '{"id":1,"more":1}')).toEqual({
			fault: 'There is an argument that this tool does not take; see its schema.',
		});
	});

	test('has fields for a form', () => {
		const content = { 'application/x-www-form-urlencoded': { schema: { type: 'object', properties: { a: {} } } } };
		const form = operationOf('/x', { requestBody: { required: true, content } });
		expect(rendered('{"a":"b&c","d":[1.0,"é"]}', form).body).toBe('a=b%26c&d=1.0&d=%C3%A9');
	});
});

function idOperation(): Operation {
	return operationOf('/x/{id}', { parameters: [{ name: 'id', in: 'path' }] });
}
