import { setTimeout as sleep } from 'node:timers/promises';
import { type Behaviour, type CancelledCall, createBehaviour, distort, type RpcRequest } from './behaviour.mjs';
import { type ClientMessage, createClientRequests } from './client-requests.ts';
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
} from './legacy-session.ts';
import { openEventStream } from './reply.ts';

/** Options of the HTTP+SSE build. */
export interface LegacySseOptions extends HttpFixtureOptions {
	/** What the `endpoint` event says instead of `/messages`; `{session}` is replaced. May point elsewhere, to test that. */
	endpoint?: string;
}

/** A running HTTP+SSE build. */
export interface LegacySseFixture extends HttpFixture<LegacySseOptions> {
	sessionCount(): number;
	/** Asks a client for its roots, unrelated to any call. */
	requestRoots(): Promise<unknown>;
}

type Settings = LegacySseOptions & { readonly path: string; readonly endpoint: string };

/** The server itself; it owns its sessions, one per open stream. */
class LegacySseServer implements Omit<LegacySseFixture, 'url' | 'seen' | 'close'> {
	readonly #settings: Settings;
	readonly #behaviour: Behaviour;
	readonly #sessions = new Map<string, LegacySession>();
	readonly #requests = createClientRequests<LegacySession>();

	constructor(settings: Settings) {
		this.#settings = settings;
		this.#behaviour = createBehaviour(settings, { broadcast: (...notice) => this.#broadcast(...notice) });
	}

	get cancelled(): CancelledCall[] {
		return this.#behaviour.cancelled;
	}

	setBehaviour(partial: Partial<LegacySseOptions>): void {
		Object.assign(this.#settings, partial);
	}

	notifyToolsChanged(): void {
		this.#broadcast('notifications/tools/list_changed', {});
	}

	sessionCount(): number {
		return this.#sessions.size;
	}

	async requestRoots(): Promise<unknown> {
		const session = streamingSession(this.#sessions.values());
		return this.#ask(session, { method: 'roots/list', params: {} });
	}

	async serve(arrival: Arrival): Promise<void> {
		if (refuse(this.#settings, arrival)) return;
		const { pathname } = new URL(arrival.seen.path, 'http://fixture');
		if (arrival.request.method === 'GET' && pathname === this.#settings.path) this.#openStream(arrival);
		else if (arrival.request.method === 'POST' && pathname !== this.#settings.path) await this.#servePost(arrival);
		else arrival.response.writeHead(405).end();
	}

	#openStream({ response }: Arrival): void {
		const session = createLegacySession();
		const write = openEventStream(response);
		session.stream = { response, write };
		this.#sessions.set(session.id, session);
		response.on('close', () => {
			this.#sessions.delete(session.id);
			this.#requests.abandon(session);
		});
		response.write(`event: endpoint\ndata: ${this.#settings.endpoint.replace('{session}', session.id)}\n\n`);
	}

	async #servePost(arrival: Arrival): Promise<void> {
		const { response, seen } = arrival;
		const id = new URL(seen.path, 'http://fixture').searchParams.get('sessionId');
		const session = this.#sessions.get(id ?? '');
		if (!session) return sendError(response, 404, { code: -32001, message: 'Session not found' });
		if (seen.body === undefined) return sendError(response, 400, { code: -32700, message: 'Parse error' });
		response.writeHead(202).end('Accepted');
		await this.#receive(arrival, session);
	}

	async #receive({ seen }: Arrival, session: LegacySession): Promise<void> {
		const message = seen.body as ClientMessage;
		if (isResponse(message)) this.#requests.settle(session, message);
		else if (message.id === undefined) receiveNotification(session, message);
		else await this.#answer(message as RpcRequest, session, seen.headers);
	}

	async #answer(request: RpcRequest, session: LegacySession, credential: Record<string, unknown>): Promise<void> {
		const send = (message: object) => session.stream?.write(JSON.stringify(message));
		const answer = await runCall(session, request.id, (signal) =>
			this.#behaviour.handle(request, {
				era: 'legacy',
				session: session.state,
				credential,
				signal,
				notify: (method, params) => void send({ jsonrpc: '2.0', method, params }),
				ask: (method, params) => this.#ask(session, { method, params: params as Record<string, unknown> }, signal),
				crash: () => void session.stream?.response.destroy(),
				openStream: () => undefined,
				closeStream: () => undefined,
			}),
		);
		if (!answer) return;
		const hostile = hostileFor(this.#settings, request.method);
		if (hostile?.kind === 'delay') await sleep(hostile.delayMs);
		for (const text of distort(hostile, answer)) session.stream?.write(text);
	}

	#ask(session: LegacySession, request: RpcRequest, signal?: AbortSignal): Promise<unknown> {
		const send = (message: object) => void session.stream?.write(JSON.stringify(message));
		return this.#requests.ask({ session, send, signal }, request);
	}

	#broadcast(method: string, params: Record<string, unknown>): void {
		for (const session of this.#sessions.values()) notifySession(session, method, params);
	}
}

/** Starts a server that speaks HTTP+SSE (2024-11-05): `GET /sse`, then `POST /messages`. */
export async function startLegacySse(options: LegacySseOptions = {}): Promise<LegacySseFixture> {
	const endpoint = '/messages?sessionId={session}';
	const settings = { path: '/sse', endpoint, versions: ['2024-11-05'], ...options };
	const server = new LegacySseServer(settings);
	const listener = await listen((arrival) => server.serve(arrival), settings.port);
	return Object.assign(server, { url: listener.origin + settings.path, seen: listener.seen, close: listener.close });
}
