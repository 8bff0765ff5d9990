import type { Dispatcher } from 'undici';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { createSseParser, type ServerSentEvent } from '../lib/sse-parser.ts';
import type { Stamp } from './stamp.ts';

/** One HTTP request to an upstream; `headers` carry the credential. */
export interface HttpRequest {
	readonly method: 'POST' | 'GET' | 'DELETE';
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | Buffer | null;
	/** Ends the exchange when it aborts; `undefined` where only the limits do. */
	readonly signal: AbortSignal | undefined;
	readonly limits: HttpLimits;
	/** Whose exchange this is; comes back with the reply. */
	readonly stamp: Stamp;
}

/** Milliseconds and bytes; 0 for `idleMs` and `totalMs` means no limit (long-lived streams). */
export interface HttpLimits {
	readonly firstByteMs: number;
	readonly idleMs: number;
	readonly totalMs: number;
	readonly resultBytes: number;
	readonly frameBytes: number;
}

/** An answer that has ended, or the feed of one that streams. */
export interface HttpReply {
	readonly status: number;
	/** Media type in lower case, without parameters. */
	readonly mediaType: string;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly body: Buffer;
	readonly events: EventFeed | undefined;
	/** Stamp of the request that was sent on this exchange. */
	readonly stamp: Stamp;
}

/** Events of a stream, pulled one by one; the socket is paused while nobody pulls. */
export interface EventFeed {
	/** Next event; `undefined` when the stream has ended. Rejects with a PortcullisError when it broke. */
	next(): Promise<ServerSentEvent | undefined>;
	/** Ends the exchange; harmless when it has ended. */
	cancel(): void;
}

const EMPTY = Buffer.alloc(0);
const QUEUE_HIGH = 32;

/** Sends one request; resolves when the whole body, or the head of an event stream, is there. Never follows redirects. */
export function sendHttp(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpReply> {
	return new Promise((resolve, reject) => {
		const { limits } = request;
		const options: Dispatcher.DispatchOptions = {
			method: request.method,
			path: request.path,
			headers: request.headers,
			body: request.body,
			headersTimeout: limits.firstByteMs,
			bodyTimeout: limits.idleMs,
		};
		dispatcher.dispatch(options, replyHandler(request, resolve, reject));
	});
}

type Settle = (reply: HttpReply) => void;

function replyHandler(
	request: HttpRequest,
	resolve: Settle,
	reject: (error: Error) => void,
): Dispatcher.DispatchHandler {
	const { signal, limits } = request;
	let controller: Dispatcher.DispatchController | undefined;
	let reply: HttpReply | undefined;
	let feed: FeedInput | undefined;
	let chunks: Buffer[] = [];
	let size = 0;

	let dead: PortcullisError | undefined;

	const abort = (error: PortcullisError): void => {
		dead ??= error;
		// Still waiting for a connection: nothing to abort yet, but the caller must not wait with it.
		if (controller === undefined) reject(dead);
		else controller.abort(dead);
	};
	const onAbort = (): void => abort(cancelled(signal as AbortSignal));
	const settle = (): void => {
		clearTimeout(timer);
		signal?.removeEventListener('abort', onAbort);
	};
	signal?.addEventListener('abort', onAbort, { once: true });
	const timer =
		limits.totalMs > 0 ? setTimeout(abort, limits.totalMs, new PortcullisError('PC_UPSTREAM_TIMEOUT')) : undefined;
	if (signal?.aborted) onAbort();
	const take = (chunk: Buffer): void => {
		size += chunk.length;
		if (limits.resultBytes > 0 && size > limits.resultBytes) return abort(new PortcullisError('PC_UPSTREAM_TOO_LARGE'));
		if (feed === undefined) chunks.push(chunk);
		else if (!feed.push(chunk)) abort(new PortcullisError('PC_UPSTREAM_TOO_LARGE'));
	};

	return {
		onRequestStart(started) {
			controller = started;
			if (dead !== undefined) started.abort(dead);
		},
		onResponseStart(started, status, headers) {
			if (status < 200) return;
			const mediaType = mediaTypeOf(headers['content-type']);
			reply = { status, mediaType, headers, body: EMPTY, events: undefined, stamp: request.stamp };
			if (mediaType !== 'text/event-stream' || status >= 300) return;
			feed = createFeed(limits.frameBytes, started);
			resolve({ ...reply, events: feed.feed });
		},
		onResponseData: (_controller, chunk) => take(chunk),
		onResponseEnd() {
			settle();
			if (feed !== undefined) feed.end();
			else
				resolve({ ...(reply as HttpReply), body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) });
			chunks = [];
		},
		onResponseError(_controller, error) {
			settle();
			const wrapped = wrapError(error, { sent: controller !== undefined, signal });
			if (feed !== undefined) feed.fail(wrapped);
			else reject(wrapped);
		},
	};
}

