import { setTimeout as sleep } from 'node:timers/promises';
import type { UpstreamLimits } from '../config/snapshot.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import { createCancel } from '../lib/cancel.ts';
import { memberOf, membersOf, objectText, sliceOf } from '../lib/json-text.ts';
import { asObject } from '../mcp/call.ts';
import { refuseQuestion } from './question.ts';
import type { Session } from './session-entries.ts';
import type { WireQuestion, WireRequest, WireResponse } from './wire.ts';

/** One question of the server, under a key that is unique within its turn. */
export interface Question {
	readonly key: string;
	readonly method: string;
	/** JSON text of `params`. */
	readonly params: string;
}

/** An answer to a question, JSON text. */
export interface Reply {
	readonly member: 'result' | 'error';
	readonly value: string;
}

/** What comes next: questions that must all be answered before the call goes on, or its end. */
export type Turn =
	| { readonly kind: 'questions'; readonly questions: readonly Question[] }
	| { readonly kind: 'response'; readonly response: WireResponse };

/** One call in which the server may ask something before it answers. */
export interface Dialogue {
	/** The next turn; rejects with a PortcullisError when the call has failed. */
	next(): Promise<Turn>;
	/** Answers questions of the last turn, by key; those left out are asked again by `next`. */
	answer(replies: ReadonlyMap<string, Reply>): void;
	/** Gives the call up and tells the server; harmless when it has ended. */
	cancel(error: PortcullisError): void;
	/** Resolves when the call has ended, however. */
	readonly ended: Promise<void>;
}

/** How a call is made in a dialogue. */
export interface DialogueParts {
	readonly session: Session;
	readonly limits: UpstreamLimits;
	/** How long to wait for further questions after one, milliseconds: for callers who answer all with one call. */
	readonly gatherMs: number;
	/** `params` members of the first round, JSON text by key: the state of a retry. */
	readonly first: Readonly<Record<string, string>>;
	/** The request, without signal and question handler; `more` are `params` members to add, JSON text by key. */
	request(more: Readonly<Record<string, string>>): Omit<WireRequest, 'signal' | 'onQuestion'>;
}

const MAX_ROUNDS = 16;
/** Questions open at once; nobody is asked more, and a flood of them must not fill the memory. */
const MAX_OPEN = 64;

/**
 * Begins the call. Limits of time count only while the server works, never while a person thinks: that time belongs to
 * whoever holds the dialogue.
 */
export function beginDialogue(parts: DialogueParts): Dialogue {
	return parts.session.info.era === 'modern' ? modernDialogue(parts) : legacyDialogue(parts);
}

/** The clock of a dialogue: runs while the server works, stands while it waits for an answer. */
interface Clock {
	readonly signal: WireRequest['signal'];
	run(): void;
	heard(): void;
	stand(): void;
	/** Stands for good: an answer may come to a call that has ended. */
	end(): void;
	cancel(error: PortcullisError): void;
}

function createClock(limits: UpstreamLimits): Clock {
	const cancel = createCancel();
	let leftMs = limits.totalMs;
	let startedAt = 0;
	let timer: NodeJS.Timeout | undefined;
	let ended = false;
	const onTimeout = (): void => cancel.abort(new PortcullisError('PC_UPSTREAM_TIMEOUT'));
	const stand = (): void => {
		if (timer === undefined) return;
		clearTimeout(timer);
		timer = undefined;
		leftMs -= Date.now() - startedAt;
	};
	const start = (ms: number): void => {
		stand();
		if (ended) return;
		startedAt = Date.now();
		timer = setTimeout(onTimeout, Math.max(0, Math.min(ms, leftMs)));
	};
	return {
		signal: cancel.signal,
		run: () => start(limits.firstByteMs),
		heard: () => timer !== undefined && start(limits.idleMs),
		stand,
		end() {
			stand();
			ended = true;
		},
		cancel: (error) => cancel.abort(error),
	};
}

