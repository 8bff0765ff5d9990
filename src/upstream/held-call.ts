import type { Server } from '../config/snapshot.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import { memberOf, objectText, sliceOf } from '../lib/json-text.ts';
import { type Answer, type Frame, messageAnswer } from '../mcp/answer.ts';
import { asObject, type Call, type JsonObject, successText } from '../mcp/call.ts';
import { isLogLevel, type LogLevel } from '../mcp/log-levels.ts';
import { effectOf } from '../mcp/methods.ts';
import { META } from '../mcp/modern/envelope.ts';
import { type Crossing, projectResult } from '../mcp/project.ts';
import type { HeldRoute } from '../router/route.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { OutgoingRequest } from './forward-request.ts';
import { callerNotification, type HeldLeg, progressTokenOf, upstreamHeaders, upstreamParams } from './held-request.ts';
import { isFailure } from './raw-call.ts';
import { NO_CAPABILITIES, type Session, type Sessions } from './sessions.ts';
import { createStamp, type Tripwire } from './stamp.ts';
import type { WireResponse } from './wire.ts';

/** What held calls are made with. */
export interface HeldParts {
	readonly sessions: Sessions;
	readonly clients: ClientSessions;
	readonly tripwire: Tripwire;
	/** Makes the upstream log from this severity on, where it can; best effort. */
	setLevel(session: Session, level: LogLevel, server: Server): Promise<void>;
}

type HeldRequest = OutgoingRequest<HeldRoute>;

/** Through a session the gateway holds: another era, another transport, or an aggregate address. */
export async function heldCall(parts: HeldParts, request: HeldRequest): Promise<Answer> {
	const { call, route, credential } = request;
	const gone = request.endsWithConnection ? request.disconnected() : undefined;
	const cancel = parts.clients.begin(route.session, call, gone);
	const signal = call.era === 'modern' ? request.disconnected() : cancel.signal;
	try {
		const attempt = async (): Promise<Answer> => {
			const session = await parts.sessions.acquire({ server: route.server, credential }, NO_CAPABILITIES, signal);
			const leg: HeldLeg = { call, route, session, logLevel: logLevelOf(parts, request) };
			if (leg.logLevel !== undefined) await parts.setLevel(session, leg.logLevel, route.server);
			return exchange({ parts, request, leg, signal, done: cancel.end });
		};
		return await attempt().catch((error) => (mayRepeat(error, call) ? attempt() : Promise.reject(error)));
	} catch (error) {
		cancel.end();
		throw error;
	}
}

// A server that forgot the session did nothing; still, only what changes nothing is ever sent twice.
function mayRepeat(error: unknown, call: Call): boolean {
	return errorCode(error) === 'PC_UPSTREAM_SESSION_LOST' && effectOf(call.method) === 'read';
}

function logLevelOf({ clients }: HeldParts, { call, route }: HeldRequest): LogLevel | undefined {
	if (call.era === 'legacy') return clients.logLevel(route.session);
	const level = asObject(call.params['_meta'])?.[META.logLevel];
	return isLogLevel(level) ? level : undefined;
}

interface Exchange {
	readonly parts: HeldParts;
	readonly request: HeldRequest;
	readonly leg: HeldLeg;
	readonly signal: CancelSignal | undefined;
	done(): void;
}

async function exchange(held: Exchange): Promise<Answer> {
	const { request, leg } = held;
	const streams = request.acceptsStream && (progressTokenOf(leg.call) !== undefined || leg.logLevel !== undefined);
	const notes = createNotes();
	const response = send(held, notes).finally(() => {
		held.done();
		notes.end();
	});
	if (!streams) return messageOf(await response);
	// What comes first decides the shape: a response alone is JSON, a notification opens a stream.
	response.catch(() => undefined);
	const first = await notes.next();
	if (first === undefined) return messageOf(await response);
	return {
		kind: 'stream',
		headers: {},
		async pump(sink) {
			for (let note: string | undefined = first; note !== undefined; note = await notes.next())
				await sink.write({ data: note });
			await sink.last(await response);
			return 'complete';
		},
	};
}

