import { errorCode } from '../errors/portcullis-error.ts';
import { type CancelSignal, firstOf } from '../lib/cancel.ts';
import { type HttpLimits, sendHttp } from './http-exchange.ts';
import { createPoster, type HttpWireParts, lostSession, type Sending } from './http-poster.ts';
import { drainNotifications, type ReadingParts, readResponse, takeMessage } from './http-reading.ts';
import { createHttpWatch } from './http-watch.ts';
import { cancelledText } from './multiplexer.ts';
import { checkReply, isLostSession } from './reply-status.ts';
import type { Wire, WireRequest } from './wire.ts';

const REOPEN_MS = 1_000;
/** Longest wait for the stream of a legacy server: some send no head before the first event. */
const OPENING_MS = 1_000;

/** Streamable HTTP towards one upstream, both eras: each request is a POST of its own. */
export function openHttpWire(parts: HttpWireParts): Wire {
	const poster = createPoster(parts);
	const reading: ReadingParts = { ...parts, poster };
	let lastId = 0;
	// Until the first stream for changes is open, or known not to be.
	let opened: Promise<void> = Promise.resolve();
	const watching = createHttpWatch({
		open(params) {
			const body = requestText(++lastId, 'subscriptions/listen', params);
			return poster.sendEndless({ method: 'POST', body, headers: { 'mcp-method': 'subscriptions/listen' } });
		},
		take: (value) => takeMessage({ value, text: JSON.stringify(value) }, reading, undefined),
		onReopened: parts.events.onReopened,
		onLost: () => void lostSession(parts.events),
	});

	return {
		way: 'http',
		async request(request) {
			const id = ++lastId;
			const body = requestText(id, request.method, request.paramsFor(id));
			const life = lifeOf(request, poster.lost);
			try {
				const { limits } = parts.server;
				const sending = sendingOf(request, { body, signal: life.signal, limits });
				const answer = await sendHttp(parts.pool, poster.requestFor(sending));
				if (poster.hasSession() && isLostSession(answer)) throw lostSession(parts.events);
				checkReply(answer, parts.refused);
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
			if (method === 'notifications/initialized') opened = listen(reading);
		},
		settle: poster.settle,
		watch: (params) => (params === undefined ? orAfter(opened, OPENING_MS) : watching.watch(params)),
		close() {
			watching.close();
			return poster.close();
		},
	};
}

// A server that has forgotten the session cannot be answered, so what waits for its answers waits in vain.
function lifeOf({ signal, onQuestion }: WireRequest, lost: CancelSignal): Life {
	return onQuestion === undefined ? { signal, stop: () => undefined } : firstOf([signal, lost]);
}

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

function orAfter(promise: Promise<void>, ms: number): Promise<undefined> {
	const patience = new Promise<void>((resolve) => void setTimeout(resolve, ms).unref());
	return Promise.race([promise, patience]).then(() => undefined);
}

const GIVEN_UP: ReadonlySet<unknown> = new Set(['PC_CALL_CANCELLED', 'PC_UPSTREAM_TIMEOUT']);

function requestText(id: number, method: string, params: string): string {
	return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
}

// Opens the stream of the session, and opens it again when it ends in order; resolves when it is open or refused. Best
// effort: a server without such a stream refuses, and cached lists then live by their age.
function listen(reading: ReadingParts): Promise<void> {
	const { poster, events } = reading;
	const opening = poster.sendEndless({ method: 'GET', body: null });
	opening
		.then((answer) => {
			if (answer.events !== undefined) return drainNotifications(answer.events, reading);
			if (poster.hasSession() && isLostSession(answer)) lostSession(events);
			return false;
		})
		.then((drained) => drained && setTimeout(listen, REOPEN_MS, reading).unref())
		.catch(() => undefined);
	return opening.then(ignore, ignore);
}

const ignore = (): void => undefined;
