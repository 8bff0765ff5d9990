import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiTold } from '../fakes/admin-plane.ts';
import { legacy, modern, type PlainAnswer, post } from '../fakes/gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import { ADMIN_CONFIG, type AdminStage, expectRefused, openAdminStage } from './admin-resource.ts';

const SECRET = 'the-secret-of-chat-32-bytes-long!';
const OTHER_SECRET = 'the-secret-of-side-32-bytes-long!';
const LINKS = '/workspaces/google/open-webui-links';
const KEYS = '/workspaces/google/keys';
const ADA = 'ada-in-open-webui';

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'WIKI' });
	const servers = { wiki: { transport: 'http', url: upstream.url } };
	const members = [
		{ oid: 'ada', access: 'write' },
		{ oid: 'bob', access: 'read' },
	];
	const config = {
		...ADMIN_CONFIG,
		workspaces: { google: { servers, members }, microsoft: { servers, members } },
		openWebUi: { chat: { secret: '${env:CHAT}', title: 'Chat' }, side: { secret: '${env:SIDE}' } },
	};
	stage = await openAdminStage(postgres, config, { CHAT: SECRET, SIDE: OTHER_SECRET });
});
afterAll(async () => {
	await stage.close();
	await upstream.close();
	await postgres.close();
});

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (): number => Math.floor(Date.now() / 1_000);

interface Signing {
	readonly claims?: object;
	readonly header?: object;
	readonly secret?: string;
}

