import type { Dispatcher } from 'undici';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import { createFeed, type EventFeed, type FeedInput } from './event-feed.ts';
import type { Stamp } from './stamp.ts';

/** One HTTP request to an upstream; `headers` carry the credential. */
export interface HttpRequest {
	readonly method: 'POST' | 'GET' | 'DELETE' | 'PUT' | 'PATCH' | 'HEAD';
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | Buffer | null;
	/** Ends the exchange when it aborts; `undefined` where only the limits do. */
	readonly signal: CancelSignal | undefined;
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

const EMPTY = Buffer.alloc(0);

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
		dispatcher.dispatch(options, replyHandler(request, { resolve, reject }));
	});
}

interface Outcome {
	resolve(reply: HttpReply): void;
	reject(error: Error): void;
}

function replyHandler(request: HttpRequest, { resolve, reject }: Outcome): Dispatcher.DispatchHandler {
	const { limits } = request;
	const lifeline = createLifeline(request, reject);
	let reply: HttpReply | undefined;
	let feed: FeedInput | undefined;
	const chunks: Buffer[] = [];
	let size = 0;

	return {
		onRequestStart: lifeline.start,
		onResponseStart(controller, status, headers) {
			if (status < 200) return;
			const mediaType = mediaTypeOf(headers['content-type']);
			reply = { status, mediaType, headers, body: EMPTY, events: undefined, stamp: request.stamp };
			if (mediaType !== 'text/event-stream' || status >= 300) return;
			feed = createFeed(limits.frameBytes, controller);
			resolve({ ...reply, events: feed.feed });
		},
		onResponseData(_controller, chunk) {
			size += chunk.length;
			const tooMuch = limits.resultBytes > 0 && size > limits.resultBytes;
			if (feed === undefined) chunks.push(chunk);
			if (tooMuch || feed?.push(chunk) === false) lifeline.abort(new PortcullisError('PC_UPSTREAM_TOO_LARGE'));
		},
		onResponseEnd() {
			lifeline.settle();
			feed?.end();
			const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
			if (feed === undefined) resolve({ ...(reply as HttpReply), body });
		},
		onResponseError(_controller, error) {
			lifeline.settle();
			const wrapped = wrapError(error, { sent: lifeline.isStarted(), signal: request.signal });
			if (feed !== undefined) feed.fail(wrapped);
			else reject(wrapped);
		},
	};
}

interface Lifeline {
	start(controller: Dispatcher.DispatchController): void;
	isStarted(): boolean;
	abort(error: PortcullisError): void;
	/** The exchange is over: nothing of it may outlive it. */
	settle(): void;
}

/** What may end an exchange before its time: the caller's signal and the limit for the whole call. */
function createLifeline({ signal, limits }: HttpRequest, reject: (error: Error) => void): Lifeline {
	let controller: Dispatcher.DispatchController | undefined;
	let dead: PortcullisError | undefined;
	const abort = (error: PortcullisError): void => {
		dead ??= error;
		// Still waiting for a connection: nothing to abort yet, but the caller must not wait with it.
		if (controller === undefined) reject(dead);
		else controller.abort(dead);
	};
	const onAbort = (): void => abort(cancelled(signal as CancelSignal));
	const onTotal = (): void => abort(new PortcullisError('PC_UPSTREAM_TIMEOUT'));
	signal?.addEventListener('abort', onAbort, { once: true });
	const timer = limits.totalMs > 0 ? setTimeout(onTotal, limits.totalMs) : undefined;
	if (signal?.aborted) onAbort();
	return {
		start(started) {
			controller = started;
			if (dead !== undefined) started.abort(dead);
		},
		isStarted: () => controller !== undefined,
		abort,
		settle() {
			clearTimeout(timer);
			signal?.removeEventListener('abort', onAbort);
		},
	};
}

/** What an aborted signal means to the caller: our own reason when it carries one, else a cancelled call. */
export function cancelled(signal: CancelSignal): PortcullisError {
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
	at: { readonly sent: boolean; readonly signal: CancelSignal | undefined },
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
