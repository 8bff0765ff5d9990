import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type Cancel, type CancelSignal, createCancel } from '../lib/cancel.ts';
import { memberOf, sliceOf } from '../lib/json-text.ts';
import type { Call } from '../mcp/call.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import { isLogLevel, type LogLevel } from '../mcp/log-levels.ts';
import type { Reply } from './dialogue.ts';

/** What the gateway remembers of legacy callers' sessions at addresses where it holds the upstream session. */
export interface ClientSessions {
	/** Notes a call as running, so that `notifications/cancelled` of the same session finds it; `gone` ends it too. */
	begin(session: SessionClaim | undefined, call: Call, gone?: CancelSignal): RunningCall;
	/** Cancels what a `notifications/cancelled` names; unknown and foreign ids are ignored, as MCP demands. */
	cancel(session: SessionClaim | undefined, call: Call): void;
	/** Asks the session's client something; `send` gets the id of the question, JSON text. */
	ask(session: SessionClaim, send: (id: string) => void): OpenQuestion;
	/** Takes a message of the client that answers a question; unknown and foreign ids are ignored. */
	answer(session: SessionClaim | undefined, call: Call): void;
	setLogLevel(session: SessionClaim | undefined, call: Call): void;
	logLevel(session: SessionClaim | undefined): LogLevel | undefined;
	end(session: SessionClaim | undefined): void;
}

/** A question on its way. */
export interface OpenQuestion {
	/** The answer; rejects with what it was abandoned for. */
	readonly reply: Promise<Reply>;
	abandon(error: PortcullisError): void;
}

/** A call that its caller may cancel. */
export interface RunningCall {
	/** `undefined` when nothing can end the call: without a session nothing can name it. */
	readonly signal: CancelSignal | undefined;
	end(): void;
}

const REMEMBERED = 10_000;

/**
 * Without a session nothing is remembered: two chats of one person use the same ids, and one must not cancel the
 * other's call.
 */
export function createClientSessions(): ClientSessions {
	const running = new Map<string, Cancel>();
	const questions = createQuestions();
	const levels = new LRUCache<string, LogLevel>({ max: REMEMBERED });
	return {
		begin(session, call, gone) {
			if (session === undefined) return gone === undefined ? UNCANCELLABLE : { signal: gone, end: () => undefined };
			const key = keyOf(session, JSON.stringify(call.id));
			const controller = createCancel();
			running.set(key, controller);
			const unfollow = gone && follow(controller, gone);
			return {
				signal: controller.signal,
				end() {
					if (running.get(key) === controller) running.delete(key);
					unfollow?.();
				},
			};
		},
		cancel(session, call) {
			if (session === undefined) return;
			const found = running.get(keyOf(session, JSON.stringify(call.params['requestId'])));
			found?.abort(new PortcullisError('PC_CALL_CANCELLED'));
		},
		ask: questions.ask,
		answer: questions.answer,
		setLogLevel(session, call) {
			const level = call.params['level'];
			if (!isLogLevel(level)) throw new PortcullisError('PC_PARAMS_INVALID');
			if (session !== undefined) levels.set(session.nonce, level);
		},
		logLevel: (session) => (session === undefined ? undefined : levels.get(session.nonce)),
		end(session) {
			if (session === undefined) return;
			levels.delete(session.nonce);
			questions.end(session);
		},
	};
}

interface Questions extends Pick<ClientSessions, 'ask' | 'answer'> {
	/** Ends the questions of a session, and those that a call which outlives it would still ask. */
	end(session: SessionClaim): void;
}

function createQuestions(): Questions {
	const open = new Map<string, (settle: Reply | PortcullisError) => void>();
	const ended = new LRUCache<string, true>({ max: REMEMBERED });
	const gone = (): PortcullisError => new PortcullisError('PC_SESSION_UNKNOWN');
	return {
		ask(session, send) {
			// Random, so that no client can answer the question of another one's session by counting.
			const id = JSON.stringify(`portcullis-${randomUUID()}`);
			const key = keyOf(session, id);
			const reply = new Promise<Reply>((resolve, reject) => {
				open.set(key, (settled) => {
					open.delete(key);
					if (settled instanceof PortcullisError) reject(settled);
					else resolve(settled);
				});
			});
			if (ended.has(session.nonce)) open.get(key)?.(gone());
			else send(id);
			return { reply, abandon: (error) => open.get(key)?.(error) };
		},
		answer(session, call) {
			if (session === undefined) return;
			const member = call.text === '' ? undefined : (memberOf(call.text, 'result') ?? memberOf(call.text, 'error'));
			if (member === undefined) return;
			const value = sliceOf(call.text, member);
			open.get(keyOf(session, JSON.stringify(call.id)))?.({ member: member.key as Reply['member'], value });
		},
		end(session) {
			ended.set(session.nonce, true);
			for (const [key, settle] of open) if (key.startsWith(`${session.nonce}\n`)) settle(gone());
		},
	};
}

const UNCANCELLABLE: RunningCall = Object.freeze({ signal: undefined, end: () => undefined });

// The listener must not outlive the call: the signal lives as long as the caller's stream.
function follow(controller: Cancel, gone: CancelSignal): () => void {
	const onGone = (): void => controller.abort(gone.reason);
	gone.addEventListener('abort', onGone, { once: true });
	if (gone.aborted) onGone();
	return () => gone.removeEventListener('abort', onGone);
}

function keyOf(session: SessionClaim, idText: string): string {
	return `${session.nonce}\n${idText}`;
}
