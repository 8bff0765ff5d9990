import { describe, expect, it } from 'vitest';
import { paramHeadersOf, paramHeaderValues } from './param-headers.ts';

const text = (header: unknown) => ({ type: 'string', 'x-mcp-header': header });
const schema = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

describe('the arguments a tool wants mirrored', () => {
	it('are found on properties, at any depth of properties', () => {
		const inner = schema({ zone: { type: 'integer', 'x-mcp-header': 'Zone' }, other: { type: 'string' } });
		expect(paramHeadersOf(schema({ region: text('Region'), place: inner, urgent: { type: 'boolean' } }))).toEqual([
			{ path: ['region'], header: 'Region' },
			{ path: ['place', 'zone'], header: 'Zone' },
		]);
	});

	it('are none where nothing is declared, whatever the schema is', () => {
		for (const none of [undefined, null, true, [], 'x', {}, schema({}), schema({ a: true, b: null, c: { type: 'x' } })])
			expect(paramHeadersOf(none)).toEqual([]);
	});

	it.each([
		['an empty name', text('')],
		['a name with a space', text('My Region')],
		['a name with a line end', text('a\r\nb')],
		['a name that is too long', text('x'.repeat(65))],
		['a name that is no text', text(7)],
		['a number', { type: 'number', 'x-mcp-header': 'A' }],
		['an object', { type: 'object', 'x-mcp-header': 'A' }],
		['a value of several types', { type: ['string', 'null'], 'x-mcp-header': 'A' }],
		['a value of no type', { 'x-mcp-header': 'A' }],
	])('make the tool unfit when they are declared with %s', (_, property) => {
		expect(paramHeadersOf(schema({ fine: text('Fine'), property }))).toBeUndefined();
	});

	it('make the tool unfit when two have one name, in any case', () => {
		expect(paramHeadersOf(schema({ a: text('Region'), b: text('region') }))).toBeUndefined();
		expect(paramHeadersOf(schema({ a: text('A'), b: schema({ c: text('a') }) }))).toBeUndefined();
	});

	it.each([
		['on the schema itself', { ...schema({}), 'x-mcp-header': 'A', type: 'string' }],
		['under items', schema({ a: { type: 'array', items: text('A') } })],
		['under prefixItems', schema({ a: { prefixItems: [text('A')] } })],
		['under additionalProperties', schema({}, { additionalProperties: text('A') })],
		['under patternProperties', schema({}, { patternProperties: { '^x': text('A') } })],
		['under anyOf', schema({ a: { anyOf: [{ type: 'null' }, text('A')] } })],
		['in a branch of the whole', { oneOf: [schema({ a: text('A') })] }],
		['in a branch of a condition', schema({}, { else: schema({ a: text('A') }) })],
		['in definitions', schema({}, { $defs: { place: schema({ a: text('A') }) } })],
	])('make the tool unfit when they stand %s, where no chain of properties leads', (_, unfit) => {
		expect(paramHeadersOf(unfit)).toBeUndefined();
	});

	it('are not looked for in values, nor without end', () => {
		const data = { 'x-mcp-header': 'not a declaration', properties: { a: text(1) } };
		expect(paramHeadersOf(schema({ a: { default: data, enum: [data], const: data, examples: [data] } }))).toEqual([]);
		let deep: object = text('A');
		for (let depth = 0; depth < 100_000; depth++) deep = { items: deep };
		expect(paramHeadersOf(schema({ deep }))).toEqual([]);
	});
});

describe('the headers of a call', () => {
	const declared = [
		{ path: ['region'], header: 'Region' },
		{ path: ['place', 'zone'], header: 'X-Zone' },
	];
	const headers = (args: object) => Object.fromEntries(paramHeaderValues(declared, args as Record<string, unknown>));

	it('mirror text, numbers and booleans', () => {
		expect(headers({ region: 'eu west', place: { zone: 7 } })).toEqual({
			'mcp-param-region': 'eu west',
			'mcp-param-x-zone': '7',
		});
		expect(headers({ region: 'Zürich', place: { zone: false } })).toEqual({
			'mcp-param-region': '=?base64?WsO8cmljaA==?=',
			'mcp-param-x-zone': 'false',
		});
	});

	it('leave out what is absent or null', () => {
		for (const args of [{}, { region: null, place: null }, { place: 'x' }, { place: [] }])
			expect(headers(args)).toEqual({});
	});

	it('are not taken from what every object has', () => {
		const inherited = ['constructor', 'toString', '__proto__'].map((name) => ({ path: [name], header: name }));
		expect([...paramHeaderValues(inherited, {})]).toEqual([]);
	});
});
