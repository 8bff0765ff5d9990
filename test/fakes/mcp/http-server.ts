import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appliesTo, type CancelledCall, type FixtureOptions, type Hostile } from './behaviour.mjs';

/** Options every http build understands; `setBehaviour` changes them while it runs. */
export interface HttpFixtureOptions extends FixtureOptions {
	/** The header a request must carry; others get 401 (with `challenge` as `WWW-Authenticate`). */
	requireHeader?: { readonly header: string; readonly value: string; readonly challenge?: string } | undefined;
	/** Path of the MCP address, `/mcp` unless told. */
	path?: string;
	/** Port to listen on; absent or 0: a free one. */
	port?: number;
	/** Refuses a foreign Host or Origin, as a server on a person's own machine must; on with `conformance`. */
	localOnly?: boolean;
}

/** One request as the server saw it; `name` is `params.name` or `params.uri`. */
export interface SeenRequest {
	readonly httpMethod: string;
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly text: string;
	readonly body: unknown;
	readonly method: string | undefined;
	readonly name: string | undefined;
}

/** A running http build. */
export interface HttpFixture<Options extends HttpFixtureOptions = HttpFixtureOptions> {
	readonly url: string;
	readonly seen: SeenRequest[];
	/** Calls of `slow` that were cancelled. */
	readonly cancelled: CancelledCall[];
	setBehaviour(partial: Partial<Options>): void;
	notifyToolsChanged(): void;
	/** Ends the listener and every socket. */
	close(): Promise<void>;
}

/** A request whose body has been read, and the way to answer it. */
export interface Arrival {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly seen: SeenRequest;
}

/** A listener on 127.0.0.1. */
export interface Listener {
	readonly origin: string;
	readonly seen: SeenRequest[];
	close(): Promise<void>;
}

async function readText(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function toSeen(request: IncomingMessage, text: string): SeenRequest {
	const body = parseBody(text);
	const message = (body ?? {}) as { method?: string; params?: { name?: string; uri?: string } };
	return {
		httpMethod: request.method ?? '',
		path: request.url ?? '',
		headers: request.headers,
		text,
		body,
		method: message.method,
		name: message.params?.name ?? message.params?.uri,
	};
}

/** Listens, on a free port unless told, records every request, and hands it on once its body has been read. */
export async function listen(serve: (arrival: Arrival) => void | Promise<void>, port = 0): Promise<Listener> {
	const seen: SeenRequest[] = [];
	async function arrive(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const entry = toSeen(request, await readText(request));
		seen.push(entry);
		await serve({ request, response, seen: entry });
	}
	const server = createServer((request, response) => {
		// A client that leaves, or a fault of the fixture itself, must show as a dead socket and never end the test run.
		arrive(request, response).catch(() => response.destroy());
	});
	await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
	const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const close = () =>
		new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
	return { origin, seen, close };
}

/** Answers JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Answers a JSON-RPC error without a request id. */
export function sendError(response: ServerResponse, status: number, error: { code: number; message: string }): void {
	sendJson(response, status, { jsonrpc: '2.0', error, id: null });
}

/** The hostility meant for this method, if any. */
export function hostileFor(options: FixtureOptions, method: string | undefined): Hostile | undefined {
	return appliesTo(options.hostile, method) ? options.hostile : undefined;
}

function lacksHeader({ requireHeader }: HttpFixtureOptions, { headers }: SeenRequest): boolean {
	return requireHeader !== undefined && headers[requireHeader.header.toLowerCase()] !== requireHeader.value;
}

const LOCAL_NAMES = ['localhost', '127.0.0.1', '[::1]'];

function isLocal(origin: string): boolean {
	return URL.canParse(origin) && LOCAL_NAMES.includes(new URL(origin).hostname);
}

function isForeign({ localOnly, conformance }: HttpFixtureOptions, { headers }: SeenRequest): boolean {
	if (!(localOnly ?? conformance)) return false;
	return !isLocal(`http://${headers.host}`) || (headers.origin !== undefined && !isLocal(headers.origin));
}

/** Answers, or leaves unanswered, what must not reach the behaviour: a missing credential, a redirect, a failure. */
export function refuse(options: HttpFixtureOptions, { response, seen }: Arrival): boolean {
	if (lacksHeader(options, seen)) {
		const challenge = options.requireHeader?.challenge;
		if (challenge) response.setHeader('www-authenticate', challenge);
		sendJson(response, 401, { error: 'unauthorized', canary: options.canary });
		return true;
	}
	if (isForeign(options, seen)) {
		sendError(response, 403, { code: -32000, message: 'Forbidden: foreign Host or Origin' });
		return true;
	}
	const hostile = hostileFor(options, seen.method);
	switch (hostile?.kind) {
		case 'redirect':
			response.writeHead(hostile.status ?? 302, { location: hostile.location }).end();
			return true;
		case 'html-500':
			response.writeHead(500, { 'content-type': 'text/html' }).end(`<h1>Server error</h1><p>${options.canary}</p>`);
			return true;
		case 'status':
			response.writeHead(hostile.status, hostile.headers).end();
			return true;
		default:
			return hostile?.kind === 'never';
	}
}

/** A server that records what reaches it and answers 200 `{}`: the far end of a redirect. */
export async function startRecorder(): Promise<{ url: string; seen: SeenRequest[]; close(): Promise<void> }> {
	const { origin, seen, close } = await listen(({ response }) => sendJson(response, 200, {}));
	return { url: `${origin}/recorded`, seen, close };
}

/** An address nobody listens on. */
export async function closedPortUrl(): Promise<string> {
	const { origin, close } = await listen(() => undefined);
	await close();
	return `${origin}/mcp`;
}
