import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { rawRequest, sendRaw } from './edge-raw.ts';
import { auditOf, expectRefusal, outcomeOf, refused } from './edge-refusal.ts';

const DEPTH = 16;
const NODES = 200;
const TOO_DEEP = refused('PC_JSON_TOO_DEEP');

let gateway: TestGateway;
let authorization: string;

beforeAll(async () => {
	gateway = await startGateway({ limits: { jsonDepth: DEPTH, jsonNodes: NODES, batchMessages: 3 } });
	authorization = `Bearer ${gateway.tokenFor([])}`;
});
afterAll(() => gateway.close());

function send(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<PlainAnswer> {
	return post(`${gateway.url}/mcp`, body, { authorization, ...headers });
}

async function sendBytes(body: Buffer): Promise<PlainAnswer | undefined> {
	const headers = ['Host: localhost', `Authorization: ${authorization}`, 'Content-Type: application/json'];
	const all = [...headers, `Content-Length: ${body.length}`];
	return sendRaw(gateway.url, rawRequest('POST /mcp HTTP/1.1', all, body));
}

/** A ping whose innermost array is the nth container. */
function nested(depth: number): string {
	return `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}}`;
}

/** A ping with so many values and containers in all: five of its own, then the list. */
function wide(nodes: number): string {
	return JSON.stringify(legacy('ping', { a: Array.from({ length: nodes - 6 }, () => 0) }));
}

describe('how much JSON there may be', () => {
	it.each([
		[DEPTH - 1, '200'],
		[DEPTH, '200'],
		[DEPTH + 1, TOO_DEEP],
	])('nested %i deep is answered %s', async (depth, outcome) => {
		expect(outcomeOf(await send(nested(depth)))).toBe(outcome);
	});

	it.each([
		[NODES - 1, '200'],
		[NODES, '200'],
		[NODES + 1, TOO_DEEP],
	])('with %i values is answered %s', async (nodes, outcome) => {
		expect(outcomeOf(await send(wide(nodes)))).toBe(outcome);
	});

	it('counts the members of objects too', async () => {
		const members = Object.fromEntries(Array.from({ length: NODES }, (_, at) => [`m${at}`, 0]));
		expectRefusal(await send(legacy('ping', members)), 'PC_JSON_TOO_DEEP');
	});

	it('refuses a hundred thousand brackets as calmly as a few', async () => {
		const bomb = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}}`;
		expectRefusal(await send(bomb), 'PC_JSON_TOO_DEEP');
		expect(outcomeOf(await send('['.repeat(500_000)))).toBe(refused('PC_JSON_INVALID'));
		expect(outcomeOf(await send(legacy('ping')))).toBe('200');
	});

	it('is not fooled by brackets and commas inside text', async () => {
		expect(outcomeOf(await send(legacy('ping', { a: `${'[{,'.repeat(NODES)}"\\"` })))).toBe('200');
	});
});

describe('a member name that could be read two ways', () => {
	it.each([
		['twice at the top', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}'],
		['twice in params', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"a","name":"b"}}'],
		['twice deep within', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[{"b":{"c":1,"x":0,"c":2}}]}}'],
		['twice, far apart', `{"id":1,"jsonrpc":"2.0","params":{"a":[1,{"b":2}],"c":"}{"},"method":"ping","id":1}`],
		['in two cases', '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'],
		['in two cases deep within', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"arguments":{"PATH":1,"path":2}}}'],
		['with the Kelvin sign for a k', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"k":1,"\u212a":2}}'],
		['with a long s for an s', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"s":1,"\u017f":2}}'],
		['once escaped', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"a","n\\u0061me":"b"}}'],
		['escaped, in two cases', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"a","n\\u0041me":"b"}}'],
		['as __proto__', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"admin":true}}}'],
		['as __proto__ in capitals', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__PROTO__":1}}'],
		['as __proto__, escaped', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"\\u005f_proto__":1}}'],
		['as __proto__ at the top', '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"x":1}}'],
		['before a colon with space', '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a" \n:1,"a"\t:2}}'],
	])('%s is refused', async (_, body) => {
		const answer = await send(body);
		expectRefusal(answer, 'PC_JSON_AMBIGUOUS');
		expect(auditOf(gateway, answer)).toMatchObject([{ outcome: 'refused', code: 'PC_JSON_AMBIGUOUS' }]);
	});

	it('may stand in two objects, or be a value', async () => {
		const params = { a: { name: 1 }, b: { name: 2 }, c: ['name', 'name'], d: 'd', e: 'd' };
		expect(outcomeOf(await send(legacy('ping', params)))).toBe('200');
		expect(outcomeOf(await send('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"constructor":1}}'))).toBe('200');
	});
});

describe('an id', () => {
	const MAX = 2 ** 53 - 1;
	it.each([
		[`"${'x'.repeat(128)}"`],
		['""'],
		['"1"'],
		['0'],
		['-1'],
		[String(MAX)],
		[String(-MAX)],
		['1.0'],
		['1e2'],
		['"\\u00e9\\n"'],
	])('of %s comes back as it was spelled', async (id) => {
		const answer = await send(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
		expect(answer.text).toBe(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
	});

	it.each([
		[`"${'x'.repeat(129)}"`],
		['9007199254740992'],
		['-9007199254740992'],
		['1.5'],
		['1e400'],
		['null'],
		['true'],
		['{}'],
		['[1]'],
	])('of %s is refused', async (id) => {
		expectRefusal(await send(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`), 'PC_ID_INVALID');
	});

	it('stands in the refusal of its request', async () => {
		expectRefusal(await send(legacy('no/such', {}, 'mine')), 'PC_METHOD_UNKNOWN', 'mine');
		expectRefusal(await send({ jsonrpc: '2.0', id: 7, method: 'ping', params: [1] }), 'PC_PARAMS_INVALID', 7);
	});
});