/** What an aborted signal means to the caller: our own reason when it carries one, else a cancelled call. */
export function cancelled(signal: AbortSignal): PortcullisError {
	return signal.reason instanceof PortcullisError ? signal.reason : new PortcullisError('PC_CALL_CANCELLED');
}

function mediaTypeOf(header: string | string[] | undefined): string {
	const text = Array.isArray(header) ? header[0] : header;
	return (text ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

// The code, not the text, of the library's error goes into the log: texts may hold addresses of other systems.
function wrapError(
	error: unknown,
	at: { readonly sent: boolean; readonly signal: AbortSignal | undefined },
): PortcullisError {
	if (error instanceof PortcullisError) return error;
	if (at.signal?.aborted) return cancelled(at.signal);
	const code = String((error as { code?: unknown } | null)?.code ?? 'unknown');
	if (TIMEOUTS.has(code)) return new PortcullisError('PC_UPSTREAM_TIMEOUT', { detail: code }, { cause: error });
	const reached = at.sent && code !== 'ECONNREFUSED' && code !== 'UND_ERR_CONNECT_TIMEOUT';
	return new PortcullisError(
		reached ? 'PC_UPSTREAM_FAILED' : 'PC_UPSTREAM_UNREACHABLE',
		{ detail: code },
		{ cause: error },
	);
}

interface FeedInput {
	readonly feed: EventFeed;
	push(chunk: Buffer): boolean;
	end(): void;
	fail(error: PortcullisError): void;
}

type Waiter = { resolve(event: ServerSentEvent | undefined): void; reject(error: Error): void };

function createFeed(frameBytes: number, controller: Dispatcher.DispatchController): FeedInput {
	const queue: ServerSentEvent[] = [];
	let waiter: Waiter | undefined;
	let ended: { readonly error: PortcullisError | undefined } | undefined;

	const settle = (waiting: Waiter): void => {
		const event = queue.shift();
		if (event !== undefined) waiting.resolve(event);
		else if (ended?.error !== undefined) waiting.reject(ended.error);
		else if (ended !== undefined) waiting.resolve(undefined);
		else waiter = waiting;
	};
	const wake = (): void => {
		const waiting = waiter;
		waiter = undefined;
		if (waiting !== undefined) settle(waiting);
	};
	const parser = createSseParser(frameBytes, (event) => {
		queue.push(event);
		if (queue.length > QUEUE_HIGH) controller.pause();
		wake();
	});
	const finish = (error: PortcullisError | undefined): void => {
		ended ??= { error };
		wake();
	};

	const feed: EventFeed = {
		next: () =>
			new Promise((resolve, reject) => {
				settle({ resolve, reject });
				if (queue.length <= QUEUE_HIGH && controller.paused) controller.resume();
			}),
		cancel() {
			if (ended === undefined) controller.abort(new PortcullisError('PC_CALL_CANCELLED'));
		},
	};
	return { feed, push: (chunk) => parser.push(chunk), end: () => finish(undefined), fail: finish };
}
