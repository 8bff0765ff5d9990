import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carriedMeta, projectResult, projectTool } from './project.ts';

const UP = { from: 'legacy', to: 'modern' } as const;
const DOWN = { from: 'modern', to: 'legacy' } as const;
const MODERN = { from: 'modern', to: 'modern' } as const;
const LEGACY = { from: 'legacy', to: 'legacy' } as const;

describe('a result on its way to a modern client', () => {
	it('says that it is complete, and keeps every other byte', () => {
		const text = '{"content":[{"type":"hologram","n":1.0}],"x":12345678901234567890}';
		expect(projectResult(text, 'tools/call', UP)).toBe(`${text.slice(0, -1)},"resultType":"complete"}`);
		expect(projectResult('{}', 'ping', UP)).toBe('{"resultType":"complete"}');
	});

	it.each([
		'server/discover',
		'tools/list',
		'prompts/list',
		'resources/list',
		'resources/templates/list',
		'resources/read',
	])('of %s may not be cached for anybody', (method) => {
		const hints = '"resultType":"complete","ttlMs":0,"cacheScope":"private"';
		expect(projectResult('{"a":1.0}', method, UP)).toBe(`{"a":1.0,${hints}}`);
		const open = '{"ttlMs":9000,"resultType":"complete","cacheScope":"public"}';
		expect(JSON.parse(projectResult(open, method, MODERN))).toEqual(JSON.parse(`{${hints}}`));
	});

	it('keeps the kind it has', () => {
		const text = '{"resultType":"input_required","requestState":"x"}';
		expect(projectResult(text, 'tools/call', MODERN)).toBe(text);
	});
});

describe('a result on its way to a legacy client', () => {
	it('passes as it is where a legacy server gave it', () => {
		const text = '{ "resultType" : "mine", "ttlMs":1.0,"structuredContent":[1] }';
		expect(projectResult(text, 'tools/call', LEGACY)).toBe(text);
	});

	it('loses the words of the newer revision, at the top alone', () => {
		const text = '{"resultType":"complete","a":{"resultType":"x","ttlMs":1.0},"ttlMs":5,"cacheScope":"public"}';
		expect(projectResult(text, 'resources/read', DOWN)).toBe('{"a":{"resultType":"x","ttlMs":1.0}}');
	});

	it.each([
		['{"structuredContent":{"a":1.0}}', '{"a":1.0}', '{"a":1.0}'],
		['{"structuredContent":[ 1.0 ]}', '{"result":[ 1.0 ]}', '[ 1.0 ]'],
		['{"structuredContent":"{"}', '{"result":"{"}', '"{"'],
		['{"structuredContent":null}', '{"result":null}', 'null'],
	])('has structured content of %s that older clients can read', (text, structured, said) => {
		const block = `{"type":"text","text":${JSON.stringify(said)}}`;
		const projected = projectResult(text, 'tools/call', DOWN);
		expect(projected).toBe(`{"structuredContent":${structured},"content":[${block}]}`);
	});

	it('keeps content that holds a text, and adds one to content that does not', () => {
		const rest = '"structuredContent":{"a":1}}';
		const texts = '{"content":[ {"x":1.0,"type" : "text","text":"said"} ],';
		expect(projectResult(texts + rest, 'tools/call', DOWN)).toBe(texts + rest);
		const images = projectResult(`{"content":[ {"type":"image","n":1.0} ],${rest}`, 'tools/call', DOWN);
		expect(images).toContain('"content":[{"type":"image","n":1.0},{"type":"text","text":"{\\"a\\":1}"}]');
	});

	it('that is no result of a tool keeps its structured content', () => {
		expect(projectResult('{"structuredContent":[1]}', 'prompts/get', DOWN)).toBe('{"structuredContent":[1]}');
	});
});

describe('any result', () => {
	it('stays JSON with the same other members, whichever way it goes', () => {
		const words = ['resultType', 'ttlMs', 'cacheScope', 'structuredContent', 'content'];
		const result = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue(), { noNullPrototype: true });
		const methods = fc.constantFrom('tools/call', 'tools/list', 'prompts/get', 'vendor/x');
		fc.assert(
			fc.property(result, methods, fc.constantFrom(UP, DOWN, MODERN, LEGACY), (value, method, crossing) => {
				fc.pre(Object.keys(value).every((key) => key !== '__proto__' && !words.includes(key)));
				const projected = JSON.parse(projectResult(JSON.stringify(value), method, crossing)) as Record<string, unknown>;
				const others = Object.fromEntries(Object.entries(projected).filter(([key]) => !words.includes(key)));
				expect(others).toEqual(JSON.parse(JSON.stringify(value)));
			}),
		);
	});
});

describe('the definition of a tool', () => {
	it('passes as it is within one era', () => {
		const text = '{ "name" : "a", "execution":{"taskSupport":"required"}, "outputSchema":{"type":"array"} }';
		for (const crossing of [MODERN, LEGACY]) expect(projectTool(text, crossing)).toBe(text);
	});

	it('loses what the modern revision has no word for', () => {
		const text = '{"name":"a","execution":{"taskSupport":"required","x":1.0}}';
		expect(projectTool(text, UP)).toBe('{"name":"a","execution":{"x":1.0}}');
		for (const other of ['{"name":"a"}', '{"execution":null}', '{"execution":[1]}'])
			expect(projectTool(other, UP)).toBe(other);
	});

	it('has an output schema of an object, for clients that know no other', () => {
		const wrapped = '{"type":"object","properties":{"result":{"type":"array","n":1.0}},"required":["result"]}';
		expect(projectTool('{"outputSchema":{"type":"array","n":1.0}}', DOWN)).toBe(`{"outputSchema":${wrapped}}`);
		const object = '{"outputSchema":{"n":1.0,"type":"object"}}';
		for (const other of [object, '{"name":"a"}']) expect(projectTool(other, DOWN)).toBe(other);
	});
});

describe('the _meta that travels on', () => {
	it('is the caller’s own, byte for byte, without what belongs to the hop', () => {
		const own = '"vendor/x":{ "n" : 1.0 },"traceparent":"00-1"';
		const hop =
			'"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},' +
			'"io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/logLevel":"debug","progressToken":1';
		expect(carriedMeta(`{"name":"a","_meta":{${hop},${own}}}`)).toEqual({
			'vendor/x': '{ "n" : 1.0 }',
			traceparent: '"00-1"',
		});
	});

	it('is nothing where there is none', () => {
		for (const text of ['{}', '{"_meta":null}', '{"_meta":[]}', '{"a":{"_meta":{"x":1}}}'])
			expect(carriedMeta(text)).toEqual({});
	});
});
