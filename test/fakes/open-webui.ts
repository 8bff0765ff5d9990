import { createHmac } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';

/** A connection as it stands in the settings of Open WebUI, with the key it is given. */
export interface OpenWebUiConnection {
	/** Base address of an OpenAPI service, or the address of an MCP server. */
	readonly url: string;
	readonly key: string;
}

/** What Open WebUI is told, as it came. */
export interface Told {
	readonly status: number;
	readonly headers: IncomingMessage['headers'];
	readonly text: string;
}

/** A tool as Open WebUI offers it to a model. */
export interface OfferedTool {
	readonly name: string;
	readonly description: string;
	readonly parameters: { readonly properties: Readonly<Record<string, object>>; readonly required?: readonly string[] };
	readonly path: string;
}

type HeaderList = readonly (readonly [string, string])[];

interface Sent {
	readonly method: string;
	readonly headers: HeaderList;
	readonly body?: string;
	/** Milliseconds for everything. */
	readonly limitMs: number;
}

const LIMITS = { document: 10_000, call: 300_000, initialize: 10_000 };

const AIOHTTP: HeaderList = [
	['Accept-Encoding', 'gzip, deflate'],
	['User-Agent', 'Python/3.11 aiohttp/3.12.15'],
];

/** Sends exactly these headers, in this order, and follows no redirect. */
function send(url: string, sent: Sent): Promise<Told> {
	return new Promise((resolve, reject) => {
		begin(url, sent, (response) => {
			let text = '';
			response.on('data', (part) => {
				text += String(part);
			});
			response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
			response.on('error', reject);
		}).on('error', reject);
	});
}

function begin(url: string, { method, headers, body, limitMs }: Sent, onResponse: (response: IncomingMessage) => void) {
	const length = body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))] as const];
	const all = [['Host', new URL(url).host] as const, ...headers, ...length].flat();
	const signal = AbortSignal.timeout(limitMs);
	const begun = request(url, { method, headers: all as never, setHost: false, signal }, onResponse);
	begun.end(body);
	return begun;
}

/** As Python's `json.dumps` writes: with spaces, and nothing but ASCII. */
export function pythonJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
	if (typeof value !== 'object' || value === null) {
		return JSON.stringify(value).replace(/[\u0080-\uffff]/g, (char) => {
			return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
		});
	}
	return `{${Object.entries(value)
		.map(([name, member]) => `${pythonJson(name)}: ${pythonJson(member)}`)
		.join(', ')}}`;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The header that Open WebUI mints for somebody who is signed in there; `age` in seconds. */
