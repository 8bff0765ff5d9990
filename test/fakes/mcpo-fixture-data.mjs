// What the fixture server of mcpo-fixture.mjs has.

const TYPES = {
	type: 'object',
	required: ['s'],
	properties: {
		s: { type: 'string', description: 'A text' },
		i: { type: 'integer', default: 3 },
		n: { type: 'number' },
		b: { type: 'boolean', description: 'Yes or no' },
		z: { type: 'null' },
		odd: { type: 'strange', description: 'Of a type nobody knows' },
		free: { description: 'Anything' },
		list: { type: 'array', items: { type: 'string' }, description: 'Texts' },
		numbers: { type: 'array', items: { type: 'integer' } },
		anything: { type: 'array' },
		pair: {
			type: 'object',
			description: 'Two things',
			required: ['x'],
			properties: { x: { type: 'integer', description: 'First' }, y: { type: 'string', default: 'why' } },
		},
		bag: { type: 'object', description: 'Whatever' },
		map: { type: 'object', additionalProperties: { type: 'integer' } },
		closed: { type: 'object', properties: { k: { type: 'string' } }, additionalProperties: false },
		either: { anyOf: [{ type: 'string' }, { type: 'integer' }], description: 'Text or number' },
		maybe: { type: ['string', 'null'] },
		many: { type: ['integer', 'string'] },
		one: { oneOf: [{ type: 'string' }, { type: 'integer' }], description: 'One of' },
		color: { type: 'string', enum: ['red', 'green'], description: 'A colour' },
		fixed: { const: 7 },
		when: { type: 'string', format: 'date-time' },
		small: { type: 'integer', minimum: 1, maximum: 9 },
		short: { type: 'string', minLength: 2, maxLength: 5, pattern: '^a' },
		people: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
		defined: { $ref: '#/$defs/Thing' },
		_hidden: { type: 'string' },
		'with-dash': { type: 'string' },
	},
	$defs: { Thing: { type: 'object', properties: { size: { type: 'integer' } }, required: ['size'] } },
};

const KIND = { type: 'object', properties: { kind: { type: 'string' } }, required: ['kind'] };

/** Definitions of tools. */
export const TOOLS = [
	{
		name: 'get_current_time',
		description: 'Get current time in a specific timezone',
		inputSchema: {
			type: 'object',
			properties: { timezone: { type: 'string', description: 'IANA timezone name' } },
			required: ['timezone'],
		},
	},
	{ name: 'DoThingNow', description: 'Takes nothing', inputSchema: { type: 'object' } },
	{ name: 'rich-tool.v2', inputSchema: KIND },
	{ name: 'give', description: 'Gives a result of this kind', inputSchema: KIND },
	{ name: 'fail', description: 'Fails in this way', inputSchema: KIND },
	{ name: 'types', description: 'Gives back its arguments', inputSchema: TYPES },
	{
		name: 'optional_only',
		description: 'Gives back its arguments',
		inputSchema: { type: 'object', properties: { limit: { type: 'integer' }, q: { type: 'string', default: 'all' } } },
	},
	{
		name: 'open',
		description: 'Gives back its arguments, and takes any',
		inputSchema: { type: 'object', properties: { a: { type: 'integer' } }, additionalProperties: true },
	},
	{
		name: 'with_output',
		description: 'Says what it gives',
		inputSchema: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] },
		outputSchema: { type: 'object', properties: { total: { type: 'number' } }, required: ['total'] },
	},
	{
		name: 'tree',
		inputSchema: {
			type: 'object',
			properties: { node: { type: 'object', properties: { next: { $ref: '#/properties/node' } } } },
		},
	},
];

/** A tool whose reference mcpo cannot follow, so that its server has no tools at all. */
export const FOREIGN = {
	name: 'foreign',
	inputSchema: {
		type: 'object',
		properties: { a: { $ref: '#/definitions/A' } },
		definitions: { A: { type: 'string' } },
	},
};

const text = (value) => ({ type: 'text', text: value });
const PNG = 'iVBORw0KGgo=';

/** Results by kind, as JSON text: numbers that JavaScript would change must leave as they stand here. */
export const RESULTS = {
	text: JSON.stringify({ content: [text('hello')] }),
	json: JSON.stringify({ content: [text('{"a":1,"b":[1,2]}')] }),
	number: JSON.stringify({ content: [text('42')] }),
	exact: JSON.stringify({ content: [text('{"big":12345678901234567890,"one":1.0,"e":1e2}')] }),
	nan: JSON.stringify({ content: [text('NaN')] }),
	quoted: JSON.stringify({ content: [text('"inner"')] }),
	spaced: JSON.stringify({ content: [text('  {"a" : 1}\n')] }),
	unicode: JSON.stringify({ content: [text('grüße ☃ \u2028')] }),
	two: JSON.stringify({ content: [text('one'), text('{"two":2}')] }),
	image: JSON.stringify({ content: [{ type: 'image', data: PNG, mimeType: 'image/png' }] }),
	captioned: JSON.stringify({ content: [text('cap'), { type: 'image', data: PNG, mimeType: 'image/png' }] }),
	audio: JSON.stringify({ content: [{ type: 'audio', data: 'UklGRg==', mimeType: 'audio/wav' }] }),
	link: JSON.stringify({ content: [{ type: 'resource_link', uri: 'file:///a.txt', name: 'a' }] }),
	embedded: JSON.stringify({
		content: [{ type: 'resource', resource: { uri: 'file:///a.txt', mimeType: 'text/plain', text: 'inside' } }],
	}),
	blob: JSON.stringify({
		content: [
			{ type: 'resource', resource: { uri: 'file:///a.bin', mimeType: 'application/octet-stream', blob: 'AAE=' } },
		],
	}),
	page: JSON.stringify({
		content: [{ type: 'resource', resource: { uri: 'ui://a', mimeType: 'text/html', text: '<b>grüße</b>' } }],
	}),
	address: JSON.stringify({
		content: [
			{
				type: 'resource',
				resource: { uri: 'ui://b', mimeType: 'text/uri-list', text: '# a\r\nhttps://example.com/ä b\r\n' },
			},
		],
	}),
	script: JSON.stringify({
		content: [
			{ type: 'resource', resource: { uri: 'ui://c', mimeType: 'text/uri-list', text: 'javascript:alert(1)' } },
		],
	}),
	empty: JSON.stringify({ content: [] }),
	structured: '{"content":[],"structuredContent":{"total":99.50}}',
	both: '{"content":[{"type":"text","text":"{\\"total\\":99.50}"}],"structuredContent":{"total":99.50}}',
	error: JSON.stringify({ content: [text('boom')], isError: true }),
	errors: JSON.stringify({ content: [text('boom'), text('bang')], isError: true }),
	silent: JSON.stringify({ content: [], isError: true }),
};

/** Errors by kind. */
export const ERRORS = {
	parse: { code: -32700, message: 'bad' },
	request: { code: -32600, message: 'bad' },
	method: { code: -32601, message: 'bad' },
	params: { code: -32602, message: 'bad', data: { d: 1 } },
	internal: { code: -32603, message: 'bad' },
	own: { code: -32000, message: 'bad' },
};

/** Tools that mcpo cannot serve: the reference of one, and the name of the other. */
export const STRANGE = [FOREIGN, { name: 'mcp', inputSchema: KIND }];
