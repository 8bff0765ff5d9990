import {
	type Answer,
	answerText,
	type Behaviour,
	type CancelledCall,
	createBehaviour,
	type Exchange,
	LEGACY_VERSIONS,
	type RpcRequest,
} from './behaviour.mjs';
import { type ClientMessage, createClientRequests } from './client-requests.ts';
import { createEventLog, type EventLog, parseEventId } from './event-log.ts';
import {
	type Arrival,
	type HttpFixture,
	type HttpFixtureOptions,
	hostileFor,
	listen,
	refuse,
	sendError,
} from './http-server.ts';
import {
	createLegacySession,
	isResponse,
	type LegacySession,
	notifySession,
	receiveNotification,
	runCall,
	streamingSession,
	streamOpened,
} from './legacy-session.ts';
import { type AnswerMode, createReply, openEventStream, type Reply } from './reply.ts';

/** Options of the legacy Streamable HTTP build. */
export interface LegacyHttpOptions extends HttpFixtureOptions {
	/** How calls are answered, `auto` unless told (`sse` with `conformance`); `json` drops what would come before the answer. */
	answers?: AnswerMode;
	/** False: no `Mcp-Session-Id`, every POST stands alone. */
	sessions?: boolean;
	/** False: GET answers 405. */
	getStream?: boolean;
	/** Numbers the events of a stream. */
	eventIds?: boolean;
	/**
	 * Keeps the events of a call's stream, so that a client of 2025-11-25 can come back for them with `Last-Event-ID`;
	 * on with `conformance`.
	 */
	resumable?: boolean;
	/** Where questions go: on the stream of the `call`, unless told, or on the GET stream of the `session`, once open. */
	questions?: 'call' | 'session';
}

/** A running legacy Streamable HTTP build. */
export interface LegacyHttpFixture extends HttpFixture<LegacyHttpOptions> {
	sessionCount(): number;
	/** Forgets every session, as a restarted server does: the next request gets 404. */
	dropSessions(): void;
	/** Asks a client with an open GET stream for its roots, unrelated to any call. */
	requestRoots(): Promise<unknown>;
}

/** The revision that lets a client come back to the stream of a call. */
const RESUMING_VERSION = '2025-11-25';
const BATCHING_VERSION = '2025-03-26';
const HTTP_VERSIONS = LEGACY_VERSIONS.filter((version) => version >= BATCHING_VERSION);

type Settings = LegacyHttpOptions & { readonly path: string; readonly versions: readonly string[] };

/** A reply inside a batch: nothing can come before the answers. */
const MUTED: Reply = {
	event: () => false,
	open: () => undefined,
	pause: () => undefined,
	end: () => undefined,
	answer: async () => undefined,
};

/** The server itself; it owns its sessions. */
class LegacyHttpServer implements Omit<LegacyHttpFixture, 'url' | 'seen' | 'close'> {
	readonly #settings: Settings;
	readonly #behaviour: Behaviour;
	readonly #sessions = new Map<string, LegacySession>();
	/** Stands for all clients when the server keeps no sessions. */
	readonly #nobody = createLegacySession();
	readonly #requests = createClientRequests<LegacySession>();

	constructor(settings: Settings) {
		this.#settings = settings;
		this.#behaviour = createBehaviour(settings, { broadcast: (...notice) => this.#broadcast(...notice) });
	}

	get cancelled(): CancelledCall[] {
		return this.#behaviour.cancelled;
	}

