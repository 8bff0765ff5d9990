import { randomUUID } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type CancelSignal, createCancel } from '../lib/cancel.ts';
import type { ScopeKey } from '../lib/scope.ts';
import { successText } from '../mcp/call.ts';
import { mayBeAskedThis } from '../mcp/client-features.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import { inputRequiredResult, inputResponsesOf, legacyQuestion, modernQuestion } from '../mcp/question.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { Dialogue, Question, Reply } from './dialogue.ts';
import { cancelled } from './http-exchange.ts';
import type { WireNotification, WireResponse } from './wire.ts';

/** A dialogue together with what it needs to go on in a later call of the same person. */
export interface Conversation {
	readonly dialogue: Dialogue;
	/** Server and credential it goes on with. */
	readonly scope: ScopeKey;
	/** Capabilities the caller declared towards this server; nothing else is ever asked of it. */
	readonly profile: string;
	/** Whether the server is a legacy one, which takes an error for an answer. */
	readonly takesErrors: boolean;
	/** Who gets the notifications of the call at present. */
	listener: ((notification: WireNotification) => void) | undefined;
}

const NOBODY: Reply = {
	member: 'error',
	value: JSON.stringify({ code: -32601, message: 'The client does not answer such questions.' }),
};

/** Until the next turn that concerns the caller: what it cannot be asked now is refused in its name. */
async function nextTurn({ dialogue, profile, takesErrors }: Conversation, now = profile) {
	const mayBeAsked = ({ method, params }: Question): boolean =>
		[profile, now].every((declared) => mayBeAskedThis(declared, method, params));
	for (;;) {
		const turn = await dialogue.next();
		if (turn.kind === 'response') return turn;
		const strange = turn.questions.filter((question) => !mayBeAsked(question));
		if (strange.length === 0) return turn;
		if (!takesErrors) {
			const refused = unasked(strange);
			dialogue.cancel(refused);
			throw refused;
		}
		dialogue.answer(new Map(strange.map(({ key }) => [key, NOBODY])));
	}
}

function unasked(questions: readonly Question[]): PortcullisError {
	return new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail: questions[0]?.method ?? '' });
}

/** How a legacy caller is asked: on the stream of its call, with answers that arrive as messages of its session. */
export interface SessionAsking {
	readonly session: SessionClaim;
	readonly clients: ClientSessions;
	/** Puts a message on the stream of the call. */
	send(text: string): void;
	/** Aborts when the caller is gone or has cancelled: then nobody will answer. */
	readonly signals: readonly (CancelSignal | undefined)[];
	readonly questionMs: number;
}

/** Carries the conversation to its response, asking the legacy caller on the way. */
export async function converse(conversation: Conversation, asking: SessionAsking): Promise<WireResponse> {
	for (;;) {
		const turn = await nextTurn(conversation);
		if (turn.kind === 'response') return turn.response;
		try {
			const replies = await askAll(conversation, turn.questions, asking);
			if (replies !== undefined) conversation.dialogue.answer(replies);
		} catch (error) {
			conversation.dialogue.cancel(error as PortcullisError);
			throw error;
		}
	}
}

// A server that ends the call has no use for answers any more, and one question that fails ends the others: nothing
// waits on. `undefined` when the call has ended; the next turn says how.
async function askAll(conversation: Conversation, questions: readonly Question[], asking: SessionAsking) {
	const over = createCancel();
	const pointless = new PortcullisError('PC_CALL_CANCELLED');
	void conversation.dialogue.ended.then(() => over.abort(pointless));
	const asked = { ...asking, signals: [...asking.signals, over.signal] };
	const replies = questions.map(async (question) => {
		const reply = await askOne(question, asked);
		return [question.key, conversation.takesErrors ? reply : withoutError(question, reply)] as const;
	});
	try {
		return new Map(await Promise.all(replies));
	} catch (error) {
		if (error === pointless) return undefined;
		throw error;
	} finally {
		over.abort(pointless);
	}
}

async function askOne({ method, params }: Question, asking: SessionAsking): Promise<Reply> {
	const { clients, session, send, signals, questionMs } = asking;
	const late = new PortcullisError('PC_QUESTION_UNANSWERED');
	const open = clients.ask(session, (id) => {
		const text = legacyQuestion(method, params, randomUUID);
		send(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${text}}`);
	});
	const timer = setTimeout(open.abandon, questionMs, late);
	const leave = signals.map((signal) => onAbort(signal, open.abandon));
	try {
		return await open.reply;
	} finally {
		clearTimeout(timer);
		for (const stop of leave) stop();
	}
}

function onAbort(signal: CancelSignal | undefined, abandon: (error: PortcullisError) => void): () => void {
	if (signal === undefined) return () => undefined;
	const listener = (): void => abandon(cancelled(signal));
	if (signal.aborted) listener();
	else signal.addEventListener('abort', listener, { once: true });
	return () => signal.removeEventListener('abort', listener);
}

// A modern server knows no failed answer, only a person who declines (mcp 2026-07-28: client/elicitation).
function withoutError({ method }: Question, reply: Reply): Reply {
	if (reply.member === 'result') return reply;
	if (method === 'elicitation/create') return { member: 'result', value: '{"action":"cancel"}' };
	throw new PortcullisError('PC_QUESTION_UNANSWERED', { detail: 'the client answered with an error' });
}

/** What a modern caller gets next: the server's response, or the result that asks it, in JSON text. */
export type ModernStep = { readonly response: WireResponse } | { readonly asks: string };

/** How a modern caller is asked: with a result that it answers by calling again. */
export interface RetryAsking {
	/** Keeps the conversation for the retry and gives the state to come back with. */
	park(conversation: Conversation): string;
	/** Aborts when the caller hangs up, which cancels the call. */
	readonly signal: CancelSignal;
	/** Capabilities this call declares: those of an earlier one do not count (mcp 2026-07-28: basic). */
	readonly profile: string;
}

/** One step of a conversation with a modern caller; `params` is the text of a retry's, with the answers. */
export async function step(
	conversation: Conversation,
	asking: RetryAsking,
	params: string | undefined,
): Promise<ModernStep> {
	const { dialogue } = conversation;
	const stop = onAbort(asking.signal, dialogue.cancel);
	try {
		const given = params === undefined ? [] : [...inputResponsesOf(params)];
		const replies = given.map(([key, value]) => [key, { member: 'result', value }] as const);
		if (params !== undefined) dialogue.answer(new Map<string, Reply>(replies));
		const turn = await nextTurn(conversation, asking.profile);
		if (turn.kind === 'response') return { response: turn.response };
		const asked = turn.questions.map(({ key, method, params }) => [key, modernQuestion(method, params)] as const);
		return { asks: inputRequiredResult(Object.fromEntries(asked), asking.park(conversation)) };
	} finally {
		stop();
	}
}

/** The response text of a step that asks. */
export function askingText(idText: string, step: { readonly asks: string }): string {
	return successText(idText, step.asks);
}