describe('a body that is not one JSON-RPC message', () => {
	it.each([
		'',
		' ',
		'ping',
		'{',
		'{"jsonrpc":"2.0",}',
		"{'jsonrpc':'2.0'}",
		'{"a":NaN}',
		'null null',
		'\u0000',
		'// a',
	])('such as %j is not JSON', async (body) => expectRefusal(await send(body), 'PC_JSON_INVALID'));

	it.each([
		'null',
		'true',
		'1',
		'"ping"',
		'{}',
		'{"jsonrpc":"1.0","id":1,"method":"ping"}',
		'{"jsonrpc":2.0,"id":1,"method":"ping"}',
		'{"id":1,"method":"ping"}',
		'{"jsonrpc":"2.0","id":1}',
		'{"jsonrpc":"2.0","id":1,"method":7}',
		'{"jsonrpc":"2.0","id":1,"method":""}',
		'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}',
		'{"jsonrpc":"2.0","result":{}}',
	])('such as %s is no message', async (body) => {
		const answer = await send(body);
		expect(outcomeOf(answer), answer.text).toBe(refused('PC_MESSAGE_INVALID'));
	});

	it.each([
		['an empty batch', '[]'],
		['a batch that is too long', JSON.stringify([1, 2, 3, 4].map((id) => legacy('ping', {}, id)))],
	])('such as %s is refused', async (_, body) => expectRefusal(await send(body), 'PC_BATCH_REFUSED'));

	it.each(['[1]', '[null]', '[[]]', `[${JSON.stringify(legacy('ping'))},{}]`])(
		'such as the batch %s is refused as a whole',
		async (body) => expectRefusal(await send(body), 'PC_MESSAGE_INVALID'),
	);

	it('is refused as a batch by a revision that has none', async () => {
		const batch = [legacy('ping', {}, 1), legacy('ping', {}, 2)];
		expect((await send(batch)).json).toHaveLength(2);
		expectRefusal(await send(batch, { 'mcp-protocol-version': '2025-06-18' }), 'PC_BATCH_REFUSED');
	});

	const ping = JSON.stringify(legacy('ping', { text: 'ü' }));
	it.each([
		['cut inside a character', Buffer.from(ping).subarray(0, Buffer.from(ping).indexOf(0xbc))],
		['with a byte that UTF-8 never has', Buffer.from(ping.replace('ü', '\u00ff'), 'latin1')],
		['with an overlong slash', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])],
		[
			'with a lone surrogate',
			Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
		],
		['with a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(ping)])],
		['in UTF-16', Buffer.from(ping, 'utf16le')],
	])('is refused %s', async (_, body) => expectRefusal(await sendBytes(body), 'PC_JSON_INVALID'));
});