function messageOf(frame: Frame & { readonly status: number }): Answer {
	return {
		...messageAnswer(frame.data),
		kind: 'message',
		status: frame.status,
		failed: frame.failed === true,
	} as Answer;
}

async function send(held: Exchange, notes: Notes): Promise<Frame & { readonly status: number }> {
	const { parts, request, leg, signal } = held;
	const { server } = request.route;
	const stamp = createStamp(server.workspace, server.slug, request.principal.key);
	const response = await leg.session.request({
		method: leg.call.method,
		paramsFor: upstreamParams(leg),
		headers: upstreamHeaders(leg),
		stamp,
		signal,
		onNotification(notification) {
			const text = callerNotification(notification, leg);
			if (text !== undefined) notes.add(text);
		},
	});
	if (!parts.tripwire.matches(stamp, response.stamp))
		throw new PortcullisError('PC_INTERNAL', { detail: 'stamp mismatch' });
	return translate(response, leg.call, { from: leg.session.info.era, to: leg.call.era });
}

function translate(response: WireResponse, call: Call, crossing: Crossing): Frame & { readonly status: number } {
	const error = asObject(response.value['error']);
	if (error !== undefined) return translateError(response, error, { call, crossing });
	const result = memberOf(response.text, 'result');
	const value = asObject(response.value['result']);
	if (result === undefined || value === undefined) throw new PortcullisError('PC_UPSTREAM_INVALID');
	const kind = value['resultType'] ?? 'complete';
	// A question to the client or a task: nothing that this address can carry (see docs/protocol.md).
	if (kind !== 'complete')
		throw new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail: `resultType ${String(kind)}` });
	const text = projectResult(sliceOf(response.text, result), call.method, crossing);
	return { data: successText(call.idText, text), failed: isFailure(response.value), status: 200 };
}

const METHOD_NOT_FOUND = -32601;
const LEGACY_RESOURCE_NOT_FOUND = -32002;
const INVALID_PARAMS = -32602;
/** Spec codes about the hop between gateway and server, or about questions to the client: not the caller's to see. */
const HOP_CODES = new Set([-32020, -32022]);
const CLIENT_CODES = new Set([-32021, -32042]);

interface Addressee {
	readonly call: Call;
	readonly crossing: Crossing;
}

function translateError(
	{ text }: WireResponse,
	error: JsonObject,
	{ call, crossing }: Addressee,
): Frame & { readonly status: number } {
	const code = Number.isSafeInteger(error['code']) ? (error['code'] as number) : -32603;
	const detail = `the server answered ${code}`;
	if (HOP_CODES.has(code) && crossing.from === 'modern') throw new PortcullisError('PC_INTERNAL', { detail });
	if (CLIENT_CODES.has(code)) throw new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail });
	const projected = crossing.to === 'modern' && code === LEGACY_RESOURCE_NOT_FOUND ? INVALID_PARAMS : code;
	const message = typeof error['message'] === 'string' ? error['message'] : 'The server answered with an error.';
	const status = call.era === 'modern' && projected === METHOD_NOT_FOUND ? 404 : 200;
	// As the server spelled it: numbers and members of its own survive.
	const whole = memberOf(text, 'error');
	const data = whole && memberOf(text, 'data', whole.start);
	const body = objectText({
		code: String(projected),
		message: JSON.stringify(message),
		...(data !== undefined && { data: sliceOf(text, data) }),
	});
	return { data: `{"jsonrpc":"2.0","id":${call.idText},"error":${body}}`, failed: true, status };
}

interface Notes {
	add(text: string): void;
	end(): void;
	/** Next notification; `undefined` when there will be none. */
	next(): Promise<string | undefined>;
}

const MAX_WAITING_NOTES = 1_000;

function createNotes(): Notes {
	const queue: string[] = [];
	let ended = false;
	let wake: () => void = () => undefined;
	return {
		add(text) {
			// A flood that nobody reads fast enough loses its oldest lines, not our memory.
			if (queue.push(text) > MAX_WAITING_NOTES) queue.shift();
			wake();
		},
		end() {
			ended = true;
			wake();
		},
		async next() {
			while (queue.length === 0 && !ended) {
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			}
			return queue.shift();
		},
	};
}