	setBehaviour(partial: Partial<LegacyHttpOptions>): void {
		Object.assign(this.#settings, partial);
	}

	notifyToolsChanged(): void {
		this.#broadcast('notifications/tools/list_changed', {});
	}

	sessionCount(): number {
		return this.#sessions.size;
	}

	dropSessions(): void {
		this.#sessions.clear();
	}

	async requestRoots(): Promise<unknown> {
		const session = streamingSession(this.#sessions.values());
		const send = (message: object) => session.stream?.write(JSON.stringify(message));
		return this.#requests.ask({ session, send }, { method: 'roots/list', params: {} });
	}

	async serve(arrival: Arrival): Promise<void> {
		if (refuse(this.#settings, arrival)) return;
		const { method } = arrival.request;
		if (method === 'POST') await this.#servePost(arrival);
		else if (method === 'GET') this.#serveGet(arrival);
		else if (method === 'DELETE') this.#serveDelete(arrival);
		else arrival.response.writeHead(405, { allow: 'GET, POST, DELETE' }).end();
	}

	async #servePost(arrival: Arrival): Promise<void> {
		const { response, seen } = arrival;
		if (seen.body === undefined) return sendError(response, 400, { code: -32700, message: 'Parse error' });
		if (seen.method === 'initialize') return this.#serveRequest(arrival, this.#openSession());
		const session = this.#findSession(arrival);
		if (!session) return;
		const version = seen.headers['mcp-protocol-version'];
		const known = version === undefined || this.#settings.versions.includes(String(version));
		if (known) return this.#serveMessage(arrival, session);
		sendError(response, 400, { code: -32000, message: `Bad Request: Unsupported protocol version: ${version}` });
	}

	async #serveMessage(arrival: Arrival, session: LegacySession): Promise<void> {
		const { response, seen } = arrival;
		if (Array.isArray(seen.body)) return this.#serveBatch(arrival, session);
		const message = seen.body as ClientMessage;
		if (isResponse(message)) {
			response.writeHead(this.#requests.settle(session, message) ? 202 : 400).end();
		} else if (message.id === undefined) {
			receiveNotification(session, message);
			response.writeHead(202).end();
		} else {
			await this.#serveRequest(arrival, session);
		}
	}

	async #serveRequest(arrival: Arrival, session: LegacySession): Promise<void> {
		const request = arrival.seen.body as RpcRequest;
		const fresh = request.method === 'initialize' && this.#settings.sessions !== false;
		const reply = createReply(arrival.response, {
			mode: this.#settings.answers ?? (this.#settings.conformance ? 'sse' : 'auto'),
			hostile: hostileFor(this.#settings, request.method),
			eventIds: this.#settings.eventIds,
			headers: fresh ? { 'mcp-session-id': session.id } : {},
			log: this.#logFor(session),
		});
		const answer = await this.#run(request, { arrival, session, reply });
		if (answer) await reply.answer({ ...answer, status: 200 });
		else reply.end();
	}

	#logFor(session: LegacySession): EventLog | undefined {
		const { resumable, conformance, sessions } = this.#settings;
		const able = sessions !== false && (session.state.version ?? '') >= RESUMING_VERSION;
		if (!able || !(resumable ?? conformance)) return undefined;
		const log = createEventLog();
		session.logs.set(log.id, log);
		return log;
	}

	async #serveBatch(arrival: Arrival, session: LegacySession): Promise<void> {
		const { response, seen } = arrival;
		const agreed = this.#settings.sessions === false ? undefined : session.state.version;
		const version = seen.headers['mcp-protocol-version'] ?? agreed ?? BATCHING_VERSION;
		if (version !== BATCHING_VERSION) {
			return sendError(response, 400, { code: -32600, message: 'Batches are not supported' });
		}
		const requests = (seen.body as RpcRequest[]).filter(({ id }) => id !== undefined);
		const answers = await Promise.all(
			requests.map((request) => this.#run(request, { arrival, session, reply: MUTED })),
		);
		const texts = answers.flatMap((answer) => (answer ? [answerText(answer.id, answer.payload)] : []));
		if (texts.length === 0) response.writeHead(202).end();
		else response.writeHead(200, { 'content-type': 'application/json' }).end(`[${texts.join(',')}]`);
	}

	#run(
		request: RpcRequest,
		{ arrival, session, reply }: { arrival: Arrival; session: LegacySession; reply: Reply },
	): Promise<Answer | undefined> {
		const { response, seen } = arrival;
		const ask = async (request: RpcRequest, stream: 'request' | 'session', signal: AbortSignal) => {
			if (this.#settings.questions === 'session') await streamOpened(session, signal);
			const own = stream === 'session' || this.#settings.questions === 'session' ? session.stream : undefined;
			const send = (message: object) => void (own ? own.write(JSON.stringify(message)) : reply.event(message));
			return this.#requests.ask({ session, send, signal }, request);
		};
		const exchange: Omit<Exchange, 'signal' | 'ask'> = {
			era: 'legacy',
			session: session.state,
			credential: seen.headers,
			notify: (method, params) => void reply.event({ jsonrpc: '2.0', method, params }),
			crash: () => void response.destroy(),
			openStream: reply.open,
			closeStream: reply.pause,
		};
		return runCall(session, request.id, (signal) =>
			this.#behaviour.handle(request, {
				...exchange,
				signal,
				ask: (method, params, stream) => ask({ method, params: params as Record<string, unknown> }, stream, signal),
			}),
		);
	}

	#serveGet(arrival: Arrival): void {
		const { response } = arrival;
		if (this.#settings.getStream === false || this.#settings.sessions === false) {
			response.writeHead(405, { allow: 'POST' }).end();
			return;
		}
		const session = this.#findSession(arrival);
		if (!session) return;
		if (this.#resume(arrival, session)) return;
		if (session.stream) {
			sendError(response, 409, { code: -32000, message: 'Conflict: one stream per session' });
			return;
		}
		session.stream = { response, write: openEventStream(response, this.#settings) };
		response.on('close', () => {
			session.stream = undefined;
		});
	}

	/** Sends what a client has missed of the stream of a call, if that is what it comes for. */
	#resume({ response, seen }: Arrival, session: LegacySession): boolean {
		const last = parseEventId(seen.headers['last-event-id']?.toString());
		const log = last && session.logs.get(last.log);
		if (!log) return false;
		response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
		response.flushHeaders();
		log.attach(response, last.after);
		return true;
	}

	#serveDelete(arrival: Arrival): void {
		const session = this.#findSession(arrival);
		if (!session) return;
		this.#sessions.delete(session.id);
		this.#requests.abandon(session);
		session.stream?.response.end();
		arrival.response.writeHead(200).end();
	}

	#openSession(): LegacySession {
		if (this.#settings.sessions === false) return this.#nobody;
		const session = createLegacySession();
		this.#sessions.set(session.id, session);
		return session;
	}

	#findSession({ response, seen }: Arrival): LegacySession | undefined {
		if (this.#settings.sessions === false) return this.#nobody;
		const id = seen.headers['mcp-session-id'];
		const session = typeof id === 'string' ? this.#sessions.get(id) : undefined;
		if (session) return session;
		if (id === undefined) sendError(response, 400, { code: -32000, message: 'Bad Request: Server not initialized' });
		else sendError(response, 404, { code: -32001, message: 'Session not found' });
		return undefined;
	}

	#broadcast(method: string, params: Record<string, unknown>): void {
		for (const session of this.#sessions.values()) notifySession(session, method, params);
	}
}

/** Starts a server that speaks the initialize handshake over Streamable HTTP, and nothing of 2026-07-28. */
export async function startLegacyHttp(options: LegacyHttpOptions = {}): Promise<LegacyHttpFixture> {
	const settings = { path: '/mcp', versions: HTTP_VERSIONS, ...options };
	const server = new LegacyHttpServer(settings);
	const listener = await listen((arrival) => server.serve(arrival), settings.port);
	return Object.assign(server, { url: listener.origin + settings.path, seen: listener.seen, close: listener.close });
}
