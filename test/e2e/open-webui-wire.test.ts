import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
	type ChatUser,
	executeTool,
	fetchDocument,
	mcpConversation,
	messageIn,
	type OfferedTool,
	type OpenWebUiConnection,
	offeredTools,
	userJwt,
} from '../fakes/open-webui.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import { ADMIN_CONFIG, type AdminStage, openAdminStage } from './admin-resource.ts';

const SECRET = 'the-secret-of-chat-32-bytes-long!';
const CANARY = 'canary-of-a-cookie';

let postgres: TestPostgres;
let stage: AdminStage;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;
let silent: { readonly url: string; close(): void };
let key: string;

/** Takes connections and never says a word. */
async function startSilent() {
	const sockets = new Set<{ destroy(): void }>();
	const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
	await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()));
	const { port } = server.address() as { port: number };
	const close = () => {
		for (const socket of sockets) socket.destroy();
		server.close();
	};
	return { url: `http://127.0.0.1:${port}/mcp`, close };
}

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	[upstream, silent] = await Promise.all([startModernHttp({ canary: 'WIKI' }), startSilent()]);
	const servers = { wiki: { transport: 'http', url: upstream.url } };
	const members = [
		{ oid: 'ada', access: 'write' },
		{ oid: 'bob', access: 'read' },
	];
	const config = {
		...ADMIN_CONFIG,
		workspaces: {
			google: { servers, members },
			microsoft: { servers: { ...servers, mute: { transport: 'http', url: silent.url } }, members },
		},
		openWebUi: { chat: { secret: '${env:CHAT}' } },
	};
	stage = await openAdminStage(postgres, config, { CHAT: SECRET });
	key = await keyOf('google', 'admins');
});
afterAll(async () => {
	await stage.close();
	silent.close();
	await upstream.close();
	await postgres.close();
});

async function keyOf(workspace: string, as: string): Promise<string> {
	for (const oid of ['ada', 'bob']) {
		const link = { instance: 'chat', subject: `${oid}-there`, oid };
		expect((await stage.ask('POST', `/workspaces/${workspace}/open-webui-links`, { as, body: link })).status).toBe(201);
	}
	const body = { kind: 'open-webui', name: 'Chat', level: 'write', openWebUi: { instance: 'chat' } };
	return (await stage.ask('POST', `/workspaces/${workspace}/keys`, { as, body })).json.key;
}

const wiki = (): OpenWebUiConnection => ({ url: `${stage.gateway.url}/w/google/s/wiki`, key });
const signed = (sub: string, age = 0) => [['X-OpenWebUI-User-Jwt', userJwt(SECRET, sub, age)]] as const;
const cookie = `token=${CANARY}; oauth_id_token=${CANARY}; oauth_session_id=${CANARY}`;
const ada = (): ChatUser => ({ identity: signed('ada-there'), cookie });
const bob = (): ChatUser => ({ identity: signed('bob-there') });

/** What a model would read of an answer, and whether that is JSON as Open WebUI wants it. */
function read({ status, headers, text }: Awaited<ReturnType<typeof fetchDocument>>) {
	expect(headers['content-type']).toBe('application/json');
	return [status, JSON.parse(text)];
}

async function toolNamed(name: string): Promise<OfferedTool> {
	const tool = offeredTools((await fetchDocument(wiki())).text).find((each) => each.name === name);
	return tool as OfferedTool;
}

describe('the document, as Open WebUI fetches it', () => {
	it('is read once for everybody with the key alone, and has a tool with a description for each operation', async () => {
		const told = await fetchDocument(wiki());
		expect(told.status).toBe(200);
		const tools = offeredTools(told.text);
		expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['tool_echo_post', 'tool_remember_post']));
		for (const { name, description } of tools) {
			expect(name).toMatch(/^\w+$/);
			expect(description, name).not.toBe('');
		}
		const echo = tools.find(({ name }) => name === 'tool_echo_post');
		expect(echo?.parameters).toMatchObject({ properties: { text: { type: 'string' } }, required: ['text'] });
	});

	it('is whose own it is, when Verify says who asks', async () => {
		const names = offeredTools((await fetchDocument(wiki(), signed('bob-there'))).text).map(({ name }) => name);
		expect(names).toContain('tool_echo_post');
		expect(names).not.toContain('tool_remember_post');
	});

	it('is refused as JSON that says why, with an empty bearer, another key, or at another address', async () => {
		expect(read(await fetchDocument({ ...wiki(), key: '' }))).toEqual([
			401,
			{ detail: 'Missing or invalid Authorization header' },
		]);
		expect(read(await fetchDocument({ ...wiki(), key: `${key.slice(0, -1)}_` }))).toEqual([
			403,
			{ detail: 'Invalid API key' },
		]);
		for (const place of ['/w/microsoft/s/wiki', '/w/google/s/none', '/w/nowhere/s/wiki']) {
			expect(read(await fetchDocument({ url: stage.gateway.url + place, key })), place).toEqual([
				404,
				{ detail: 'Not Found' },
			]);
		}
	});
});

