import type { ServerResponse } from 'node:http';
import {
	answerText,
	checkListen,
	createBehaviour,
	createListenRegistry,
	createSessionState,
	type Exchange,
	errorPayload,
	RpcError,
	type RpcRequest,
} from './behaviour.mjs';
import {
	type Arrival,
	type HttpFixture,
	type HttpFixtureOptions,
	hostileFor,
	listen,
	refuse,
	sendError,
} from './http-server.ts';
import { checkModernRequest } from './modern-checks.ts';
import { createReply, openEventStream, type Reply } from './reply.ts';

/** Options of the modern build. */
export type ModernHttpOptions = HttpFixtureOptions;

/** Aborts when the client goes away before the answer: in this revision that is a cancellation. */
function signalOf(response: ServerResponse): AbortSignal {
	const controller = new AbortController();
	response.on('close', () => {
		if (!response.writableFinished) controller.abort();
	});
	return controller.signal;
}

function exchangeOf({ response, seen }: Arrival, reply: Reply): Exchange {
	return {
		era: 'modern',
		session: createSessionState(),
		credential: seen.headers,
		signal: signalOf(response),
		notify: (method, params) => void reply.event({ jsonrpc: '2.0', method, params }),
		ask: () => Promise.reject(new RpcError(-32603, 'a modern server asks nothing')),
		crash: () => void response.destroy(),
		openStream: reply.open,
		closeStream: reply.pause,
	};
}

function checkPost({ request, response, seen }: Arrival): boolean {
	const type = request.headers['content-type']?.split(';')[0]?.trim();
	if (request.method !== 'POST') {
		response.setHeader('allow', 'POST');
		sendError(response, 405, { code: -32000, message: 'Method not allowed' });
	} else if (type !== 'application/json') {
		sendError(response, 415, { code: -32000, message: 'Unsupported media type' });
	} else if (seen.body === undefined) {
		sendError(response, 400, { code: -32700, message: 'Parse error' });
	} else if (Array.isArray(seen.body) || seen.method === undefined) {
		sendError(response, 400, { code: -32600, message: 'Invalid request' });
	} else {
		return true;
	}
	return false;
}

function sendRpcError(response: ServerResponse, id: unknown, error: unknown): void {
	const known = error instanceof RpcError ? error : new RpcError(-32603, String(error), { status: 500 });
	const text = answerText(id, errorPayload(known));
	response.writeHead(known.status, { 'content-type': 'application/json' }).end(text);
}

/** Starts a server that speaks 2026-07-28 over Streamable HTTP and nothing else. */
export async function startModernHttp(options: ModernHttpOptions = {}): Promise<HttpFixture<ModernHttpOptions>> {
	const settings = { path: '/mcp', ...options };
	const listens = createListenRegistry();
	const behaviour = createBehaviour(settings, { broadcast: listens.broadcast });

	function openListen(request: RpcRequest, response: ServerResponse): void {
		const write = openEventStream(response);
		const forget = listens.open(request, (message) => write(JSON.stringify(message)));
		response.on('close', forget);
	}

	async function serveRequest(request: RpcRequest, arrival: Arrival): Promise<void> {
		const { response, seen } = arrival;
		try {
			checkModernRequest(seen.headers, request, behaviour.listTools('modern'));
			if (request.method === 'subscriptions/listen') checkListen(request);
		} catch (error) {
			return sendRpcError(response, request.id, error);
		}
		if (request.method === 'subscriptions/listen') return openListen(request, response);
		const reply = createReply(response, { mode: 'auto', hostile: hostileFor(settings, request.method) });
		const answer = await behaviour.handle(request, exchangeOf(arrival, reply));
		if (answer) await reply.answer(answer);
	}

	async function serve(arrival: Arrival): Promise<void> {
		if (refuse(settings, arrival) || !checkPost(arrival)) return;
		const request = arrival.seen.body as RpcRequest;
		if (request.id === undefined) arrival.response.writeHead(202).end();
		else await serveRequest(request, arrival);
	}

	const { origin, seen, close } = await listen(serve, settings.port);
	return {
		url: origin + settings.path,
		seen,
		cancelled: behaviour.cancelled,
		setBehaviour: (partial) => void Object.assign(settings, partial),
		notifyToolsChanged: () => listens.broadcast('notifications/tools/list_changed', {}),
		close() {
			listens.closeAll();
			return close();
		},
	};
}
