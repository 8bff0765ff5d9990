import { setTimeout as sleep } from 'node:timers/promises';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import { isResponse, parseMessage } from '../mcp/server-message.ts';
import type { EventFeed } from './event-feed.ts';
import type { HttpReply } from './http-exchange.ts';
import { type HttpWireParts, lostSession, type Poster } from './http-poster.ts';
import { orAborted } from './or-aborted.ts';
import { questionOf, refuseQuestion } from './question.ts';
import type { Stamp } from './stamp.ts';
import type { WireNotification, WireQuestion, WireRequest, WireResponse } from './wire.ts';

/** Wait before a stream that ended early is asked for again, where the server names none; and the longest it may name. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** One message of the server. */
export interface Message {
	readonly value: JsonObject;
	readonly text: string;
}

/** A request whose answer is awaited. */
export interface Reading {
	readonly id: number;
	readonly request: WireRequest;
	readonly parts: ReadingParts;
}

/** What messages of the server are read with. */
export interface ReadingParts extends HttpWireParts {
	readonly poster: Poster;
}

/** The response in an answer; waits for it where the answer is a stream. Rejects with PC_UPSTREAM_INVALID or _FAILED. */
export async function readResponse(answer: HttpReply, reading: Reading): Promise<WireResponse> {
	if (answer.events !== undefined) return readStream(answer.events, answer.stamp, reading);
	if (answer.mediaType !== 'application/json') throw notMcp(answer);
	const text = answer.body.toString('utf8');
	const value = parseMessage(text);
	if (value === undefined || !isResponse(value)) throw notMcp(answer);
	// An error about the message as a whole may carry no id.
	if (value['id'] === reading.id || (value['id'] == null && value['error'] !== undefined)) {
		return { text, value, stamp: answer.stamp };
	}
	reading.parts.misdirected();
	throw notMcp(answer);
}

function notMcp(answer: HttpReply): PortcullisError {
	const { status, mediaType } = answer;
	return new PortcullisError('PC_UPSTREAM_INVALID', { detail: `HTTP ${status} ${mediaType}`, upstreamStatus: status });
}

async function readStream(first: EventFeed, stamp: Stamp, reading: Reading): Promise<WireResponse> {
	const endsAt = Date.now() + reading.parts.server.limits.totalMs;
	for (let feed: EventFeed | undefined = first; feed !== undefined; ) {
		const stage = await readStage(feed, stamp, reading);
		if ('response' in stage) return stage.response;
		feed = stage.lastId === undefined ? undefined : await resumed(stage.lastId, stage.retryMs, { endsAt, reading });
	}
	throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'the stream ended without a response' });
}

type Stage =
	| { readonly response: WireResponse }
	| { readonly lastId: string | undefined; readonly retryMs: number | undefined };

// Until the response or the end of the stream, which a server may bring about while the call goes on.
async function readStage(feed: EventFeed, stamp: Stamp, reading: Reading): Promise<Stage> {
	let lastId: string | undefined;
	let retryMs: number | undefined;
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		lastId = event.id ?? lastId;
		retryMs = event.retry ?? retryMs;
		if (event.data === '') continue;
		const value = parseMessage(event.data);
		if (value === undefined) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'an event that is not JSON' });
		if (isResponse(value) && value['id'] === reading.id) {
			feed.cancel();
			return { response: { text: event.data, value, stamp } };
		}
		if (isResponse(value)) reading.parts.misdirected();
		else takeMessage({ value, text: event.data }, reading.parts, reading.request);
	}
	return { lastId, retryMs };
}

interface Resuming {
	readonly endsAt: number;
	readonly reading: Reading;
}

/**
 * The rest of a stream that the server ended on purpose, asked for after the time it named (mcp 2025-11-25:
 * basic/transports, resumability); the caller need not know. `undefined` when there is none.
 */
async function resumed(lastId: string, retryMs = RETRY_MS, { endsAt, reading }: Resuming) {
	const { parts, request } = reading;
	const waitMs = Math.min(retryMs, MAX_RETRY_MS);
	if (request.onQuestion === undefined && Date.now() + waitMs > endsAt)
		throw new PortcullisError('PC_UPSTREAM_TIMEOUT');
	await orAborted(sleep(waitMs), request.signal);
	const headers = { 'last-event-id': lastId };
	const limits = { ...parts.server.limits, idleMs: 0, totalMs: Math.max(1, endsAt - Date.now()) };
	const patient = request.onQuestion === undefined ? limits : { ...limits, totalMs: 0 };
	const { stamp, signal } = request;
	const answer = await parts.poster.send({ method: 'GET', body: null, headers, stamp, signal, limits: patient });
	return answer.events;
}

const REQUEST_SCOPED = new Set(['notifications/progress', 'notifications/message']);

// A message on the stream of a POST belongs to that POST, so progress and log lines can be told apart by caller.
/** Hands a message over; `request` is what its stream belongs to. */
export function takeMessage({ value, text }: Message, parts: ReadingParts, request: WireRequest | undefined): void {
	const method = String(value['method']);
	if (value['id'] !== undefined) takeQuestion(questionOf(text, method, parts.poster.reply), parts, request);
	else tellOwner({ method, params: asObject(value['params']) ?? {} }, parts, request);
}

function tellOwner(note: WireNotification, { events }: ReadingParts, request: WireRequest | undefined): void {
	if (request === undefined || !REQUEST_SCOPED.has(note.method)) events.onNotification(note);
	else request.onNotification?.(note);
}

// Asked on the stream of a POST it belongs to that POST; on any other the session knows whether only one can be meant.
function takeQuestion(question: WireQuestion, parts: ReadingParts, request: WireRequest | undefined): void {
	if (question.method === 'ping') refuseQuestion(question);
	else if (request?.onQuestion !== undefined) request.onQuestion(question);
	else if (request !== undefined || !parts.events.onQuestion(question)) refuseQuestion(question);
}

/** Takes a stream to its end; `true` when it ended in order, `false` when its server is gone and the session with it. */
export async function drainNotifications(feed: EventFeed, parts: ReadingParts): Promise<boolean> {
	try {
		await takeAll(feed, parts);
		return true;
	} catch {
		lostSession(parts.events);
		return false;
	}
}

async function takeAll(feed: EventFeed, parts: ReadingParts): Promise<void> {
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		const value = event.data === '' ? undefined : parseMessage(event.data);
		if (value !== undefined && typeof value['method'] === 'string') {
			takeMessage({ value, text: event.data }, parts, undefined);
		}
	}
}
