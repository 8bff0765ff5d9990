import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'undici';
import type { NetworkTransport, Server } from '../config/snapshot.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { type CancelSignal, createCancel, firstOf } from '../lib/cancel.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import type { EventFeed } from './event-feed.ts';
import { type HttpLimits, type HttpReply, type HttpRequest, sendHttp } from './http-exchange.ts';
import { cancelledText } from './multiplexer.ts';
import { questionOf, refuseQuestion } from './question.ts';
import { checkStatus, isLostSession } from './reply-status.ts';
import { createStamp, type Stamp } from './stamp.ts';
import type { Wire, WireEvents, WireQuestion, WireRequest, WireResponse } from './wire.ts';

/** What an http wire is made of. */
export interface HttpWireParts {
	readonly server: Server & { readonly transport: NetworkTransport };
	readonly pool: Pool;
	/** Rendered headers of the credential, by lower-case name. */
	readonly credentialHeaders: Readonly<Record<string, string>>;
	readonly events: WireEvents;
	misdirected(): void;
}

const ACCEPT = 'application/json, text/event-stream';
const REOPEN_MS = 1_000;
const CLOSE_MS = 1_000;

/** Streamable HTTP towards one upstream, both eras: each request is a POST of its own. */
export function openHttpWire(parts: HttpWireParts): Wire {
	const poster = createPoster(parts);
	const reading = { ...parts, reply: poster.reply };
	let lastId = 0;

	return {
		async request(request) {
			const id = ++lastId;
			const body = requestText(id, request.method, request.paramsFor(id));
			const life = lifeOf(request, poster.lost);
			try {
				const answer = await poster.send(
					sendingOf(request, { body, signal: life.signal, limits: parts.server.limits }),
				);
				if (poster.hasSession() && isLostSession(answer)) throw lostSession(parts.events);
				checkStatus(answer.status);
				const response = await readResponse(answer, { id, request, parts: reading });
				if (request.method === 'initialize') poster.adoptSession(answer.headers['mcp-session-id']);
				return response;
			} catch (error) {
				// Hanging up cancels nothing in a legacy session: the server has to be told, whatever we gave up for.
				const isGivenUp = request.signal?.aborted === true || GIVEN_UP.has(errorCode(error));
				if (poster.hasSession() && isGivenUp) poster.reply(cancelledText(id));
				throw error;
			} finally {
				life.stop();
			}
		},
		async notify(method, params) {
			const body = `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${params}}`;
			const answer = await poster.send({ method: 'POST', body, headers: { 'mcp-method': method } });
			answer.events?.cancel();
			if (method === 'notifications/initialized') poster.listen({ method: 'GET', body: null }, reading);
		},
		settle: poster.settle,
		watch(params) {
			const body = requestText(++lastId, 'subscriptions/listen', params);
			poster.listen({ method: 'POST', body, headers: { 'mcp-method': 'subscriptions/listen' } }, reading);
		},
		close: poster.close,
	};
}

// A server that has forgotten the session cannot be answered, so what waits for its answers waits in vain.
function lifeOf({ signal, onQuestion }: WireRequest, lost: CancelSignal): Life {
	return onQuestion === undefined ? { signal, stop: nothing } : firstOf([signal, lost]);
}

const nothing = (): void => undefined;

interface Life {
	readonly signal: CancelSignal | undefined;
	stop(): void;
}

interface Leaving {
	readonly body: string;
	readonly signal: CancelSignal | undefined;
	readonly limits: HttpLimits;
}

// Whoever waits for a person's answer keeps the time himself.
function sendingOf({ headers, stamp, onQuestion }: WireRequest, { body, signal, limits }: Leaving): Sending {
	const patient = onQuestion === undefined ? limits : { ...limits, firstByteMs: 0, idleMs: 0, totalMs: 0 };
	return { method: 'POST', body, headers, stamp, signal, limits: patient };
}

const GIVEN_UP: ReadonlySet<unknown> = new Set(['PC_CALL_CANCELLED', 'PC_UPSTREAM_TIMEOUT']);

