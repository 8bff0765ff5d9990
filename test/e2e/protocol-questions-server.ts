import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Readonly<Record<string, unknown>>;

/** One call of a tool, and what the tool may do before it answers. */
export interface AskedCall {
	readonly params: Json;
	/** What the client declared in `initialize`. */
	readonly capabilities: Json;
	/** Aborts when the client cancels the call. */
	readonly signal: AbortSignal;
	/** Asks the client and waits for its answer: the whole response. */
	ask(method: string, params: unknown): Promise<Json>;
	/** Asks and waits for nothing; the id of the question. */
	throwIn(method: string, params: unknown): string;
	/** Puts a message on the stream of the call. */
	send(message: Json): void;
	progress(progress: number): void;
}

/** A tool: what it returns is the result of the call, or the error when it has a member `error`. */
export type AskingTool = (call: AskedCall) => unknown;

/** What is special about an asking server. */
export interface AskingOptions {
	/** Where questions go: the stream of their call unless told, or the GET stream of the session. */
	readonly questions?: 'call' | 'session';
	/** The tools that a client with these capabilities is shown; all unless told. */
	readonly shows?: (capabilities: Json) => readonly string[];
}

/** A legacy server over Streamable HTTP whose tools a test writes, for what no well-behaved server asks. */
export interface AskingServer {
	readonly url: string;
	/** Capabilities of each session that was opened, in order. */
	readonly sessions: readonly Json[];
	/** Tools called, in order. */
	readonly called: string[];
	/** Tools whose call was cancelled, in order. */
	readonly cancelled: string[];
	/** Sessions that are open now. */
	readonly open: number;
	/** Ends every connection in the middle of whatever it carries. */
	cut(): void;
	/** Forgets all sessions: whoever names one gets 404. */
	forget(): void;
	close(): Promise<void>;
}

interface Session {
	readonly id: string;
	readonly capabilities: Json;
	readonly running: Map<unknown, AbortController>;
	stream: ServerResponse | undefined;
}

interface Message {
	readonly id?: string | number;
	readonly method?: string;
	readonly params?: Json;
}

interface State {
	readonly tools: Readonly<Record<string, AskingTool>>;
	readonly options: AskingOptions;
	readonly sessions: Map<string, Session>;
	readonly opened: Json[];
	readonly called: string[];
	readonly cancelled: string[];
	readonly asked: Map<unknown, (response: Json) => void>;
}

/** Starts one on a free port. */
export async function startAskingServer(
	tools: Readonly<Record<string, AskingTool>>,
	options: AskingOptions = {},
): Promise<AskingServer> {
	const state: State = {
		...{ tools, options, sessions: new Map(), opened: [], called: [], cancelled: [], asked: new Map() },
	};
	const server: Server = createServer((request, response) => {
		serve(state, request, response).catch(() => response.destroy());
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
		sessions: state.opened,
		called: state.called,
		cancelled: state.cancelled,
		get open() {
			return state.sessions.size;
		},
		cut: () => server.closeAllConnections(),
		forget: () => state.sessions.clear(),
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
	let text = '';
	for await (const chunk of request) text += String(chunk);
	const message = (text === '' ? {} : JSON.parse(text)) as Message;
	if (message.method === 'initialize') return initialize(state, message, response);
	if (message.method === 'server/discover') return sendError(response, message.id, -32601);
	const session = state.sessions.get(String(request.headers['mcp-session-id']));
	if (session === undefined) return void response.writeHead(404).end();
	if (request.method === 'GET') return openStream(state, session, response);
	if (request.method === 'DELETE') {
		state.sessions.delete(session.id);
		session.stream?.end();
		return void response.writeHead(200).end();
	}
	if (message.id === undefined || message.method === undefined) return take(state, { session, message, response });
	if (message.method === 'tools/list') return list(state, session, { message, response });
	if (message.method !== 'tools/call') return sendError(response, message.id, -32601);
	return call(state, session, { message, response });
}

function initialize(state: State, { id, params }: Message, response: ServerResponse): void {
	const capabilities = (params?.['capabilities'] ?? {}) as Json;
	const session: Session = { id: randomUUID(), capabilities, running: new Map(), stream: undefined };
	state.sessions.set(session.id, session);
	state.opened.push(capabilities);
	const result = {
		protocolVersion: '2025-11-25',
		capabilities: { tools: {} },
		serverInfo: { name: 'asking', version: '1' },
	};
	response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': session.id });
	response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

function sendError(response: ServerResponse, id: unknown, code: number): void {
	response.writeHead(200, { 'content-type': 'application/json' });
	response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: 'no such method' } }));
}

function openStream({ options }: State, session: Session, response: ServerResponse): void {
	if (options.questions !== 'session') return void response.writeHead(405).end();
	response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
	session.stream = response;
}

interface Exchange {
	readonly message: Message;
	readonly response: ServerResponse;
}

function take(state: State, { session, message, response }: Exchange & { readonly session: Session }): void {
	if (message.method === undefined) state.asked.get(message.id)?.(message as Json);
	if (message.method === 'notifications/cancelled') session.running.get(message.params?.['requestId'])?.abort();
	response.writeHead(202).end();
}

function list({ tools, options }: State, { capabilities }: Session, { message, response }: Exchange): void {
	const shown = options.shows?.(capabilities) ?? Object.keys(tools);
	const result = { tools: shown.map((name) => ({ name, inputSchema: { type: 'object' } })) };
	response.writeHead(200, { 'content-type': 'application/json' });
	response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
}

async function call(state: State, session: Session, { message, response }: Exchange): Promise<void> {
	const { id, params = {} } = message;
	const name = String(params['name']);
	const controller = new AbortController();
	session.running.set(id, controller);
	controller.signal.addEventListener('abort', () => state.cancelled.push(name));
	state.called.push(name);
	const write = (value: Json): void => {
		if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
		response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...value })}\n\n`);
	};
	const throwIn = (method: string, asked: unknown): string => {
		const question = { id: `server-${randomUUID()}`, method, params: asked };
		const { stream } = session;
		if (stream === undefined) write(question);
		else stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...question })}\n\n`);
		return question.id;
	};
	const returned = await state.tools[name]?.({
		params,
		capabilities: session.capabilities,
		signal: controller.signal,
		ask: (method, asked) => {
			const id = throwIn(method, asked);
			return new Promise((resolve) => state.asked.set(id, resolve));
		},
		throwIn,
		send: write,
		progress(progress) {
			const progressToken = (params['_meta'] as Json | undefined)?.['progressToken'];
			write({ method: 'notifications/progress', params: { progressToken, progress } });
		},
	});
	session.running.delete(id);
	const payload = (returned as Json | undefined)?.['error'] === undefined ? { result: returned } : (returned as Json);
	if (response.headersSent) {
		write({ id, ...payload });
		return void response.end();
	}
	response.writeHead(200, { 'content-type': 'application/json' });
	response.end(JSON.stringify({ jsonrpc: '2.0', id, ...payload }));
}

/** A tool result with this text. */
export function said(text: string): object {
	return { content: [{ type: 'text', text }] };
}

/** `params` of a form with one member, `name`. */
export const FORM = {
	message: 'Who are you?',
	requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
};