/** As Open WebUI mints it. */
function jwt(sub: string | undefined, { claims, header, secret = SECRET }: Signing = {}): string {
	const iat = seconds();
	const says = { sub, email: 'Ada@Company.example', name: 'Ada', role: 'user', iss: 'open-webui', iat, exp: iat + 300 };
	const input = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part({ ...says, ...claims })}`;
	return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

async function make(path: string, body: object): Promise<ApiTold> {
	const told = await stage.ask('POST', path, { body });
	expect(told.status, told.text).toBe(201);
	return told;
}

async function keyFor(openWebUi: object = {}, more: object = {}): Promise<string> {
	const trust = { instance: 'chat', ...openWebUi };
	const body = { kind: 'open-webui', name: 'Chat', level: 'admin', openWebUi: trust, ...more };
	return (await make(KEYS, body)).json.key;
}

type Headers = Readonly<Record<string, string>>;

function call(key: string, headers: Headers = {}, tool = 'echo', workspace = 'google'): Promise<PlainAnswer> {
	const { body, headers: own } = modern('tools/call', {
		name: tool,
		arguments: { text: 'hello', key: 'k', value: 'v' },
	});
	const all = { authorization: `Bearer ${key}`, ...own, ...headers };
	return post(`${stage.gateway.url}/w/${workspace}/s/wiki/mcp`, body, all);
}

const endOf = ({ json }: PlainAnswer): string => json.result?.content[0].text ?? json.error.data.code;
const signed = (sub: string, signing?: Signing): Headers => ({ 'x-openwebui-user-jwt': jwt(sub, signing) });
const PLAIN: Headers = { 'x-openwebui-user-id': ADA, 'x-openwebui-user-email': 'Ada@Company.example' };

async function whyRefused(told: PlainAnswer): Promise<string> {
	await stage.gateway.shipped();
	const request = told.json.error.data.request_id;
	const rows = await stage.sql(`select line from portcullis.audit_event where line like '%${request}%'`);
	return JSON.parse(rows.at(-1)?.['line'] as string).detail;
}

describe('somebody whom Open WebUI names', () => {
	it('is the person of the directory their account is linked to, with what they hold and the key allows', async () => {
		const key = await keyFor();
		expect(endOf(await call(key, signed(ADA)))).toBe('PC_PERSON_UNKNOWN');
		await make(LINKS, { instance: 'chat', subject: ADA, oid: 'ada', name: 'Ada' });
		await make(LINKS, { instance: 'chat', subject: 'bob-there', oid: 'bob' });
		await make(LINKS, { instance: 'chat', subject: 'eve-there', oid: 'eve' });
		const told = await call(key, signed(ADA));
		expect(endOf(told)).toBe('WIKI: hello');
		await stage.gateway.shipped();
		const id = told.headers.get('x-request-id');
		const rows = await stage.sql(`select line from portcullis.audit_event where line like '%${id}%' order by seq`);
		const intent = JSON.parse(rows[0]?.['line'] as string);
		expect(intent).toMatchObject({ principal: { oid: 'ada' }, level: 'write', rules: ['api-key', 'member'] });
		expect(intent.vouchedBy).toMatch(/^open-webui:[0-9a-f-]{36}$/);
		// Bob reads only, and eve is linked but no member.
		expect(endOf(await call(key, signed('bob-there')))).toBe('WIKI: hello');
		expect(endOf(await call(key, signed('bob-there'), 'remember'))).toBe('PC_TOOL_UNKNOWN');
		expect(endOf(await call(key, signed(ADA), 'remember'))).not.toMatch(/^PC_/);
		const eve = await call(key, signed('eve-there'));
		expect([eve.status, endOf(eve), await whyRefused(eve)]).toEqual([403, 'PC_PERSON_UNKNOWN', 'membership']);
		const reading = await keyFor({}, { level: 'read' });
		expect(endOf(await call(reading, signed(ADA), 'remember'))).toBe('PC_TOOL_UNKNOWN');
	});

	it('is nobody in another workspace, nor where another instance names them', async () => {
		const google = await keyFor();
		expect(endOf(await call(google, signed(ADA), 'echo', 'microsoft'))).toBe('PC_ADDRESS_UNKNOWN');
		const side = await keyFor({ instance: 'side' });
		expect(endOf(await call(side, signed(ADA, { secret: OTHER_SECRET })))).toBe('PC_PERSON_UNKNOWN');
		expect(endOf(await call(side, signed(ADA)))).toBe('PC_OPEN_WEBUI_TOKEN');
		const trust = { kind: 'open-webui', name: 'x', level: 'admin', openWebUi: { instance: 'chat' } };
		const elsewhere = await stage.ask('POST', '/workspaces/microsoft/keys', { as: 'elsewhere', body: trust });
		expect(endOf(await call(elsewhere.json.key, signed(ADA), 'echo', 'microsoft'))).toBe('PC_PERSON_UNKNOWN');
	});

	it('is found by e-mail only where the key says so, and only by a link made for that', async () => {
		const strict = await keyFor();
		const lenient = await keyFor({ linkByEmail: true });
		const ada = signed('another-account');
		expect(endOf(await call(lenient, ada))).toBe('PC_PERSON_UNKNOWN');
		const { json } = await make(LINKS, { instance: 'chat', email: 'ADA@company.example', oid: 'ada' });
		expect(json).toMatchObject({ subject: null, email: 'ada@company.example' });
		expect(endOf(await call(lenient, ada))).toBe('WIKI: hello');
		expect(endOf(await call(strict, ada))).toBe('PC_PERSON_UNKNOWN');
		await stage.ask('DELETE', `${LINKS}/${json.id}`, { match: '*' });
		expect(endOf(await call(lenient, ada))).toBe('PC_PERSON_UNKNOWN');
	});
});

describe('what Open WebUI signs', () => {
	it('is believed only in one form, from its own secret, and for as long as it may last', async () => {
		const key = await keyFor();
		const iat = seconds();
		const refused: readonly (readonly [string, Headers])[] = [
			['signature', signed(ADA, { secret: OTHER_SECRET })],
			['form', { 'x-openwebui-user-jwt': 'x' }],
			['form', signed(ADA, { header: { alg: 'none' } })],
			['form', signed(ADA, { header: { alg: 'HS512' } })],
			['form', signed(ADA, { header: { crit: ['x'] } })],
			['form', { 'x-openwebui-user-jwt': `${jwt(ADA)}.x` }],
			['claims', signed(ADA, { claims: { iss: 'open-webui ' } })],
			['claims', signed(ADA, { claims: { sub: '' } })],
			['claims', signed(ADA, { claims: { exp: `${iat + 60}` } })],
			['claims', signed(ADA, { claims: { iat: undefined } })],
			['lifetime', signed(ADA, { claims: { iat, exp: iat + 601 } })],
			['expired', signed(ADA, { claims: { iat: iat - 400, exp: iat - 100 } })],
			['expired', signed(ADA, { claims: { iat: iat + 120, exp: iat + 300 } })],
		];
		for (const [why, headers] of refused) {
			const told = await call(key, headers);
			expect([told.status, endOf(told), await whyRefused(told)]).toEqual([403, 'PC_OPEN_WEBUI_TOKEN', why]);
		}
		for (const claims of [
			{ iat: iat - 340, exp: iat - 40 },
			{ iat: iat + 40, exp: iat + 300 },
			{ iat, exp: iat + 600 },
		]) {
			expect(endOf(await call(key, signed(ADA, { claims })))).toBe('WIKI: hello');
		}
	});

	it('is looked at beside no other key and no token', async () => {
		const service = (await make(KEYS, { kind: 'service', name: 's', level: 'write' })).json.key;
		expect(endOf(await call(service, { 'x-openwebui-user-jwt': 'not even one' }))).toBe('WIKI: hello');
		const token = stage.gateway.tokenFor(['writers']);
		expect(endOf(await call(token, signed('bob-there'), 'remember'))).not.toMatch(/^PC_/);
	});
});

describe('headers without a signature', () => {
	it('are refused by a key that wants signed ones: Open WebUI sends them when it cannot sign', async () => {
		const key = await keyFor();
		for (const headers of [PLAIN, { 'x-openwebui-user-name': 'Ada' }, { 'x-openwebui-user-role': 'admin' }]) {
			const told = await call(key, headers);
			expect([endOf(told), await whyRefused(told)]).toEqual(['PC_OPEN_WEBUI_TOKEN', 'unsigned']);
		}
		expect(endOf(await call(key, { ...PLAIN, ...signed(ADA) }))).toBe('WIKI: hello');
	});

	it('are believed by a key that says so, from its networks, and never instead of a faulty signature', async () => {
		const body = { kind: 'open-webui', name: 'x', level: 'write', openWebUi: { instance: 'chat', plain: true } };
		expectRefused(await stage.ask('POST', KEYS, { body }), 'PC_INPUT_INVALID');
		const here = await keyFor({ plain: true }, { networks: ['127.0.0.0/8', '::1'] });
		const elsewhere = await keyFor({ plain: true }, { networks: ['10.0.0.0/8'] });
		expect(endOf(await call(here, PLAIN))).toBe('WIKI: hello');
		expect(endOf(await call(here, { 'x-openwebui-user-id': 'nobody' }))).toBe('PC_PERSON_UNKNOWN');
		expect(endOf(await call(elsewhere, PLAIN))).toBe('PC_KEY_INVALID');
		expect(endOf(await call(here, { ...PLAIN, 'x-openwebui-user-jwt': 'x.y.z' }))).toBe('PC_OPEN_WEBUI_TOKEN');
		const { id } = (await stage.ask('GET', KEYS)).json.items.find(
			({ openWebUi }: { openWebUi: { plain: boolean } | null }) => openWebUi?.plain,
		);
		expectRefused(
			await stage.ask('PATCH', `${KEYS}/${id}`, { body: { networks: null }, match: '*' }),
			'PC_INPUT_INVALID',
		);
	});
});

describe('a key of Open WebUI by itself', () => {
	const ask = (key: string, method: string, params: object = {}) =>
		post(`${stage.gateway.url}/w/google/mcp`, legacy(method, params), { authorization: `Bearer ${key}` });

	it('reads lists for everybody and calls nothing, and what its level hides stays unknown', async () => {
		const key = await keyFor({}, { level: 'read' });
		const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
		expect((await ask(key, 'initialize', initialize)).json.result.serverInfo).toBeDefined();
		const { result } = (await ask(key, 'tools/list')).json;
		const names = result.tools.map(({ name }: { name: string }) => name);
		expect(names).toContain('wiki__echo');
		expect(names).not.toContain('wiki__remember');
		for (const method of ['prompts/list', 'resources/list', 'resources/templates/list', 'ping']) {
			expect((await ask(key, method)).json.result, method).toBeDefined();
		}
		const told = await call(key);
		expect([told.status, endOf(told)]).toEqual([403, 'PC_PERSON_REQUIRED']);
		for (const name of names) expect(endOf(await ask(key, 'tools/call', { name })), name).toBe('PC_PERSON_REQUIRED');
		for (const name of ['wiki__remember', 'wiki__nonesuch']) {
			expect(endOf(await ask(key, 'tools/call', { name })), name).toBe('PC_TOOL_UNKNOWN');
		}
		const uri = 'test://static-text';
		expect(endOf(await ask(key, 'resources/read', { uri }))).toBe('PC_PERSON_REQUIRED');
		expect(endOf(await ask(key, 'prompts/get', { name: 'wiki__test_simple_prompt' }))).toBe('PC_PERSON_REQUIRED');
		expect(endOf(await call(key, signed(ADA)))).toBe('WIKI: hello');
	});

	it('is none for the management API, with or without a person', async () => {
		const key = await keyFor();
		for (const headers of [{}, signed(ADA)]) {
			const url = `${stage.gateway.url}/api/v1/me`;
			const response = await fetch(url, { headers: { authorization: `Bearer ${key}`, ...headers } });
			expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([403, 'PC_KEY_REFUSED']);
		}
	});
});

describe('connections for Open WebUI', () => {
	const CONNECTION = '/workspaces/google/open-webui-connection';

	it('are ready to be pasted: MCP and OpenAPI, by key and by sign-in, with no key in them', async () => {
		const base = stage.gateway.url;
		const path = `${CONNECTION}?server=wiki&base=${base}&groups=7a1c-1,7a1c-2`;
		const { json, text } = await stage.ask('GET', path);
		const grants = ['7a1c-1', '7a1c-2'].map((id) => {
			return { principal_type: 'group', principal_id: id, permission: 'read' };
		});
		const both = {
			...{ key: '', headers: null, config: { enable: true, access_grants: grants } },
			info: { id: 'google-wiki', name: 'google: wiki', description: 'Tools of google: wiki' },
		};
		const mcp = { type: 'mcp', url: `${base}/w/google/s/wiki/mcp`, path: '', ...both };
		const openapi = { type: 'openapi', url: `${base}/w/google/s/wiki`, path: 'openapi.json', ...both };
		expect(json.items, text).toEqual([
			{ ...mcp, auth_type: 'bearer' },
			{ ...mcp, auth_type: 'system_oauth' },
			{ ...openapi, auth_type: 'bearer' },
			{ ...openapi, auth_type: 'system_oauth' },
		]);
		// What it names is there, as Open WebUI asks it.
		const key = await keyFor();
		const headers = { authorization: `Bearer ${key}`, ...signed(ADA) };
		const listed = await post(json.items[0].url, legacy('tools/list'), headers);
		expect(listed.json.result.tools.length).toBeGreaterThan(0);
	});

	it('name the whole workspace where no server is named, with an id that leaves names of tools room', async () => {
		const { json } = await stage.ask('GET', `${CONNECTION}?base=https://mcp.example.com`);
		expect(json.items[0]).toMatchObject({ url: 'https://mcp.example.com/w/google/mcp', config: { access_grants: [] } });
		for (const { info } of json.items) expect(info.id).toMatch(/^[a-z0-9-]{1,16}$/);
	});

	it('need an address and a server that is there', async () => {
		for (const query of ['', '?base=x', '?base=ftp://x', '?base=https://x/y', '?base=https://a:b@x', '?groups=a|b']) {
			expectRefused(await stage.ask('GET', CONNECTION + query), 'PC_INPUT_INVALID');
		}
		expectRefused(await stage.ask('GET', `${CONNECTION}?server=mail&base=https://x`), 'PC_NOT_FOUND');
		expectRefused(await stage.ask('GET', `${CONNECTION}?base=https://x`, { as: 'writers' }), 'PC_LEVEL_TOO_LOW');
	});
});