describe('a call, as Open WebUI makes it', () => {
	it('is the person’s that the header is signed for, with the text that Python wrote', async () => {
		const echo = await toolNamed('tool_echo_post');
		const told = await executeTool(wiki(), echo, { user: ada(), args: { text: 'grüße ☃', invented: 1 } });
		expect(read(told)).toEqual([200, 'WIKI: grüße ☃']);
		await stage.gateway.shipped();
		const id = told.headers['x-request-id'];
		const rows = await stage.sql(`select line from portcullis.audit_event where line like '%${id}%' order by seq`);
		expect(JSON.parse(rows[0]?.['line'] as string)).toMatchObject({
			...{ principal: { oid: 'ada' }, tool: 'echo', facade: 'openapi' },
		});
	});

	it('carries nothing of the browser or of Open WebUI to the server, nor into a record', async () => {
		const echo = await toolNamed('tool_echo_post');
		expect((await executeTool(wiki(), echo, { user: ada(), args: { text: 'x' } })).status).toBe(200);
		const sent = JSON.stringify(upstream.seen);
		for (const foreign of [CANARY, 'X-OpenWebUI', 'x-openwebui', key, 'aiohttp']) expect(sent).not.toContain(foreign);
		await stage.gateway.shipped();
		expect(await stage.sql(`select 1 from portcullis.audit_event where line like '%${CANARY}%'`)).toEqual([]);
	});

	it('has an empty object for a body where the model gave nothing', async () => {
		const whoami = await toolNamed('tool_whoami_post');
		expect((await executeTool(wiki(), whoami, { user: ada(), args: {} })).status).toBe(200);
		const echo = await toolNamed('tool_echo_post');
		const [status, { detail }] = read(await executeTool(wiki(), echo, { user: ada(), args: {} }));
		expect([status, detail[0].loc, detail[0].msg]).toEqual([422, ['body', 'text'], 'Field required']);
	});

	it('is refused with a sentence, where the person may not, is not known, or is not said', async () => {
		const remember = await toolNamed('tool_remember_post');
		const refusedAs = async (user: ChatUser) =>
			read(await executeTool(wiki(), remember, { user, args: { key: 'k', value: 'v' } }));
		const sentence = (message: RegExp, code: string) => [
			403,
			{ detail: { message: expect.stringMatching(message), code, request_id: expect.any(String) } },
		];
		expect(await refusedAs(bob())).toEqual(sentence(/^You may not use this tool/, 'PC_TOOL_REFUSED'));
		expect(await refusedAs({ identity: signed('nobody-there') })).toEqual(sentence(/./, 'PC_PERSON_UNKNOWN'));
		expect(await refusedAs({ identity: [] })).toEqual(sentence(/needs a person/, 'PC_PERSON_REQUIRED'));
		// Minting failed: Open WebUI falls back to headers that anybody could send.
		const plain = [
			['X-OpenWebUI-User-Name', 'Ada'],
			['X-OpenWebUI-User-Id', 'ada-there'],
			['X-OpenWebUI-User-Email', 'ada@company.example'],
			['X-OpenWebUI-User-Role', 'admin'],
		] as const;
		expect(await refusedAs({ identity: plain })).toEqual(sentence(/./, 'PC_OPEN_WEBUI_TOKEN'));
	});

	it('is tried again with a header minted anew, after the old one has expired, and is carried out once', async () => {
		const remember = await toolNamed('tool_remember_post');
		const args = { key: 'again', value: 'once' };
		const before = upstream.seen.length;
		const late = await executeTool(wiki(), remember, { user: { identity: signed('ada-there', 900) }, args });
		expect(read(late)).toMatchObject([403, { detail: { code: 'PC_OPEN_WEBUI_TOKEN' } }]);
		expect((await executeTool(wiki(), remember, { user: ada(), args })).status).toBe(200);
		const calls = upstream.seen.slice(before).filter(({ method }) => method === 'tools/call');
		expect(calls).toHaveLength(1);
	});

	it('is never redirected, whichever slash form the connection has', async () => {
		const echo = await toolNamed('tool_echo_post');
		for (const path of ['/echo', '/echo/']) {
			const told = await executeTool(wiki(), { ...echo, path }, { user: ada(), args: { text: 'x' } });
			expect(read(told), path).toEqual([200, 'WIKI: x']);
			expect(told.headers.location).toBeUndefined();
		}
		expect((await fetchDocument({ ...wiki(), url: `${stage.gateway.url}/w/google/s/wiki` })).status).toBe(200);
	});
});

