import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modern } from '../fakes/gateway.ts';
import { type Caller, createCaller, ERAS, type Era, INITIALIZE, type Params } from '../fakes/tenancy-caller.ts';
import { type Company, type GrantEntry, type Person, startCompany } from '../fakes/tenancy-company.ts';
import { bytesOf, type Delivery, deliver, faceOf, headerOf, refusalIn, responseIn } from '../fakes/tenancy-wire.ts';

// What a stranger must not be able to tell apart: the thing that somebody else has, and the thing that nobody has.

const GOOGLE: Person = { name: 'google-employee', groups: ['MCP-Google'] };
const MICROSOFT: Person = { name: 'ms-employee', groups: ['MCP-Microsoft'] };
const READER: Person = { name: 'employee-b', groups: ['MCP-Microsoft-Readers'] };
const RULES = { exotic: { enabled: false }, add: { minimumLevel: 'admin' } };

let company: Company;
beforeAll(async () => {
	company = await startCompany({
		servers: {
			google: { files: 'stdio-legacy', modern: 'http-modern', everything: 'http-legacy', parked: 'stdio-modern' },
			microsoft: {
				...{ files: 'stdio-modern', everything: 'sse', modern: 'http-modern', old: 'http-legacy' },
				parked: 'http-legacy',
			},
		},
		grants: [
			{ group: 'MCP-Google', workspace: 'google', access: 'write' },
			{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'write' },
			{ group: 'MCP-Microsoft-Readers', workspace: 'microsoft', access: 'read' },
		],
		entryOf: ({ slug }) => ({ tools: { rules: RULES }, enabled: slug !== 'parked' }),
	});
});
afterAll(() => company.close());

/** Each pair: what exists for others (or is hidden), and what does not exist at all. */
const FOREIGN_ADDRESSES: readonly (readonly [string, string])[] = [
	['/w/google/mcp', '/w/nonesuch/mcp'],
	['/w/google/mcp/', '/w/nonesuch/mcp/'],
	['/w/google/s/files/mcp', '/w/nonesuch/s/files/mcp'],
	['/w/google/s/files/mcp', '/w/google/s/nonesuch/mcp'],
	['/w/google/s/modern/mcp', '/w/nonesuch/s/nonesuch/mcp'],
	['/w/google/s/everything/mcp', '/w/microsoft/s/nonesuch/mcp'],
	['/w/google/s/parked/mcp', '/w/google/s/nonesuch/mcp'],
	['/w/microsoft/s/parked/mcp', '/w/microsoft/s/nonesuch/mcp'],
];

const CALL = { name: 'echo', arguments: { text: 'hello' } };
const META = {
	'io.modelcontextprotocol/protocolVersion': '2026-07-28',
	'io.modelcontextprotocol/clientCapabilities': {},
};
const METHODS: readonly (readonly [string, Params])[] = [
	['tools/list', {}],
	['tools/list', { cursor: 'x' }],
	['tools/call', CALL],
	['tools/call', {}],
	['prompts/list', {}],
	['prompts/get', { name: 'test_simple_prompt' }],
	['resources/list', {}],
	['resources/templates/list', {}],
	['resources/read', { uri: 'test://static-text' }],
	[
		'completion/complete',
		{ ref: { type: 'ref/prompt', name: 'test_simple_prompt' }, argument: { name: 'a', value: '' } },
	],
	['vendor/echo', { deep: 1 }],
	['tasks/get', { taskId: 't' }],
	['nonesuch', {}],
	['initialize', INITIALIZE],
	['ping', {}],
	['logging/setLevel', { level: 'debug' }],
	['resources/subscribe', { uri: 'test://static-text' }],
	['server/discover', {}],
	['subscriptions/listen', { notifications: { toolsListChanged: true } }],
];

/** Requests that are more or less than one call. */
const ODD_BODIES: readonly (readonly [string, string])[] = [
	['a notification', JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })],
	['a cancellation', JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })],
	['a response', JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} })],
	['a batch', JSON.stringify([1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: CALL })))],
	['an empty batch', '[]'],
	['no JSON', '{'],
	['nothing', ''],
	['JSON of no kind', '7'],
	['a name said twice', '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"ping"}'],
	['a huge id', `{"jsonrpc":"2.0","id":"${'x'.repeat(500)}","method":"ping"}`],
	['a modern call without its headers', JSON.stringify(modern('tools/list').body)],
	[
		'a modern call with a broken envelope',
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":${JSON.stringify(META)}}}`,
	],
];