describe('instances and links', () => {
	it('are the operator’s, and the administrators’ of the workspace', async () => {
		const body = { instance: 'chat', subject: 'x', oid: 'ada' };
		for (const [who, code] of [
			['elsewhere', 'PC_NOT_FOUND'],
			['writers', 'PC_LEVEL_TOO_LOW'],
		] as const) {
			expectRefused(await stage.ask('POST', LINKS, { as: who, body }), code);
			expectRefused(await stage.ask('GET', LINKS, { as: who }), code);
		}
		expectRefused(await stage.ask('POST', LINKS, { body: { ...body, email: 'a@b' } }), 'PC_INPUT_INVALID');
		expectRefused(await stage.ask('POST', LINKS, { body: { ...body, subject: null } }), 'PC_INPUT_INVALID');
		const made = await make(LINKS, body);
		expectRefused(await stage.ask('POST', LINKS, { body }), 'PC_CONFLICT');
		expect((await stage.ask('GET', `${LINKS}/${made.json.id}`)).json).toEqual(made.json);
		expect((await stage.ask('DELETE', `${LINKS}/${made.json.id}`, { match: '"1"' })).status).toBe(204);
		const key = (await make(KEYS, { kind: 'service', name: 's', level: 'admin' })).json.key;
		const response = await fetch(`${stage.gateway.url}/api/v1${LINKS}`, {
			headers: { authorization: `Bearer ${key}` },
		});
		expect(((await response.json()) as { code: string }).code).toBe('PC_KEY_REFUSED');
	});

	it('keep their secret out of what the network reads and writes', async () => {
		const settings = await stage.ask('GET', '/platform/settings', { as: 'platform' });
		expect(settings.text).not.toMatch(/secret|env:CHAT/);
		expectRefused(
			await stage.ask('PUT', '/platform/settings', { as: 'platform', body: { openWebUi: {} }, match: '*' }),
			'PC_INPUT_INVALID',
		);
		expect((await stage.ask('PUT', '/platform/settings', { as: 'platform', body: {}, match: '*' })).status).toBe(200);
		const config = (await stage.ask('GET', '/config', { as: 'platform' })).json;
		expect(config.openWebUi.chat).toEqual({ secret: '${env:CHAT}', title: 'Chat' });
		const apply = (openWebUi: object) =>
			stage.ask('POST', '/config/apply', { as: 'platform', body: { config: { ...config, openWebUi } } });
		expectRefused(await apply({ chat: { secret: '${env:HOME}' } }), 'PC_OPERATOR_ONLY');
		expect((await apply(config.openWebUi)).status).toBe(200);
		const key = await keyFor();
		expect(endOf(await call(key, signed(ADA)))).toBe('WIKI: hello');
	});
});