describe('a chat over MCP, as Open WebUI holds it', () => {
	const mcp = (place: string, own = key): OpenWebUiConnection => ({ url: stage.gateway.url + place, key: own });

	it.each(['/w/google/s/wiki/mcp', '/w/google/s/wiki/mcp/', '/w/google/mcp', '/mcp'])(
		'goes from initialize to DELETE at %s, with a stream beside it',
		async (place) => {
			const chat = mcpConversation(mcp(place), ada());
			const { initialized, streamStatus } = await chat.connect();
			expect(initialized.status).toBe(200);
			expect(messageIn(initialized).result).toMatchObject({ protocolVersion: '2025-11-25' });
			// 405 would do as well; anything else is taken for a fault.
			expect(streamStatus).toBe(200);
			const { result } = messageIn(await chat.listTools());
			expect(result.nextCursor).toBeUndefined();
			const names: string[] = result.tools.map(({ name }: { name: string }) => name);
			const echo = names.find((name) => name.endsWith('echo')) as string;
			for (const name of names) expect(name.length).toBeLessThanOrEqual(place.includes('/s/') ? 128 : 64);
			const called = messageIn(await chat.callTool(echo, { text: 'hello' }));
			expect(called).toMatchObject({ id: 2, result: { content: [{ type: 'text', text: 'WIKI: hello' }] } });
			expect((await chat.disconnect())?.status).toBe(200);
			// What has ended stays so.
			expect((await chat.listTools()).status).toBe(404);
		},
	);

	it('is a person’s own: what they may not use is neither listed nor called', async () => {
		const chat = mcpConversation(mcp('/w/google/s/wiki/mcp'), bob());
		await chat.connect();
		const { result } = messageIn(await chat.listTools());
		expect(result.tools.map(({ name }: { name: string }) => name)).not.toContain('remember');
		const refused = messageIn(await chat.callTool('remember', { key: 'k', value: 'v' }));
		expect(refused.error.data.code).toBe('PC_TOOL_UNKNOWN');
		await chat.disconnect();
	});

	it('belongs to whoever began it: nobody else continues it', async () => {
		const chat = mcpConversation(mcp('/w/google/s/wiki/mcp'), ada());
		const { initialized } = await chat.connect();
		const session = String(initialized.headers['mcp-session-id']);
		const response = await fetch(`${stage.gateway.url}/w/google/s/wiki/mcp`, {
			method: 'POST',
			headers: {
				...{ authorization: `Bearer ${key}`, 'content-type': 'application/json', 'mcp-session-id': session },
				...{ accept: 'application/json, text/event-stream', ...Object.fromEntries(signed('bob-there')) },
			},
			body: '{"method":"tools/list","jsonrpc":"2.0","id":1}',
		});
		expect(response.status).toBe(404);
		await chat.disconnect();
	});

	it('begins within the ten seconds of initialize, and lists what there is, while one of several servers is mute', async () => {
		const own = await keyOf('microsoft', 'elsewhere');
		const chat = mcpConversation(mcp('/w/microsoft/mcp', own), ada());
		// The client gives up by itself after ten seconds.
		expect((await chat.connect()).initialized.status).toBe(200);
		const { result } = messageIn(await chat.listTools());
		expect(result.tools.map(({ name }: { name: string }) => name)).toContain('wiki__echo');
		await chat.disconnect();
	});

	it('is refused with a reason, with an empty bearer', async () => {
		const response = await fetch(`${stage.gateway.url}/w/google/s/wiki/mcp`, {
			method: 'POST',
			headers: { authorization: 'Bearer ', 'content-type': 'application/json' },
			body: '{"method":"initialize","params":{},"jsonrpc":"2.0","id":0}',
		});
		expect(response.status).toBe(401);
		expect(response.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="/);
	});
});
