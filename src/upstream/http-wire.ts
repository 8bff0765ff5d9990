import type { Pool } from 'undici';
import type { NetworkTransport, Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import { eraOf } from '../mcp/revisions.ts';
import { type EventFeed, type HttpReply, type HttpRequest, sendHttp } from './http-exchange.ts';
import { serverRequestReply } from './multiplexer.ts';
import { checkStatus } from './reply-status.ts';
import { createStamp, type Stamp } from './stamp.ts';
import type { Wire, WireEvents, WireRequest, WireResponse } from './wire.ts';

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
const NEVER = new AbortController().signal;

/** Streamable HTTP towards one upstream, both eras: each request is a POST of its own. */
export function openHttpWire(parts: HttpWireParts): Wire {
	const url = new URL(parts.server.transport.url);
	const path = url.pathname + url.search;
	const listening = new AbortController();
	let lastId = 0;
	let revision: string | undefined;
	let sessionId: string | undefined;

	const headers = (extra: Readonly<Record<string, string>>): Record<string, string> => ({
		'content-type': 'application/json',
		accept: ACCEPT,
		...(revision !== undefined && { 'mcp-protocol-version': revision }),
		...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
		...extra,
		...parts.credentialHeaders,
	});
	const post = (body: string, extra: Readonly<Record<string, string>>, of: Pick<WireRequest, 'signal' | 'stamp'>) =>
		sendHttp(parts.pool, { ...of, method: 'POST', path, headers: headers(extra), body, limits: parts.server.limits });
	const own = { signal: NEVER, stamp: createStamp(parts.server.workspace, parts.server.slug, 'gateway') };
	const reply = (text: string): void => {
		post(text, {}, own).catch(() => undefined);
	};
	const listen = (): void => {
		const limits = { ...parts.server.limits, idleMs: 0, totalMs: 0, resultBytes: 0 };
		const shared = { path, headers: headers({}), body: null, limits, stamp: own.stamp };
		const request: HttpRequest = { ...shared, method: 'GET', signal: listening.signal };
		// Best effort: a server without a GET stream answers 405, and cached lists then live by their age.
		sendHttp(parts.pool, request)
			.then((answer) => answer.events && drainNotifications(answer.events, { ...parts, reply }))
			.catch(() => undefined);
	};

	return {
		async request(request) {
			const id = ++lastId;
			const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(request.method)},"params":${request.paramsFor(id)}}`;
			const answer = await post(body, request.headers, request);
			if (answer.status === 404 && sessionId !== undefined) throw lostSession(parts.events);
			checkStatus(answer.status);
			const response = await readResponse(answer, { id, request, parts: { ...parts, reply } });
			const session = answer.headers['mcp-session-id'];
			if (request.method === 'initialize' && typeof session === 'string') sessionId = session;
			return response;
		},
		async notify(method, params) {
			const body = `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${params}}`;
			const answer = await post(body, { 'mcp-method': method }, own);
			answer.events?.cancel();
			if (method === 'notifications/initialized') listen();
		},
		settle(agreed) {
			revision = agreed;
		},
		async close() {
			listening.abort();
			if (sessionId === undefined || eraOf(revision ?? '') === 'modern') return;
			const limits = { ...parts.server.limits, firstByteMs: 1_000, totalMs: 1_000 };
			const request: HttpRequest = { ...own, method: 'DELETE', path, headers: headers({}), body: null, limits };
			await sendHttp(parts.pool, request).catch(() => undefined);
		},
	};
}

function lostSession(events: WireEvents): PortcullisError {
	const error = new PortcullisError('PC_UPSTREAM_SESSION_LOST');
	events.onClosed(error);
	return error;
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
		else takeMessage(value, reading.parts, reading.request);
	}
	throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'the stream ended without a response' });
}

const REQUEST_SCOPED = new Set(['notifications/progress', 'notifications/message']);

// A message on the stream of a POST belongs to that POST, so progress and log lines can be told apart by caller.
function takeMessage(value: JsonObject, parts: Reading['parts'], request: WireRequest | undefined): void {
	const method = String(value['method']);
	if (value['id'] !== undefined) parts.reply(serverRequestReply(method, JSON.stringify(value['id'])));
	else if (request === undefined || !REQUEST_SCOPED.has(method)) parts.events.onNotification(method);
	else request.onNotification?.({ method, params: asObject(value['params']) ?? {} });
}

async function drainNotifications(feed: EventFeed, parts: Reading['parts']): Promise<void> {
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		const value = event.data === '' ? undefined : parseObject(event.data);
		if (value !== undefined && typeof value['method'] === 'string') takeMessage(value, parts, undefined);
	}
}