async function expectTwins(
	pair: readonly [string, string],
	ask: (thing: string) => Promise<Delivery>,
): Promise<Delivery> {
	const [there, nowhere] = [await ask(pair[0]), await ask(pair[1])];
	expect(faceOf(there), pair.join(' and ')).toBe(faceOf(nowhere));
	expect(Object.keys(company.secrets).filter((slug) => bytesOf(there).includes(slug))).toEqual([]);
	return there;
}

const stranger = (era: Era, person = MICROSOFT): Caller => company.caller(person, era);
const url = (path: string): string => company.gateway.url + path;

describe.each(FOREIGN_ADDRESSES)('%s looks like %s to a stranger', (...pair) => {
	it.each(ERAS)('on every method of MCP (%s)', async (era) => {
		const caller = stranger(era);
		for (const [method, params] of METHODS) {
			const ask = (path: string) => caller.send(path, method, params, { sessionless: true });
			const answer = await expectTwins(pair, ask);
			expect([answer.status, refusalIn(answer)], method).toEqual([404, 'PC_ADDRESS_UNKNOWN']);
		}
	});

	it('on every method of HTTP, with a session of anybody and without', async () => {
		const ids = [undefined, 'garbage', await stranger('legacy', GOOGLE).session('/w/google/mcp')];
		const { headers } = stranger('legacy');
		for (const method of ['GET', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE']) {
			for (const id of ids) {
				const all = { ...headers, ...(id !== undefined && { 'mcp-session-id': id }) };
				await expectTwins(pair, (path) => deliver(url(path), { method, headers: all }));
			}
		}
	});

	it('whatever the body is', async () => {
		const { headers } = stranger('legacy');
		for (const [, body] of ODD_BODIES) await expectTwins(pair, (path) => deliver(url(path), { headers, body }));
	});

	it('whatever the headers are', async () => {
		const { headers } = stranger('legacy');
		const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
		const odd: Record<string, string>[] = [
			{ 'content-type': 'text/plain' },
			{ 'content-encoding': 'gzip' },
			{ accept: 'text/html' },
			{ origin: 'https://evil.example' },
			{ origin: 'http://localhost:1' },
			{ host: 'evil.example' },
			{ 'mcp-protocol-version': '1999-01-01' },
			{ 'mcp-protocol-version': '2026-07-28' },
			{ 'last-event-id': '1' },
			{ authorization: 'Bearer nonsense' },
			{ authorization: '' },
		];
		for (const more of odd) {
			await expectTwins(pair, async (path) => {
				const answer = await deliver(url(path), { headers: { ...headers, ...more }, body });
				// A challenge names the address that was asked for, whatever it is.
				const shown = answer.headers.map(([name, value]) => [name, value.replace(path, '<path>')] as const);
				return { ...answer, headers: shown };
			});
		}
	});

	it('in its public metadata', async () => {
		await expectTwins(pair, async (path) => {
			const answer = await deliver(url(`/.well-known/oauth-protected-resource${path}`), { method: 'GET' });
			const headers = answer.headers.filter(([name]) => name !== 'content-length');
			const body = answer.body.replaceAll(path, '<path>');
			return { ...answer, headers: headers.filter(([name]) => name.toLowerCase() !== 'content-length'), body };
		});
	});
});

describe('the same addresses answer their own people', () => {
	it.each(ERAS)('on the methods that strangers are refused (%s)', async (era) => {
		for (const path of [
			'/w/google/mcp',
			'/w/google/s/files/mcp',
			'/w/google/s/modern/mcp',
			'/w/google/s/everything/mcp',
		]) {
			const answer = await stranger(era, GOOGLE).send(path, 'tools/list');
			expect(responseIn(answer).result?.tools.length, answer.body).toBeGreaterThan(10);
		}
	});
});

/** Names of tools and prompts by address: foreign or hidden, and nobody's. */
const FOREIGN_TOOLS: readonly (readonly [string, string, string])[] = [
	['/mcp', 'google__files__echo', 'google__files__nonesuch'],
	['/mcp', 'google__modern__echo', 'nonesuch__modern__echo'],
	['/mcp', 'google__everything__echo', 'microsoft__files__nonesuch'],
	['/mcp', 'google__parked__echo', 'microsoft__nonesuch__echo'],
	['/mcp', 'microsoft__parked__echo', 'microsoft__nonesuch__echo'],
	['/w/microsoft/mcp', 'parked__echo', 'nonesuch__echo'],
	['/w/microsoft/mcp', 'google__files__echo', 'nonesuch__files__echo'],
	['/w/microsoft/mcp', 'modern__google__echo', 'files__nonesuch'],
	['/w/microsoft/s/files/mcp', 'google__files__echo', 'nonesuch'],
];
const HIDDEN_TOOLS: readonly (readonly [string, string, string])[] = ['exotic', 'add', 'remember'].flatMap((name) => [
	['/mcp', `microsoft__files__${name}`, 'microsoft__files__nonesuch'] as const,
	['/mcp', `microsoft__modern__${name}`, 'microsoft__modern__nonesuch'] as const,
	['/w/microsoft/mcp', `everything__${name}`, 'everything__nonesuch'] as const,
	...['files', 'everything', 'modern', 'old'].map((slug) => [`/w/microsoft/s/${slug}/mcp`, name, 'nonesuch'] as const),
]);

describe.each(ERAS)('to a %s stranger', (era) => {
	it.each(FOREIGN_TOOLS)('at %s the foreign tool %s looks like %s', async (path, ...pair) => {
		const caller = stranger(era);
		const ask = (name: string) => caller.send(path, 'tools/call', { ...CALL, name });
		expect(refusalIn(await expectTwins(pair, ask))).toBe('PC_TOOL_UNKNOWN');
	});

	it.each(HIDDEN_TOOLS)('at %s the hidden tool %s looks like %s', async (path, ...pair) => {
		const caller = stranger(era, READER);
		const ask = (name: string) => caller.send(path, 'tools/call', { ...CALL, name });
		expect(refusalIn(await expectTwins(pair, ask))).toBe('PC_TOOL_UNKNOWN');
	});

	it.each(HIDDEN_TOOLS)(
		'at %s the hidden tool %s looks like %s when nobody waits for the answer',
		async (path, ...pair) => {
			const { headers } = stranger(era, READER);
			const session = era === 'legacy' ? await stranger(era, READER).session(path) : undefined;
			await expectTwins(pair, (name) => {
				const head = era === 'modern' ? modern('tools/call', { name }).headers : {};
				const all = { ...headers, ...head, ...(session !== undefined && { 'mcp-session-id': session }) };
				const params = { name, arguments: { text: `MARK-unasked-${era}`, key: 'k', value: 'v' } };
				const body = JSON.stringify({ jsonrpc: '2.0', method: 'tools/call', params });
				return deliver(url(path), { headers: all, body });
			});
			expect(company.sightings(`MARK-unasked-${era}`)).toEqual([]);
		},
	);

	it('a foreign prompt looks like one that nobody has, to get and to complete', async () => {
		const caller = stranger(era);
		for (const path of ['/mcp', '/w/microsoft/mcp']) {
			const pair = ['google__files__test_simple_prompt', 'google__files__nonesuch'] as const;
			const got = await expectTwins(pair, (name) => caller.send(path, 'prompts/get', { name }));
			expect(refusalIn(got)).toBe('PC_PROMPT_UNKNOWN');
			const completed = await expectTwins(pair, (name) => {
				const ref = { type: 'ref/prompt', name };
				return caller.send(path, 'completion/complete', { ref, argument: { name: 'a', value: '' } });
			});
			expect(refusalIn(completed)).toBe('PC_PROMPT_UNKNOWN');
		}
	});

	it('a foreign resource looks like one that nobody has, to read and to complete', async () => {
		const caller = stranger(era);
		const inner = encodeURIComponent('test://static-text');
		const pairs = [
			[`portcullis://google/files/${inner}`, `portcullis://nonesuch/files/${inner}`],
			[`portcullis://google/files/${inner}`, `portcullis://google/nonesuch/${inner}`],
			[`portcullis://google/parked/${inner}`, 'test://nonesuch'],
			[`portcullis://google/files/${inner}`, 'portcullis://%'],
		] as const;
		for (const path of ['/mcp', '/w/microsoft/mcp']) {
			for (const pair of pairs) {
				const read = await expectTwins(pair, (uri) => caller.send(path, 'resources/read', { uri }));
				expect(refusalIn(read)).toBe('PC_RESOURCE_UNKNOWN');
				await expectTwins(pair, (uri) => {
					const ref = { type: 'ref/resource', uri };
					return caller.send(path, 'completion/complete', { ref, argument: { name: 'id', value: '' } });
				});
			}
		}
		const own = await caller.send('/mcp', 'resources/read', { uri: `portcullis://microsoft/files/${inner}` });
		expect(own.body).toContain(company.upstream('microsoft', 'files').canary);
	});
});

describe('a session id', () => {
	const ADDRESSES = [
		'/mcp',
		'/w/microsoft/mcp',
		...['files', 'everything', 'modern', 'old'].map((s) => `/w/microsoft/s/${s}/mcp`),
	];

	/** A person of the same workspace, so that nothing but the session is foreign. */
	const thief = { name: 'thief', groups: MICROSOFT.groups };

	it.each(ADDRESSES)('of somebody else at %s looks like garbage, and its owner keeps the session', async (path) => {
		const owner = stranger('legacy');
		const stolen = await owner.session(path);
		expect(stolen).toBeDefined();
		const elsewhere = await company.caller(thief, 'legacy').session(path === '/mcp' ? ADDRESSES[1]! : '/mcp');
		const abroad = await stranger('legacy', GOOGLE).session('/mcp');
		const broken = `${stolen!.slice(0, -2)}${stolen!.endsWith('AA') ? 'BB' : 'AA'}`;
		const { headers } = company.caller(thief, 'legacy');
		for (const method of ['POST', 'GET', 'DELETE']) {
			for (const body of method === 'POST' ? sessionBodies() : [undefined]) {
				const ask = (id: string) => deliver(url(path), { method, headers: { ...headers, 'mcp-session-id': id }, body });
				for (const garbage of ['garbage', broken, 'x'.repeat(500), '0'.repeat(stolen!.length)]) {
					for (const foreign of [stolen!, elsewhere!, abroad!]) {
						const answer = await expectTwins([foreign, garbage], ask);
						expect([answer.status, refusalIn(answer)]).toEqual([404, 'PC_SESSION_UNKNOWN']);
					}
				}
			}
		}
		const still = await owner.send(path, 'tools/call', { ...CALL, name: nameAt(path) });
		expect(still.body).toContain('hello');
	});

	it('of one person says nothing about that person or address, and never comes twice', async () => {
		const ids = await Promise.all(Array.from({ length: 50 }, () => stranger('legacy').session('/w/microsoft/mcp')));
		expect(new Set(ids).size).toBe(50);
		for (const id of ids) {
			for (const spelled of [id!, Buffer.from(id!, 'base64url').toString('latin1')]) {
				expect(spelled).not.toMatch(/microsoft|ms-employee|everything/);
			}
		}
	});

	it('is of no meaning in the modern era', async () => {
		const stolen = await stranger('legacy', GOOGLE).session('/w/google/mcp');
		const caller = createCaller({
			url: company.gateway.url,
			token: company.gateway.tokenFor(MICROSOFT.groups),
			era: 'modern',
		});
		const ask = (id: string) => caller.send('/mcp', 'tools/list', {}, { headers: { 'mcp-session-id': id } });
		const answer = await ask(stolen!);
		expect(faceOf(answer)).toBe(faceOf(await ask('garbage')));
		expect(answer.body).not.toContain('google');
		expect(headerOf(answer, 'mcp-session-id')).toBeUndefined();
	});

	function nameAt(path: string): string {
		if (path === '/mcp') return 'microsoft__files__echo';
		return path === '/w/microsoft/mcp' ? 'files__echo' : 'echo';
	}

	function sessionBodies(): readonly string[] {
		const request = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
		const notice = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
		const response = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });
		return [request('tools/list', {}), request('tools/call', CALL), request('ping', {}), notice, response];
	}
});