// A legacy server asks in requests of its own while the call goes on.
function legacyDialogue({ session, limits, request, gatherMs }: DialogueParts): Dialogue {
	const clock = createClock(limits);
	const open = new Map<string, WireQuestion>();
	let asked = 0;
	let wake: (() => void) | undefined;

	const sending = request({});
	clock.run();
	const response = session.request({
		...sending,
		signal: clock.signal,
		onNotification(notification) {
			clock.heard();
			sending.onNotification?.(notification);
		},
		onQuestion(question) {
			if (open.size >= MAX_OPEN) return refuseQuestion(question);
			clock.stand();
			open.set(`q${++asked}`, question);
			wake?.();
		},
	});
	const ended = response.then(clock.end, clock.end);
	return {
		ended,
		async next() {
			const question = new Promise<undefined>((resolve) => {
				wake = () => resolve(undefined);
				if (open.size > 0) wake();
			});
			const first = await Promise.race([response, question]);
			if (first !== undefined) return { kind: 'response', response: first };
			if (gatherMs > 0) await Promise.race([ended, sleep(gatherMs)]);
			const questions = [...open].map(([key, { method, params }]) => ({ key, method, params }));
			return { kind: 'questions', questions };
		},
		answer(replies) {
			for (const [key, { member, value }] of replies) {
				open.get(key)?.answer(member, value);
				open.delete(key);
			}
			if (open.size === 0) clock.run();
		},
		cancel: clock.cancel,
	};
}

// A modern server answers with its questions and gets the call again with the answers (mcp 2026-07-28: patterns/mrtr).
function modernDialogue({ session, limits, request, first }: DialogueParts): Dialogue {
	const clock = createClock(limits);
	let state: Asked | undefined;
	let rounds = 0;
	let finish: () => void = () => undefined;
	const ended = new Promise<void>((resolve) => {
		finish = resolve;
	});

	const send = async (more: Readonly<Record<string, string>>): Promise<WireResponse> => {
		clock.run();
		const sending = request(more);
		const onNotification: WireRequest['onNotification'] = (notification) => {
			clock.heard();
			sending.onNotification?.(notification);
		};
		try {
			return await session.request({ ...sending, signal: clock.signal, onNotification, onQuestion: refuseQuestion });
		} finally {
			clock.stand();
		}
	};
	let pending = send(first);
	pending.catch(() => undefined);

	const read = async (): Promise<Turn> => {
		const response = await pending;
		state = askedIn(response);
		if (state === undefined) return { kind: 'response', response };
		const isTooMuch = ++rounds > MAX_ROUNDS || state.questions.length > MAX_OPEN;
		if (isTooMuch) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'too many questions' });
		if (state.questions.length > 0) return { kind: 'questions', questions: state.questions };
		pending = send(state.more);
		return read();
	};
	return {
		ended,
		async next() {
			try {
				const turn = await read();
				if (turn.kind === 'response') finish();
				return turn;
			} catch (error) {
				finish();
				throw toPortcullisError(error);
			}
		},
		answer(replies) {
			const results = [...replies].map(([key, reply]) => [key, reply.value] as const);
			pending = send({ ...state?.more, inputResponses: objectText(Object.fromEntries(results)) });
			pending.catch(() => undefined);
		},
		cancel(error) {
			clock.cancel(error);
			finish();
		},
	};
}

interface Asked {
	readonly questions: readonly Question[];
	/** `requestState` to send back, where the server gave one. */
	readonly more: Readonly<Record<string, string>>;
}

/** The questions in a response, or `undefined` when it is no `input_required` result. */
export function askedIn(response: WireResponse): Asked | undefined {
	const value = asObject(response.value['result']);
	const result = memberOf(response.text, 'result');
	if (value?.['resultType'] !== 'input_required' || result === undefined) return undefined;
	const requests = memberOf(response.text, 'inputRequests', result.start);
	const state = memberOf(response.text, 'requestState', result.start);
	const questions = requests === undefined ? [] : membersOf(response.text, requests.start);
	return {
		questions: questions.map(({ key, start }) => {
			const params = memberOf(response.text, 'params', start);
			const method = memberOf(response.text, 'method', start);
			return {
				key,
				method: method === undefined ? '' : String(JSON.parse(sliceOf(response.text, method))),
				params: params === undefined ? '{}' : sliceOf(response.text, params),
			};
		}),
		more: state === undefined ? {} : { requestState: sliceOf(response.text, state) },
	};
}
