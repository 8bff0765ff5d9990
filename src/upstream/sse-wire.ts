import { PortcullisError } from '../errors/portcullis-error.ts';
import { createSharedAbort } from '../lib/shared-abort.ts';
import type { ServerSentEvent } from '../lib/sse-parser.ts';
import type { EventFeed } from './event-feed.ts';
import { type HttpRequest, sendHttp } from './http-exchange.ts';
import type { HttpWireParts } from './http-poster.ts';
import { createMultiplexer, type Multiplexer } from './multiplexer.ts';
import { checkReply, isLostSession } from './reply-status.ts';
import { createStamp, type Stamp } from './stamp.ts';
import type { Wire } from './wire.ts';

/** The older HTTP+SSE transport (mcp 2024-11-05): answers arrive on one GET stream, requests go to its endpoint. */
export async function openSseWire(parts: HttpWireParts): Promise<Wire> {
	const { limits, workspace, slug } = parts.server;
	const stamp = createStamp(workspace, slug, 'gateway');
	const closing = createSharedAbort();
	const late = new PortcullisError('PC_UPSTREAM_TIMEOUT', { detail: 'no endpoint event' });
	const opening = setTimeout(() => closing.abort(late), limits.firstByteMs);
	const feed = await openFeed(parts, closing.signal, stamp).finally(() => clearTimeout(opening));
	const endpoint = await readEndpoint(feed, parts.url);

	const postMessage = async (body: string): Promise<void> => {
		const headers = { 'content-type': 'application/json', ...parts.credentialHeaders };
		const request: HttpRequest = {
			method: 'POST',
			path: endpoint,
			headers,
			body,
			signal: closing.signal,
			limits,
			stamp,
		};
		const answer = await sendHttp(parts.pool, request);
		answer.events?.cancel();
		if (isLostSession(answer)) throw new PortcullisError('PC_UPSTREAM_SESSION_LOST');
		checkReply(answer, parts.refused);
		if (answer.status >= 400) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: `HTTP ${answer.status}` });
	};
	// A message that cannot be posted means that the session behind the stream is gone.
	const write = (text: string): void => {
		postMessage(text).catch((error) => close(error as PortcullisError));
	};
	const multiplexer = createMultiplexer({ write, limits, events: parts.events, misdirected: parts.misdirected });
	const close = (error: PortcullisError): void => {
		if (closing.signal.aborted) return;
		closing.abort(error);
		multiplexer.fail(error);
		parts.events.onClosed(error);
	};
	readMessages(feed, multiplexer).then(close, close);

	return {
		way: 'sse',
		request: multiplexer.request,
		notify: (method, params) => postMessage(`{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${params}}`),
		settle: () => undefined,
		watch: async () => undefined,
		async close() {
			close(new PortcullisError('PC_CALL_CANCELLED'));
		},
	};
}

async function openFeed(parts: HttpWireParts, signal: AbortSignal, stamp: Stamp): Promise<EventFeed> {
	const { url } = parts;
	const limits = { ...parts.server.limits, idleMs: 0, totalMs: 0, resultBytes: 0 };
	const headers = { accept: 'text/event-stream', ...parts.credentialHeaders };
	const path = url.pathname + url.search;
	const request: HttpRequest = { method: 'GET', path, headers, body: null, signal, limits, stamp };
	const answer = await sendHttp(parts.pool, request);
	checkReply(answer, parts.refused);
	if (answer.events !== undefined) return answer.events;
	throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: `HTTP ${answer.status} ${answer.mediaType}` });
}

// The endpoint comes from the upstream: it may name a path, never another origin, for the credential goes there.
async function readEndpoint(feed: EventFeed, base: URL): Promise<string> {
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		if (event.event !== 'endpoint') continue;
		const endpoint = URL.canParse(event.data, base.href) ? new URL(event.data, base) : undefined;
		if (endpoint?.origin === base.origin) return endpoint.pathname + endpoint.search;
		break;
	}
	feed.cancel();
	throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'no usable endpoint event' });
}

async function readMessages(feed: EventFeed, multiplexer: Multiplexer): Promise<PortcullisError> {
	const isMessage = (event: ServerSentEvent): boolean => event.event === undefined || event.event === 'message';
	for (let event = await feed.next(); event !== undefined; event = await feed.next()) {
		if (isMessage(event) && event.data !== '') multiplexer.receive(event.data);
	}
	return new PortcullisError('PC_UPSTREAM_SESSION_LOST', { detail: 'the event stream ended' });
}