export function userJwt(secret: string, sub: string, age = 0): string {
	const iat = Math.floor(Date.now() / 1_000) - age;
	const claims = {
		sub,
		email: `${sub}@company.example`,
		name: sub,
		role: 'user',
		iss: 'open-webui',
		iat,
		exp: iat + 300,
	};
	const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
	return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

// `Bearer ` also where there is no key.
const authorization = ({ key }: OpenWebUiConnection): readonly [string, string] => ['Authorization', `Bearer ${key}`];

/** Reads the document of an OpenAPI connection: once for everybody, with the key alone. `more`: what Verify sends besides. */
export function fetchDocument(connection: OpenWebUiConnection, more: HeaderList = []): Promise<Told> {
	const headers = [['Accept', 'application/json'], ['Content-Type', 'application/json'], authorization(connection)];
	const all = [...headers, ...more, ...AIOHTTP] as HeaderList;
	return send(`${connection.url}/openapi.json`, { method: 'GET', headers: all, limitMs: LIMITS.document });
}

interface Operation {
	readonly operationId: string;
	readonly summary: string;
	readonly description?: string;
	readonly requestBody?: { readonly content: { 'application/json': { readonly schema: { readonly $ref: string } } } };
}

/** Turns a document into tools: operation ids are their names, members of the one body their parameters. */
export function offeredTools(document: string): readonly OfferedTool[] {
	const { paths, components } = JSON.parse(document);
	return Object.entries<{ post: Operation }>(paths).map(([path, { post }]) => {
		const reference: string | undefined = post.requestBody?.content['application/json'].schema.$ref;
		const schema = components.schemas[reference?.split('/').at(-1) ?? ''] ?? {};
		return {
			...{ name: post.operationId, description: post.description ?? post.summary, path },
			parameters: { properties: schema.properties ?? {}, required: schema.required },
		};
	});
}

/** Somebody in a chat. */
export interface ChatUser {
	/** Headers by which Open WebUI says who it is. */
	readonly identity: HeaderList;
	/** Cookies of the browser, which go along with sign-in and session connections. */
	readonly cookie?: string;
}

/** Calls a tool of an OpenAPI connection, without the arguments that its schema does not name. */
export function executeTool(
	connection: OpenWebUiConnection,
	tool: Pick<OfferedTool, 'path' | 'parameters'>,
	{ user, args }: { readonly user: ChatUser; readonly args: Readonly<Record<string, unknown>> },
): Promise<Told> {
	const known = Object.entries(args).filter(([name]) => Object.hasOwn(tool.parameters.properties, name));
	const headers = [
		['Content-Type', 'application/json'],
		authorization(connection),
		...user.identity,
		['X-OpenWebUI-Chat-Id', '6f0c0000-0000-4000-8000-000000000001'],
		['X-OpenWebUI-Message-Id', '1b7e0000-0000-4000-8000-000000000002'],
		...(user.cookie === undefined ? [] : [['Cookie', user.cookie]]),
		['Accept', '*/*'],
		...AIOHTTP,
	] as HeaderList;
	const body = pythonJson(Object.fromEntries(known));
	return send(connection.url + tool.path, { method: 'POST', headers, body, limitMs: LIMITS.call });
}

/** The MCP connection of one message of a chat, as the official Python client keeps it. */
export interface McpConversation {
	/** `initialize`, `notifications/initialized` and, where there is a session, the GET stream. */
	connect(): Promise<{ readonly initialized: Told; readonly streamStatus: number | undefined }>;
	/** The first page, and no other. */
	listTools(): Promise<Told>;
	callTool(name: string, args: object): Promise<Told>;
	/** DELETE, where there is a session; resolves to what was told, when the stream has ended as well. */
	disconnect(): Promise<Told | undefined>;
}

/** Opens nothing yet. */
export function mcpConversation(connection: OpenWebUiConnection, user: ChatUser): McpConversation {
	let session: HeaderList = [];
	let stream: IncomingMessage | undefined;
	let id = 0;
	const common = (accept: string): HeaderList => [
		['Accept', accept],
		['Accept-Encoding', 'gzip, deflate'],
		['Connection', 'keep-alive'],
		['User-Agent', 'python-httpx/0.28.1'],
		authorization(connection),
		...user.identity,
	];
	const post = (message: object, limitMs = LIMITS.call): Promise<Told> => {
		const headers = [
			...common('application/json, text/event-stream'),
			['content-type', 'application/json'],
			...session,
		];
		return send(connection.url, {
			...{ method: 'POST', headers: headers as HeaderList, limitMs },
			// As pydantic writes it: compact, the envelope last.
			body: JSON.stringify(message),
		});
	};
	const ask = (method: string, params?: object, limitMs?: number): Promise<Told> =>
		post({ method, ...(params && { params }), jsonrpc: '2.0', id: id++ }, limitMs);
	const openStream = (): Promise<number> =>
		new Promise((resolve, reject) => {
			const headers = [...common('text/event-stream'), ['Cache-Control', 'no-store'], ...session] as HeaderList;
			begin(connection.url, { method: 'GET', headers, limitMs: LIMITS.call }, (response) => {
				stream = response.resume();
				resolve(response.statusCode ?? 0);
			}).on('error', reject);
		});
	return {
		async connect() {
			const clientInfo = { name: 'mcp', version: '0.1.0' };
			const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
			const initialized = await ask('initialize', params, LIMITS.initialize);
			const own = initialized.headers['mcp-session-id'];
			const version = ['mcp-protocol-version', messageIn(initialized).result?.protocolVersion ?? ''] as const;
			session = own === undefined ? [version] : [['mcp-session-id', String(own)], version];
			await post({ method: 'notifications/initialized', jsonrpc: '2.0' });
			return { initialized, streamStatus: own === undefined ? undefined : await openStream() };
		},
		listTools: () => ask('tools/list'),
		callTool: (name, args) => ask('tools/call', { name, arguments: args }),
		async disconnect() {
			if (session.length < 2) return undefined;
			const ended = stream?.complete === false ? new Promise((resolve) => stream?.once('close', resolve)) : undefined;
			const headers = [...common('application/json, text/event-stream'), ...session];
			const told = await send(connection.url, { method: 'DELETE', headers, limitMs: LIMITS.call });
			await ended;
			return told;
		},
	};
}

/** The JSON-RPC message of an answer, whether it is JSON or an event. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
export function messageIn({ text }: Told): any {
	const events = text.split('\n').filter((line) => line.startsWith('data: ') && line.length > 6);
	return JSON.parse(events.at(-1)?.slice(6) ?? text);
}
