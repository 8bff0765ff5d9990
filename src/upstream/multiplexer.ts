import type { UpstreamLimits } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import { isResponse, parseMessage } from '../mcp/server-message.ts';
import { cancelled } from './http-exchange.ts';
import { questionOf, refuseQuestion } from './question.ts';
import type { WireEvents, WireQuestion, WireRequest, WireResponse } from './wire.ts';

/** Many requests over one duplex stream of JSON messages. */
export interface Multiplexer {
	request(request: WireRequest): Promise<WireResponse>;
	/** Takes one message of the upstream; `false`: it is none, and was skipped. */
	receive(text: string): boolean;
	/** Rejects all waiting requests; later ones are rejected at once. */
	fail(error: PortcullisError): void;
	readonly inFlight: number;
}

interface Waiting {
	readonly request: WireRequest;
	resolve(response: WireResponse): void;
	reject(error: PortcullisError): void;
	/** Restarts the silence timer. */
	touch(): void;
	settle(): void;
}

/** What a multiplexer needs from the stream it runs on. */
export interface MultiplexerParts {
	/** Writes one message; throws a PortcullisError when the stream is gone. */
	write(text: string): void;
	readonly limits: UpstreamLimits;
	/** How long the first answer may take, where something is started for it. */
	readonly startMs?: number;
	readonly events: Pick<WireEvents, 'onNotification' | 'onQuestion'>;
	/** Takes what concerns the gateway's own subscription on this stream; `true` when it did. */
	isOwn?(message: JsonObject): boolean;
	/** Counts an answer nobody waits for. */
	misdirected(): void;
}

const MAX_ABANDONED = 1_000;
const HANDSHAKE: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/**
 * Ids are minted here, so callers may all use the same ones; an answer reaches only the request whose minted id it
 * carries, and a late or invented id is dropped.
 */
export function createMultiplexer(parts: MultiplexerParts): Multiplexer {
	const waiting = new Map<number, Waiting>();
	// Ids given up by us: their late answers are expected and no sign of a mix-up.
	const abandoned = new Set<number>();
	let lastId = 0;
	let failure: PortcullisError | undefined;

	const onResponse = (value: JsonObject, text: string): void => {
		const id = value['id'];
		const found = typeof id === 'number' ? waiting.get(id) : undefined;
		if (found !== undefined) found.resolve({ text, value, stamp: found.request.stamp });
		else if (!abandoned.delete(id as number)) parts.misdirected();
	};
	const onNotification = (method: string, params: JsonObject): void => {
		const token = params['progressToken'];
		const owner = method === 'notifications/progress' && typeof token === 'number' ? waiting.get(token) : undefined;
		owner?.touch();
		if (owner === undefined) parts.events.onNotification({ method, params });
		else owner.request.onNotification?.({ method, params });
	};

	return {
		request(request) {
			if (failure !== undefined) return Promise.reject(failure);
			if (request.signal?.aborted) return Promise.reject(cancelled(request.signal));
			const id = ++lastId;
			return new Promise((resolve, reject) => {
				waiting.set(id, createWaiting({ id, request, resolve, reject, waiting, abandoned, parts }));
				send(parts, waiting.get(id) as Waiting, requestText(id, request));
			});
		},
		receive(text) {
			const value = parseMessage(text);
			if (value === undefined) return false;
			if (parts.isOwn?.(value) === true) return true;
			const method = value['method'];
			// A line of a log may be JSON, too.
			if (typeof method !== 'string' && value['id'] === undefined && !isResponse(value)) return false;
			if (typeof method !== 'string') onResponse(value, text);
			else if (value['id'] === undefined) onNotification(method, asObject(value['params']) ?? {});
			else
				takeQuestion(
					parts,
					questionOf(text, method, (answer) => writeBestEffort(parts, answer)),
				);
			return true;
		},
		fail(error) {
			failure ??= error;
			for (const found of [...waiting.values()]) found.reject(error);
		},
		get inFlight() {
			return waiting.size;
		},
	};
}

function requestText(id: number, request: WireRequest): string {
	return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(request.method)},"params":${request.paramsFor(id)}}`;
}

interface WaitingParts {
	readonly id: number;
	readonly request: WireRequest;
	readonly waiting: Map<number, Waiting>;
	readonly abandoned: Set<number>;
	readonly parts: MultiplexerParts;
	resolve(response: WireResponse): void;
	reject(error: PortcullisError): void;
}

function createWaiting({ id, request, waiting, abandoned, parts, resolve, reject }: WaitingParts): Waiting {
	const { limits } = parts;
	const giveUp = (error: PortcullisError): void => {
		if (request.method !== 'initialize') tellCancelled(parts, id);
		remember(abandoned, id);
		self.reject(error);
	};
	const { signal } = request;
	const onAbort = (): void => giveUp(cancelled(signal as CancelSignal));
	const onTimeout = (): void => giveUp(new PortcullisError('PC_UPSTREAM_TIMEOUT'));
	// One timer serves both limits: it is set to whichever comes first, and anew when the server says something.
	const isStart = parts.startMs !== undefined && HANDSHAKE.has(request.method);
	const firstMs = isStart ? parts.startMs : Math.min(limits.firstByteMs, limits.totalMs);
	const endsAt = Date.now() + limits.totalMs;
	const isTimed = request.onQuestion === undefined;
	let timer = isTimed ? setTimeout(onTimeout, firstMs) : undefined;
	const self: Waiting = {
		request,
		settle() {
			clearTimeout(timer);
			signal?.removeEventListener('abort', onAbort);
			waiting.delete(id);
		},
		touch() {
			clearTimeout(timer);
			if (isTimed) timer = setTimeout(onTimeout, Math.min(limits.idleMs, endsAt - Date.now()));
		},
		resolve(response) {
			self.settle();
			resolve(response);
		},
		reject(error) {
			self.settle();
			reject(error);
		},
	};
	signal?.addEventListener('abort', onAbort, { once: true });
	return self;
}

function remember(abandoned: Set<number>, id: number): void {
	abandoned.add(id);
	if (abandoned.size > MAX_ABANDONED) abandoned.delete(abandoned.values().next().value as number);
}

function send(parts: MultiplexerParts, waiting: Waiting, text: string): void {
	try {
		parts.write(text);
	} catch (error) {
		waiting.reject(error as PortcullisError);
	}
}

/** Tells a legacy server, or a modern one over a duplex stream, that nobody waits for this request any more. */
export function cancelledText(id: number): string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
}

function tellCancelled(parts: MultiplexerParts, id: number): void {
	writeBestEffort(parts, cancelledText(id));
}

// When the stream is gone, so is whatever waited for this at its other end.
function writeBestEffort(parts: MultiplexerParts, text: string): void {
	try {
		parts.write(text);
	} catch {}
}

// On a duplex stream nothing says which request a question belongs to; the session knows whether only one can be meant.
function takeQuestion(parts: MultiplexerParts, question: WireQuestion): void {
	if (question.method === 'ping' || !parts.events.onQuestion(question)) refuseQuestion(question);
}
