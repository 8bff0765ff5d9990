import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSessionState, type RpcRequest, type SessionState } from './behaviour.mjs';
import type { ClientMessage } from './client-requests.ts';
import type { EventLog } from './event-log.ts';

/** A session of a legacy http build: its state, its calls in flight, its event stream, and streams to come back to. */
export interface LegacySession {
	readonly id: string;
	readonly state: SessionState;
	readonly calls: Map<unknown, AbortController>;
	readonly logs: Map<string, EventLog>;
	stream: { readonly response: ServerResponse; readonly write: (text: string) => void } | undefined;
}

export function createLegacySession(): LegacySession {
	return { id: randomUUID(), state: createSessionState(), calls: new Map(), logs: new Map(), stream: undefined };
}

export function isResponse(message: ClientMessage): boolean {
	return message.method === undefined && message.id !== undefined;
}

/** Acts on a notification of the client: a cancellation stops the call it names. */
export function receiveNotification(session: LegacySession, { method, params }: Partial<RpcRequest>): void {
	if (method === 'notifications/cancelled') session.calls.get(params?.requestId)?.abort();
}

/** Sends a notification on the session's own stream, when it has one and the client asked for it. */
export function notifySession({ state, stream }: LegacySession, method: string, params: Record<string, unknown>): void {
	const unwanted = method === 'notifications/resources/updated' && !state.subscribed.has(String(params.uri));
	if (!unwanted) stream?.write(JSON.stringify({ jsonrpc: '2.0', method, params }));
}

/** Runs one call of a session so that a cancellation can reach it. */
export async function runCall<T>(
	session: LegacySession,
	id: unknown,
	run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const controller = new AbortController();
	session.calls.set(id, controller);
	try {
		return await run(controller.signal);
	} finally {
		session.calls.delete(id);
	}
}

/** Waits until the session has an event stream, or the call that needs it is cancelled. */
export async function streamOpened(session: LegacySession, signal: AbortSignal): Promise<void> {
	while (!session.stream && !signal.aborted) await sleep(10);
}

/** The first session with an open stream, asked for its roots out of the blue. */
export function streamingSession(sessions: Iterable<LegacySession>): LegacySession {
	for (const session of sessions) if (session.stream) return session;
	throw new Error('no session has an open stream');
}
