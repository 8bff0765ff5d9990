import { describe, expect, it } from 'vitest';
import { fittingDefinition } from './fitting-definition.ts';

const fitting = (text: string) => fittingDefinition(JSON.parse(text) as never, text);

describe('the definition of a tool', () => {
	it.each(['{ "name":"a", "inputSchema" : {"type":"object","x":1.0} }', '{"name":"a"}'])(
		'that clients take stays byte for byte: %s',
		(text) => {
			expect(fitting(text)).toBe(text);
		},
	);

	it.each([
		['{"name":"a","inputSchema":{"properties":{"n":1.0}}}', { properties: { n: 1 }, type: 'object' }],
		['{"name":"a","inputSchema":{}}', { type: 'object' }],
		['{"name":"a","inputSchema":null}', { type: 'object' }],
		['{"name":"a","inputSchema":true}', { type: 'object' }],
		['{"name":"a","inputSchema":{"type":["object","null"]}}', { type: 'object' }],
	])('without the word that they insist on gets it: %s', (text, schema) => {
		const repaired = fitting(text) as string;
		expect(JSON.parse(repaired)).toEqual({ name: 'a', inputSchema: schema });
		expect(repaired.includes('1.0')).toBe(text.includes('1.0'));
	});

	it.each([
		'{"name":"a","inputSchema":{"type":"string"}}',
		'{"name":"a","inputSchema":{"type":["array"]}}',
		'{"name":"a","inputSchema":false}',
	])('that no arguments fit is left out: %s', (text) => {
		expect(fitting(text)).toBeUndefined();
	});
});
