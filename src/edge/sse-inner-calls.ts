import { randomUUID } from 'node:crypto';
import { errorCode } from '../errors/portcullis-error.ts';
import type { Exchange } from '../exchange.ts';
import { type CancelSignal, createCancel } from '../lib/cancel.ts';
import type { Frame, FrameSink } from '../mcp/answer.ts';
import { streamCall } from '../mcp/call.ts';
import { handleCall, type Stages } from '../pipeline.ts';
import type { Listening, SseSession } from './sse-sessions.ts';

// What a client of Streamable HTTP asks for with GET and DELETE, and a client of HTTP+SSE has no way to ask for: the
// gateway does it, through the same stages, under the token of the client's latest request.

/** Keeps the server's own stream of the session open, where it has one; to be called with each message. */
export async function listen(stages: Stages, session: SseSession): Promise<void> {
	const { mcpSessionId } = session;
	if (session.listening !== 'wanted' || mcpSessionId === undefined || session.retired) return;
	session.listening = 'open';
	const settle = (listening: Listening): void => {
		if (session.mcpSessionId === mcpSessionId) session.listening = listening;
	};
	try {
		const answer = await handleCall(stages, innerExchange(session, { kind: 'listen', gone: session.unheard }));
		if (answer.kind === 'stream') await answer.pump(sinkOf(session));
		settle('wanted');
	} catch (error) {
		settle(OFFERS_NONE.has(errorCode(error)) ? 'refused' : 'wanted');
	}
}

const OFFERS_NONE: ReadonlySet<unknown> = new Set(['PC_METHOD_NOT_ALLOWED', 'PC_SESSION_UNKNOWN']);

/** Takes the MCP session that `initialize` was answered with; a former one of the same stream ends. */
export function adopt(stages: Stages, session: SseSession, mcpSessionId: string): void {
	void end(stages, session);
	session.mcpSessionId = mcpSessionId;
	session.listening = 'early';
	// The stream may have ended while the handshake was on its way.
	if (session.gone.aborted) void end(stages, session);
}

/** Ends the MCP session as DELETE would, as well as can be: the token may have expired, the server may be gone. */
export async function end(stages: Stages, session: SseSession): Promise<void> {
	if (session.mcpSessionId === undefined) return;
	const exchange = innerExchange(session, { kind: 'end', gone: NEVER });
	session.mcpSessionId = undefined;
	await handleCall(stages, exchange).catch(() => undefined);
}

/** Writes the frames of an answer to the session's stream. */
export function sinkOf(session: SseSession): FrameSink {
	return watchedSink(session, () => undefined);
}

/** The same, telling of each frame before it leaves. */
export function watchedSink(session: SseSession, onFrame: (frame: Frame) => void): FrameSink {
	const write = (frame: Frame): Promise<void> | void => {
		onFrame(frame);
		// An event without data only tells clients of Streamable HTTP where to resume.
		if (frame.data !== '') return session.send(frame.data);
	};
	return {
		write,
		async last(frame) {
			await write(frame);
		},
	};
}

/** The signal of a caller that nobody waits for. */
export const NEVER: CancelSignal = createCancel().signal;

/** MCP's own headers of a call within the session, as a client of Streamable HTTP would send them. */
export function sessionHeaders(
	{ mcpSessionId, revision }: SseSession,
	more: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, string> {
	const headers = new Map<string, string>();
	if (revision !== undefined) headers.set('mcp-protocol-version', revision);
	if (mcpSessionId !== undefined) headers.set('mcp-session-id', mcpSessionId);
	for (const [name, value] of Object.entries(more)) headers.set(name, value);
	return headers;
}

/** One call that the gateway makes for its client. */
export interface InnerCall {
	readonly kind: 'listen' | 'end';
	/** Aborts when it is no longer wanted. */
	readonly gone: CancelSignal;
	/** Event after which the stream goes on. */
	readonly lastEventId?: string | undefined;
}

/** A call within the session, as the pipeline takes it. */
export function innerExchange(session: SseSession, { kind, gone, lastEventId }: InnerCall): Exchange {
	const headers = sessionHeaders(session, lastEventId === undefined ? {} : { 'last-event-id': lastEventId });
	const call = streamCall(kind, headers);
	return {
		requestId: randomUUID(),
		presented: session.presented,
		acceptsStream: true,
		endsWithConnection: false,
		admit: () => session.address,
		readCall: () => Promise.resolve(call),
		disconnected: () => gone,
	};
}
