import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import type { ListKind } from '../mcp/methods.ts';
import { readList, renamed } from './read-list.ts';
import type { Session } from './session-entries.ts';
import { createStamp } from './stamp.ts';
import type { WireRequest } from './wire.ts';

const stamp = createStamp('w', 's', 'gateway');

/** Reads a list from a server that answers with these bodies, `result` or `error`, one after the other. */
async function read(bodies: readonly string[], kind: ListKind = 'tools', era: 'modern' | 'legacy' = 'legacy') {
	const asked: { params: Record<string, unknown>; headers: WireRequest['headers'] }[] = [];
	const session = {
		info: { era },
		async request(request: WireRequest) {
			const body = bodies[Math.min(asked.length, bodies.length - 1)] as string;
			asked.push({ params: JSON.parse(request.paramsFor(1)) as Record<string, unknown>, headers: request.headers });
			const text = `{"jsonrpc":"2.0","id":1,${body}}`;
			return { text, value: JSON.parse(text) as Record<string, unknown>, stamp };
		},
	} as unknown as Session;
	const items = await readList({ session, kind, profile: '{"sampling":{}}', stamp });
	return { items, asked };
}

const names = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);
const page = (tools: string, cursor?: string) =>
	`"result":{"tools":[${tools}]${cursor === undefined ? '' : `,"nextCursor":${JSON.stringify(cursor)}`}}`;

describe('a list', () => {
	it('is read page by page, each with the cursor of the one before', async () => {
		const { items, asked } = await read([
			page('{"name":"a"}', 'c"1'),
			page('{"name":"b"}', 'c2'),
			page('{"name":"c"}'),
		]);
		expect(names(items)).toEqual(['a', 'b', 'c']);
		expect(asked.map(({ params }) => params)).toEqual([{}, { cursor: 'c"1' }, { cursor: 'c2' }]);
	});

	it('is asked for in the words of the era, with the capabilities it is for', async () => {
		const { asked } = await read([page('')], 'tools', 'modern');
		expect(asked[0]?.headers).toEqual({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' });
		expect(asked[0]?.params['_meta']).toMatchObject({
			'io.modelcontextprotocol/protocolVersion': '2026-07-28',
			'io.modelcontextprotocol/clientCapabilities': { sampling: {} },
		});
	});

	it('keeps each definition byte for byte', async () => {
		const tool = '{ "name" : "a", "n":1.0, "big":12345678901234567890, "text":"\\u00e9" }';
		const { items } = await read([`"x":[{"name":"other"}],"result":{"y":{"tools":[1]},"tools" : [ ${tool} ]}`]);
		expect(items.map(({ text }) => text)).toEqual([tool]);
	});

	it('keeps the first of two items with one name', async () => {
		const { items } = await read([
			page('{"name":"a","v":1},{"name":"a","v":2}', 'next'),
			page('{"name":"b"},{"name":"a","v":3}'),
		]);
		expect(items.map(({ text }) => text)).toEqual(['{"name":"a","v":1}', '{"name":"b"}']);
	});

	it('leaves out what has no name, and a tool that breaks the rules of mirrored arguments', async () => {
		const bad = '{"name":"bad","inputSchema":{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}}';
		const { items } = await read([page(`null,1,"x",[],{},{"name":""},{"name":7},${bad},{"name":"good"}`)]);
		expect(names(items)).toEqual(['good']);
	});

	it('says which tools only read, and takes no other word for it', async () => {
		const hints = ['{"readOnlyHint":true}', '{"readOnlyHint":false}', '{"readOnlyHint":1}', '{"readOnlyHint":"true"}'];
		const others = ['{}', 'null', '[{"readOnlyHint":true}]', '{"readonlyhint":true}'];
		const tools = [...hints, ...others].map((each, index) => `{"name":"t${index}","annotations":${each}}`);
		const { items } = await read([page(tools.join())]);
		expect(items.map(({ readOnly }) => readOnly)).toEqual([true, ...Array(7).fill(false)]);
	});

	it.each([
		['prompts', '"result":{"prompts":[{"name":"p"}]}', 'p'],
		['resources', '"result":{"resources":[{"uri":"a:b","name":"n"}]}', 'a:b'],
		['templates', '"result":{"resourceTemplates":[{"uriTemplate":"a:{x}","name":"n"}]}', 'a:{x}'],
	] as const)('of %s knows them by what names them', async (kind, body, name) => {
		expect(names((await read([body], kind)).items)).toEqual([name]);
	});

	it('ends when a server sends the same cursor again', async () => {
		const { asked } = await read([page('{"name":"a"}', 'same')]);
		expect(asked).toHaveLength(2);
	});

	it('ends after so many pages, or so many items, as no server has', async () => {
		const pages = Array.from({ length: 300 }, (_, index) => page(`{"name":"t${index}"}`, `c${index}`));
		expect((await read(pages)).asked).toHaveLength(200);
		const many = Array.from({ length: 20_001 }, (_, index) => `{"name":"t${index}"}`).join();
		expect((await read([page(many, 'more'), page('')])).asked).toHaveLength(1);
	});

	it('of a server that does not know the method is empty, and any other error is one', async () => {
		expect((await read(['"error":{"code":-32601,"message":"no"}'])).items).toEqual([]);
		for (const error of ['{"code":-32000,"message":"x"}', '{}', 'null'])
			expect(await read([`"error":${error}`]).catch(errorCode)).toBe('PC_UPSTREAM_FAILED');
	});

	it.each(['"result":{}', '"result":{"tools":null}', '"result":{"tools":{"name":"a"}}'])(
		'that is no list is an empty one: %s',
		async (body) => {
			expect((await read([body])).items).toEqual([]);
		},
	);
});

describe('the digest of a definition', () => {
	const digestOf = async (definition: string) => (await read([page(definition)])).items[0]?.digest;

	it('is of a tool, whatever the order, the white space and the escapes', async () => {
		const one = await digestOf('{"name":"a","inputSchema":{"x":1,"y":"é"}}');
		expect(one).toMatch(/^[0-9a-f]{64}$/);
		expect(await digestOf('{ "inputSchema" : {"y":"\\u00e9", "x":1}, "name":"a" }')).toBe(one);
	});

	it.each([
		'{"name":"a","inputSchema":{"x":1.0,"y":"é"}}',
		'{"name":"a","inputSchema":{"x":1,"y":"e"}}',
		'{"name":"a","inputSchema":{"x":1,"y":"é"},"description":"d"}',
		'{"name":"a","inputSchema":{"x":1,"y":"é"},"annotations":{"readOnlyHint":true}}',
		'{"name":"a","inputSchema":{"x":2,"y":"é"},"inputSchema":{"x":1,"y":"é"}}',
	])('is another for another definition: %s', async (other) => {
		expect(await digestOf(other)).not.toBe(await digestOf('{"name":"a","inputSchema":{"x":1,"y":"é"}}'));
	});
});

describe('a renamed definition', () => {
	const item = { name: 'a', text: '{ "name":"a", "n":1.0 }', readOnly: true, digest: undefined, paramHeaders: [] };

	it('is the same but for the member that names it', () => {
		expect(renamed(item, 'tools', 's__a')).toBe('{"name":"s__a","n":1.0}');
		expect(renamed({ ...item, text: '{"uri":"a","name":"n"}' }, 'resources', 'x"y')).toBe('{"uri":"x\\"y","name":"n"}');
	});

	it('is untouched where the name stays', () => {
		expect(renamed(item, 'tools', 'a')).toBe(item.text);
	});
});
