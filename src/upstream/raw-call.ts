import type { NetworkTransport, Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import { type Answer, emptyAnswer, type Frame, type FrameSink, type StreamEnd } from '../mcp/answer.ts';
import { asObject, type Call, type JsonObject } from '../mcp/call.ts';
import { newClaim, type SessionIds } from '../mcp/legacy/session.ts';
import { isResponse, parseMessage } from '../mcp/server-message.ts';
import { type HttpLimits, type HttpReply, type HttpRequest, sendHttp } from './http-exchange.ts';
import type { Pools } from './pools.ts';
import { callerFrameText, callerText, type RawRequest, type RawSeals } from './raw-text.ts';
import { checkReply, isLostSession } from './reply-status.ts';
import { createStamp, type Tripwire } from './stamp.ts';

/** What raw calls are made with. */
export interface RawParts extends RawSeals {
	readonly pools: Pools;
	readonly sessions: SessionIds;
	readonly tripwire: Tripwire;
	/** A passing message says that a list has changed. */
	onListChanged(key: ScopeKey, method: string): void;
}

interface Passing {
	readonly request: RawRequest;
	readonly parts: RawParts;
}

const ONE_WRITE_BYTES = 64 * 1024;
const ACCEPT = 'application/json, text/event-stream';

/**
 * Same era, http, the server's own address: the message goes out as the caller spelled it and the answer comes back as
 * the server spelled it. Parsed on the way for its id and session, never rebuilt.
 */
export async function rawCall(parts: RawParts, request: RawRequest): Promise<Answer> {
	const server = request.route.server as Server & { readonly transport: NetworkTransport };
	const stamp = createStamp(server.workspace, server.slug, request.principal.key);
	const { pool, path } = parts.pools.poolFor(server, request.credential);
	const text = request.route.restored?.text ?? request.call.text;
	const reply = await sendHttp(pool, {
		method: METHODS[request.call.kind],
		path,
		headers: headersFor(request),
		body: text === '' ? null : text,
		signal: isBoundToConnection(request) ? request.disconnected() : undefined,
		limits: limitsFor(request.call, server.limits),
		stamp,
	});
	if (!parts.tripwire.matches(stamp, reply.stamp))
		throw new PortcullisError('PC_INTERNAL', { detail: 'stamp mismatch' });
	return answerFrom({ request, parts }, reply);
}

const METHODS: Readonly<Record<Call['kind'], HttpRequest['method']>> = {
	request: 'POST',
	notification: 'POST',
	response: 'POST',
	listen: 'GET',
	end: 'DELETE',
};

// Disconnect semantics are opposite: a modern disconnect cancels, a legacy one does not (mcp-protocol: cancellation).
function isBoundToConnection({ call, endsWithConnection }: RawRequest): boolean {
	return endsWithConnection || call.era === 'modern' || call.kind === 'listen';
}

function limitsFor(call: Call, limits: HttpLimits): HttpLimits {
	const endless = call.kind === 'listen' || call.method === 'subscriptions/listen';
	return endless ? { ...limits, idleMs: 0, totalMs: 0, resultBytes: 0 } : limits;
}

const MODERN_HEADERS = /^mcp-(?:protocol-version|method|name|param-.+)$/;
const LEGACY_HEADERS = /^(?:mcp-protocol-version|last-event-id)$/;

// Built from nothing: of the caller's headers only MCP's own travel, so neither token nor cookie can.
function headersFor({ call, route, credential }: RawRequest): Record<string, string> {
	const headers: Record<string, string> = { accept: call.kind === 'listen' ? 'text/event-stream' : ACCEPT };
	if (call.text !== '') headers['content-type'] = 'application/json';
	const carried = call.era === 'modern' ? MODERN_HEADERS : LEGACY_HEADERS;
	for (const [name, value] of call.headers) if (carried.test(name)) headers[name] = value;
	if (route.restored?.nameHeader !== undefined) headers['mcp-name'] = route.restored.nameHeader;
	if (route.session?.upstream !== undefined) headers['mcp-session-id'] = route.session.upstream;
	return Object.assign(headers, credential.headers);
}

function answerFrom(passing: Passing, reply: HttpReply): Answer {
	const { call, route } = passing.request;
	if (call.era === 'legacy' && route.session?.upstream !== undefined && isLostSession(reply)) {
		throw new PortcullisError('PC_SESSION_UNKNOWN');
	}
	checkReply(reply, passing.request.credential.refused);
	if (call.kind === 'end') {
		if (route.session !== undefined) passing.parts.sessions.end(route.session);
		return emptyAnswer(200);
	}
	if (call.kind === 'listen' && reply.events === undefined) throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	const headers = sessionHeader(passing, reply);
	if (reply.events !== undefined) return streamAnswer(passing, reply, headers);
	// To a notification or an answer a server may say no with a status alone (mcp 2025-11-25: basic/transports).
	const isBare = call.kind !== 'request' && (reply.status < 300 || reply.body.length === 0);
	if (isBare) return { kind: 'empty', status: reply.status < 300 ? 202 : reply.status, headers };
	return messageFrom(passing, reply, headers);
}

function sessionHeader({ request, parts }: Passing, reply: HttpReply): Record<string, string> {
	const upstream = reply.headers['mcp-session-id'];
	if (request.call.method !== 'initialize' || typeof upstream !== 'string') return {};
	const { address, profile, server } = request.route;
	const claim = newClaim({ principal: request.principal, address, revision: server.revision, upstream, profile });
	return { 'mcp-session-id': parts.sessions.mint(claim) };
}

function messageFrom(passing: Passing, reply: HttpReply, headers: Record<string, string>): Answer {
	const { call, route } = passing.request;
	const text = reply.body.toString('utf8');
	const value = reply.mediaType === 'application/json' ? parseMessage(text) : undefined;
	const detail = `HTTP ${reply.status} ${reply.mediaType}`;
	if (value === undefined || !isResponse(value)) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail });
	if (!answers(value, call)) {
		passing.parts.tripwire.misdirected(route.server);
		throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'the response carries another id' });
	}
	const body = callerText(passing.parts, passing.request, { text, value });
	return {
		kind: 'message',
		status: reply.status,
		// Text leaves in one write with its head; a large body is better left as the bytes it came as.
		body: body === text && reply.body.length > ONE_WRITE_BYTES ? reply.body : body,
		headers,
		failed: isFailure(value),
	};
}