function requestText(id: number, method: string, params: string): string {
	return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
}

/** One HTTP request of a wire; the gateway's own stamp and no signal where none are given. */
interface Sending {
	readonly method: HttpRequest['method'];
	readonly body: string | null;
	readonly headers?: Readonly<Record<string, string>>;
	readonly stamp?: Stamp;
	readonly signal?: CancelSignal | undefined;
	readonly limits?: HttpLimits;
}

/** Sends what belongs to one session: agreed revision, session id and credential on every request. */
interface Poster {
	send(sending: Sending): Promise<HttpReply>;
	/** Answers a question of the server, or tells it of a cancellation; best effort. */
	reply(text: string): void;
	/** Aborts when such a message showed that the server has forgotten the session. */
	readonly lost: CancelSignal;
	/** Opens a stream without end for list changes, and opens it again when it ends in order. */
	listen(sending: Sending, reading: Reading['parts']): void;
	settle(revision: string): void;
	adoptSession(id: string | string[] | undefined): void;
	hasSession(): boolean;
	close(): Promise<void>;
}

function createPoster(parts: HttpWireParts): Poster {
	const { workspace, slug, limits } = parts.server;
	const url = new URL(parts.server.transport.url);
	const stamp = createStamp(workspace, slug, 'gateway');
	const listening = new AbortController();
	let revision: string | undefined;
	let sessionId: string | undefined;

	const headersWith = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => ({
		'content-type': 'application/json',
		accept: ACCEPT,
		...(revision !== undefined && { 'mcp-protocol-version': revision }),
		...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
		...extra,
		...parts.credentialHeaders,
	});
	const send: Poster['send'] = (sending) =>
		sendHttp(parts.pool, {
			method: sending.method,
			path: url.pathname + url.search,
			headers: headersWith(sending.headers),
			body: sending.body,
			signal: sending.signal,
			stamp: sending.stamp ?? stamp,
			limits: sending.limits ?? limits,
		});
	const replies = createReplies({
		post: (text) => send({ method: 'POST', body: text }),
		isLost: (answer) => sessionId !== undefined && isLostSession(answer),
		onLost: () => lostSession(parts.events),
	});
	// Best effort: a server without such a stream refuses, and cached lists then live by their age.
	const listen: Poster['listen'] = (sending, reading) => {
		send({ ...sending, signal: listening.signal, limits: { ...limits, idleMs: 0, totalMs: 0, resultBytes: 0 } })
			.then((answer) => answer.events && drainNotifications(answer.events, reading))
			.then((drained) => drained && setTimeout(listen, REOPEN_MS, sending, reading).unref())
			.catch(() => undefined);
	};
	return {
		send,
		listen,
		lost: replies.lost,
		reply: replies.send,
		settle(agreed) {
			revision = agreed;
		},
		adoptSession(id) {
			if (typeof id === 'string') sessionId = id;
		},
		hasSession: () => sessionId !== undefined,
		async close() {
			listening.abort();
			if (sessionId === undefined) return;
			// In this order, or the server would refuse a last cancellation for want of a session.
			await replies.sent();
			const quick = { ...limits, firstByteMs: CLOSE_MS, totalMs: CLOSE_MS };
			await send({ method: 'DELETE', body: null, limits: quick }).catch(() => undefined);
		},
	};
}

interface ReplyParts {
	post(text: string): Promise<HttpReply>;
	isLost(answer: HttpReply): boolean;
	onLost(): PortcullisError;
}

/** Messages that nobody waits for: what becomes of them matters only to those who wait for the server's next word. */
function createReplies({ post, isLost, onLost }: ReplyParts) {
	const lost = createCancel();
	const underWay = new Set<Promise<void>>();
	return {
		lost: lost.signal,
		send(text: string): void {
			const taken = post(text).then((answer) => {
				answer.events?.cancel();
				if (isLost(answer)) lost.abort(onLost());
			});
			const sent = taken.catch(() => undefined).finally(() => underWay.delete(sent));
			underWay.add(sent);
		},
		/** Resolves when those under way have arrived, or after a moment. */
		async sent(): Promise<void> {
			if (underWay.size > 0) await Promise.race([Promise.all(underWay), sleep(CLOSE_MS, undefined, { ref: false })]);
		},
	};
}