// Last, since it takes a workspace away.
describe('a workspace that is not one’s own', () => {
	it.each(ERAS)('makes no difference by existing, in no list and no handshake (%s)', async (era) => {
		const handshake = era === 'legacy' ? 'initialize' : 'server/discover';
		const methods = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', handshake];
		const faces = async (): Promise<readonly string[]> => {
			const caller = stranger(era);
			const shown: string[] = [];
			for (const path of ['/mcp', '/w/microsoft/mcp', '/w/microsoft/s/files/mcp']) {
				for (const method of methods) {
					const answer = await caller.send(path, method, method === 'initialize' ? INITIALIZE : {});
					const headers = answer.headers.filter(([name]) => name.toLowerCase() !== 'mcp-session-id');
					shown.push(`${path} ${method} ${faceOf({ ...answer, headers })}`);
				}
			}
			return shown;
		};
		await company.gateway.reconfigure(company.config());
		const both = await faces();
		const { workspaces, grants } = company.config() as { workspaces: Record<string, object>; grants: GrantEntry[] };
		const { google: _google, ...rest } = workspaces;
		const own = grants.filter(({ workspace }) => workspace !== 'google');
		await company.gateway.reconfigure({ workspaces: rest, grants: own });
		expect(await faces()).toEqual(both);
		expect(refusalIn(await stranger(era, GOOGLE).send('/w/google/mcp', 'tools/list'))).toBe('PC_ADDRESS_UNKNOWN');
	});
});