// An error about the message as a whole may carry no id; a result always carries ours.
function answers(value: JsonObject, call: Call): boolean {
	return value['id'] === call.id || (value['id'] == null && value['error'] !== undefined);
}

/** Whether a response is an error, or a tool result that says it is one. */
export function isFailure(value: JsonObject): boolean {
	return value['error'] !== undefined || asObject(value['result'])?.['isError'] === true;
}

function streamAnswer(passing: Passing, reply: HttpReply, headers: Record<string, string>): Answer {
	return { kind: 'stream', headers, pump: (sink) => pump(passing, reply, tolerant(passing.request, sink)) };
}

// A legacy caller that goes away has not cancelled: the answer is still awaited, for the record, but no longer sent.
function tolerant(request: RawRequest, sink: FrameSink): FrameSink {
	if (isBoundToConnection(request)) return sink;
	let gone = false;
	return {
		async write(frame) {
			if (!gone) await Promise.resolve(sink.write(frame)).catch(() => (gone = true));
		},
		last: (frame) => sink.last(frame),
	};
}

async function pump(passing: Passing, reply: HttpReply, sink: FrameSink): Promise<StreamEnd> {
	const feed = reply.events as NonNullable<HttpReply['events']>;
	let resumable = passing.request.call.kind === 'listen';
	try {
		for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
			const frame: Frame = { data: event.data, id: event.id, retry: event.retry };
			resumable ||= event.id !== undefined;
			if ((await passFrame(passing, frame, sink)) === 'final') return 'complete';
		}
	} finally {
		feed.cancel();
	}
	if (resumable) return 'open-ended';
	throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'the stream ended without a response' });
}

async function passFrame(passing: Passing, frame: Frame, sink: FrameSink): Promise<'final' | 'more'> {
	const { call, route, credential } = passing.request;
	const value = frame.data === '' ? {} : parseMessage(frame.data);
	if (value === undefined) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'an event that is not JSON' });
	if (isResponse(value) && call.kind === 'request' && value['id'] === call.id) {
		const data = callerText(passing.parts, passing.request, { text: frame.data, value });
		await sink.last({ ...frame, data, failed: isFailure(value) });
		return 'final';
	}
	// On a GET stream the server may replay a response of this very session; anywhere else it is somebody else's.
	if (isResponse(value) && call.kind !== 'listen') {
		passing.parts.tripwire.misdirected(route.server);
		return 'more';
	}
	const method = value['method'];
	if (typeof method === 'string' && method.endsWith('/list_changed'))
		passing.parts.onListChanged(credential.key, method);
	const data = callerFrameText(passing.request, { text: frame.data, value });
	if (data === undefined) passing.parts.tripwire.misdirected(route.server);
	else await sink.write(data === frame.data ? frame : { ...frame, data });
	return 'more';
}