function lostSession(events: WireEvents): PortcullisError {
	const error = new PortcullisError('PC_UPSTREAM_SESSION_LOST');
	events.onClosed(error);
	return error;
}

interface Message {
	readonly value: JsonObject;
	readonly text: string;
}

interface Reading {
	readonly id: number;
	readonly request: WireRequest;
	readonly parts: HttpWireParts & { reply(text: string): void };
}

async function readResponse(answer: HttpReply, reading: Reading): Promise<WireResponse> {
	if (answer.events !== undefined) return readStream(answer.events, answer.stamp, reading);
	if (answer.mediaType !== 'application/json') throw notMcp(answer);
	const text = answer.body.toString('utf8');
	const value = parseObject(text);
	if (value === undefined || !isResponse(value)) throw notMcp(answer);
	// An error about the message as a whole may carry no id.
	if (value['id'] === reading.id || (value['id'] == null && value['error'] !== undefined)) {
		return { text, value, stamp: answer.stamp };
	}
	reading.parts.misdirected();
	throw notMcp(answer);
}

function notMcp(answer: HttpReply): PortcullisError {
	return new PortcullisError('PC_UPSTREAM_INVALID', { detail: `HTTP ${answer.status} ${answer.mediaType}` });
}

function parseObject(text: string): JsonObject | undefined {
	try {
		return asObject(JSON.parse(text));
	} catch {
		return undefined;
	}
}

function isResponse(value: JsonObject): boolean {
	return value['method'] === undefined && (value['result'] !== undefined || value['error'] !== undefined);
}

async function readStream(feed: EventFeed, stamp: Stamp, reading: Reading): Promise<WireResponse> {
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		if (event.data === '') continue;
		const value = parseObject(event.data);
		if (value === undefined) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'an event that is not JSON' });
		if (isResponse(value) && value['id'] === reading.id) {
			feed.cancel();
			return { text: event.data, value, stamp };
		}
		if (isResponse(value)) reading.parts.misdirected();
		else takeMessage({ value, text: event.data }, reading.parts, reading.request);
	}
	throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'the stream ended without a response' });
}

const REQUEST_SCOPED = new Set(['notifications/progress', 'notifications/message']);

// A message on the stream of a POST belongs to that POST, so progress and log lines can be told apart by caller.
function takeMessage({ value, text }: Message, parts: Reading['parts'], request: WireRequest | undefined): void {
	const method = String(value['method']);
	if (value['id'] !== undefined) takeQuestion(questionOf(text, method, parts.reply), parts, request);
	else if (request === undefined || !REQUEST_SCOPED.has(method)) parts.events.onNotification(method);
	else request.onNotification?.({ method, params: asObject(value['params']) ?? {} });
}

// Asked on the stream of a POST it belongs to that POST; on any other the session knows whether only one can be meant.
function takeQuestion(question: WireQuestion, parts: Reading['parts'], request: WireRequest | undefined): void {
	if (question.method === 'ping') refuseQuestion(question);
	else if (request?.onQuestion !== undefined) request.onQuestion(question);
	else if (request !== undefined || !parts.events.onQuestion(question)) refuseQuestion(question);
}

/** Takes a stream to its end; `true` when it ended in order, `false` when its server is gone and the session with it. */
async function drainNotifications(feed: EventFeed, parts: Reading['parts']): Promise<boolean> {
	try {
		await takeAll(feed, parts);
		return true;
	} catch {
		lostSession(parts.events);
		return false;
	}
}

async function takeAll(feed: EventFeed, parts: Reading['parts']): Promise<void> {
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		const value = event.data === '' ? undefined : parseObject(event.data);
		if (value !== undefined && typeof value['method'] === 'string') {
			takeMessage({ value, text: event.data }, parts, undefined);
		}
	}
}