// As Open WebUI does: the document once with the key alone, calls with the key and whoever is signed for.
describe('an OpenAPI connection of Open WebUI', () => {
	interface OpenApiTold {
		readonly status: number;
		readonly headers: globalThis.Headers;
		readonly text: string;
	}

	async function openApi(path: string, headers: Headers, body?: object): Promise<OpenApiTold> {
		const answer = await fetch(`${stage.gateway.url}/w/google/s/wiki/${path}`, {
			method: body === undefined ? 'GET' : 'POST',
			headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
			redirect: 'manual',
			...(body && { body: JSON.stringify(body) }),
		});
		return { status: answer.status, headers: answer.headers, text: await answer.text() };
	}

	const COOKIE: Headers = {
		cookie: 'token=eyJhbGciOiJIUzI1NiJ9.canary-of-a-cookie; oauth_session_id=canary-of-a-cookie',
	};
	let key: string;
	beforeAll(async () => {
		key = await keyFor();
	});
	const by = (headers: Headers = {}): Headers => ({ authorization: `Bearer ${key}`, ...COOKIE, ...headers });
	const ECHO = { text: 'hello' };

	it('reads the document with the key alone, with the names that stay', async () => {
		const { status, text } = await openApi('openapi.json', by());
		expect(status).toBe(200);
		const operations = Object.values<{ post: { operationId: string } }>(JSON.parse(text).paths);
		expect(operations.map(({ post: { operationId } }) => operationId)).toEqual(
			expect.arrayContaining(['tool_echo_post', 'tool_remember_post']),
		);
	});

	it('calls as the person that is signed for, whatever cookies come along', async () => {
		const told = await openApi('echo', by(signed(ADA)), ECHO);
		expect([told.status, told.text]).toEqual([200, '"WIKI: hello"']);
		await stage.gateway.shipped();
		const id = told.headers.get('x-request-id');
		const rows = await stage.sql(`select line from portcullis.audit_event where line like '%${id}%' order by seq`);
		expect(JSON.parse(rows[0]?.['line'] as string)).toMatchObject({ principal: { oid: 'ada' }, tool: 'echo' });
		expect(await stage.sql(`select 1 from portcullis.audit_event where line like '%canary-of-a-cookie%'`)).toEqual([]);
	});

	it('tells a model in a sentence what its person may not use, and what it lacks to call at all', async () => {
		const arguments_ = { key: 'k', value: 'v' };
		// Shown to everybody by the document, not for readers; and none of this name.
		for (const tool of ['remember', 'no_such_tool']) {
			const { status, text } = await openApi(tool, by(signed('bob-there')), arguments_);
			expect([status, JSON.parse(text)]).toEqual([
				403,
				{
					detail: {
						message: expect.stringMatching(/^You may not use this tool, or there is none of this name;/),
						code: 'PC_TOOL_REFUSED',
						request_id: expect.any(String),
					},
				},
			]);
		}
		expect((await openApi('remember', by(signed(ADA)), arguments_)).status).toBe(200);
		const alone = await openApi('echo', by(), ECHO);
		expect([alone.status, JSON.parse(alone.text).detail.code]).toEqual([403, 'PC_PERSON_REQUIRED']);
		const stranger = await openApi('echo', by(signed('nobody-there')), ECHO);
		expect([stranger.status, JSON.parse(stranger.text).detail.code]).toEqual([403, 'PC_PERSON_UNKNOWN']);
	});

	it('takes an empty bearer for none, and answers a wrong key as mcpo does', async () => {
		const none = await openApi('echo', { authorization: 'Bearer ', ...COOKIE }, ECHO);
		expect([none.status, none.text]).toEqual([401, '{"detail":"Missing or invalid Authorization header"}']);
		const wrong = await openApi('echo', { authorization: `bearer ${key.slice(0, -1)}x` }, ECHO);
		expect([wrong.status, wrong.text]).toEqual([403, '{"detail":"Invalid API key"}']);
	});
});
