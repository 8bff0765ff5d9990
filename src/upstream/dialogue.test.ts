import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UpstreamLimits } from '../config/snapshot.ts';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { askedIn, beginDialogue } from './dialogue.ts';
import type { Session } from './session-entries.ts';
import type { WireRequest, WireResponse } from './wire.ts';

const LIMITS = { firstByteMs: 100, idleMs: 200, totalMs: 1_000 } as UpstreamLimits;
const THINKS_MS = 1_000_000;
const MAX_OPEN = 64;

/** One request at the server, to be answered by hand. */
interface Sent {
	readonly request: WireRequest;
	/** `params` members of a retry. */
	readonly more: Readonly<Record<string, string>>;
	respond(result: unknown): void;
	fail(error: PortcullisError): void;
}

/** A dialogue with a server that a test plays. */
function play(era: 'modern' | 'legacy', first: Readonly<Record<string, string>> = {}) {
	const sent: Sent[] = [];
	const told: unknown[] = [];
	let latest: Readonly<Record<string, string>> = {};
	const session = {
		info: { era },
		request: (request: WireRequest) =>
			new Promise<WireResponse>((resolve, reject) => {
				request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
				sent.push({
					request,
					more: latest,
					respond: (result) => resolve(responseWith(result)),
					fail: reject,
				});
			}),
	} as unknown as Session;
	const dialogue = beginDialogue({
		session,
		limits: LIMITS,
		gatherMs: 0,
		first,
		request(more) {
			latest = more;
			const onNotification = ({ params }: { params: unknown }): void => void told.push(params);
			return { method: 'tools/call', paramsFor: () => '{}', headers: {}, stamp: {} as never, onNotification };
		},
	});
	return { dialogue, sent, told };
}

function responseWith(result: unknown): WireResponse {
	const value = { jsonrpc: '2.0', id: 1, result };
	return { text: JSON.stringify(value), value, stamp: {} as never };
}

const asks = (requestState?: string, questions: object | null = { q: { method: 'roots/list' } }) => ({
	resultType: 'input_required',
	...(questions !== null && { inputRequests: questions }),
	...(requestState !== undefined && { requestState }),
});
const REPLY = { member: 'result', value: '{"roots":[]}' } as const;
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'ok', errorCode);
const note = { method: 'notifications/progress', params: {} };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a dialogue with a legacy server', () => {
	const question = (request: WireRequest, method = 'roots/list') => {
		const answer = vi.fn();
		request.onQuestion?.({ method, params: '{}', answer });
		return answer;
	};

	it('is the response alone where nothing is asked', async () => {
		const { dialogue, sent } = play('legacy');
		sent[0]!.respond({ content: [] });
		expect((await dialogue.next()).kind).toBe('response');
		await dialogue.ended;
		expect(vi.getTimerCount()).toBe(0);
	});

	it('has turns with every open question, under keys of its own, until they are answered', async () => {
		const { dialogue, sent } = play('legacy');
		const answers = [question(sent[0]!.request), question(sent[0]!.request, 'elicitation/create')];
		const both = { kind: 'questions', questions: [{ key: 'q1' }, { key: 'q2' }] };
		expect(await dialogue.next()).toMatchObject(both);
		dialogue.answer(new Map([['q2', REPLY]]));
		expect(answers[1]).toHaveBeenCalledWith('result', REPLY.value);
		expect(await dialogue.next()).toEqual({
			kind: 'questions',
			questions: [{ key: 'q1', method: 'roots/list', params: '{}' }],
		});
		dialogue.answer(
			new Map([
				['q1', REPLY],
				['q9', REPLY],
			]),
		);
		const later = dialogue.next();
		question(sent[0]!.request);
		expect(await later).toMatchObject({ questions: [{ key: 'q3' }] });
	});

	it.each([
		['the first byte', LIMITS.firstByteMs - 1, 'ok'],
		['the first byte', LIMITS.firstByteMs, 'PC_UPSTREAM_TIMEOUT'],
		['the first byte', LIMITS.firstByteMs + 1, 'PC_UPSTREAM_TIMEOUT'],
	])('keeps the time of %s while the server works: %i ms, %s', async (_what, ms, code) => {
		const { dialogue, sent } = play('legacy');
		const end = codeOf(dialogue.next());
		await vi.advanceTimersByTimeAsync(ms);
		sent[0]!.respond({});
		expect(await end).toBe(code);
	});

	it.each([
		[LIMITS.idleMs - 1, 'ok'],
		[LIMITS.idleMs, 'PC_UPSTREAM_TIMEOUT'],
	])('has the time between two words after the first: %i ms, %s', async (ms, code) => {
		const { dialogue, sent } = play('legacy');
		const end = codeOf(dialogue.next());
		await vi.advanceTimersByTimeAsync(LIMITS.firstByteMs - 1);
		sent[0]!.request.onNotification?.(note);
		await vi.advanceTimersByTimeAsync(ms);
		sent[0]!.respond({});
		expect(await end).toBe(code);
	});

	it('keeps no time while a person thinks, and the rest of the total afterwards', async () => {
		const { dialogue, sent } = play('legacy');
		const { request } = sent[0]!;
		for (let worked = 0; worked < LIMITS.totalMs - 50; worked += 50) {
			await vi.advanceTimersByTimeAsync(50);
			question(request);
			await dialogue.next();
			await vi.advanceTimersByTimeAsync(THINKS_MS);
			expect(request.signal?.aborted).toBe(false);
			dialogue.answer(new Map([[`q${1 + worked / 50}`, REPLY]]));
		}
		// 950 ms of 1,000 are used up, so 50 are left of the 100 that an answer may take.
		await vi.advanceTimersByTimeAsync(49);
		expect(request.signal?.aborted).toBe(false);
		await vi.advanceTimersByTimeAsync(1);
		expect(await codeOf(dialogue.next())).toBe('PC_UPSTREAM_TIMEOUT');
	});

	it('stands while any question is open, whatever the server says meanwhile', async () => {
		const { dialogue, sent, told } = play('legacy');
		question(sent[0]!.request);
		question(sent[0]!.request);
		await dialogue.next();
		dialogue.answer(new Map([['q1', REPLY]]));
		sent[0]!.request.onNotification?.(note);
		await vi.advanceTimersByTimeAsync(THINKS_MS);
		expect([sent[0]!.request.signal?.aborted, told]).toEqual([false, [{}]]);
	});

	it.each([MAX_OPEN - 1, MAX_OPEN])('takes %i questions at once', async (count) => {
		const { dialogue, sent } = play('legacy');
		const answers = Array.from({ length: count }, () => question(sent[0]!.request));
		expect(await dialogue.next()).toMatchObject({ questions: { length: count } });
		expect(answers.filter((answer) => answer.mock.calls.length > 0)).toEqual([]);
	});

	it('refuses the question that is one too many, and takes another once there is room', async () => {
		const { dialogue, sent } = play('legacy');
		for (let count = 0; count < MAX_OPEN; count++) question(sent[0]!.request);
		expect(question(sent[0]!.request)).toHaveBeenCalledWith('error', expect.stringContaining('-32601'));
		expect(await dialogue.next()).toMatchObject({ questions: { length: MAX_OPEN } });
		dialogue.answer(new Map([['q1', REPLY]]));
		expect(question(sent[0]!.request)).not.toHaveBeenCalled();
	});

	it('is cancelled with its reason, and ends then', async () => {
		const { dialogue, sent } = play('legacy');
		question(sent[0]!.request);
		dialogue.cancel(new PortcullisError('PC_QUESTION_UNANSWERED'));
		await dialogue.ended;
		expect(await codeOf(dialogue.next())).toBe('PC_QUESTION_UNANSWERED');
	});

	it('that has ended is not started again by an answer that comes too late', async () => {
		const { dialogue, sent } = play('legacy');
		question(sent[0]!.request);
		await dialogue.next();
		sent[0]!.fail(new PortcullisError('PC_UPSTREAM_CRASHED'));
		await dialogue.ended;
		dialogue.answer(new Map([['q1', REPLY]]));
		expect(vi.getTimerCount()).toBe(0);
		expect(await codeOf(dialogue.next())).toBe('PC_UPSTREAM_CRASHED');
	});

	it('has its response before a question that nobody has answered', async () => {
		const { dialogue, sent } = play('legacy');
		question(sent[0]!.request);
		sent[0]!.respond({});
		await dialogue.ended;
		expect((await dialogue.next()).kind).toBe('response');
	});
});

describe('a dialogue with a modern server', () => {
	it('sends the answers and the state of each round, and of that round alone', async () => {
		const { dialogue, sent } = play('modern');
		sent[0]!.respond(asks('s1'));
		expect(await dialogue.next()).toEqual({
			kind: 'questions',
			questions: [{ key: 'q', method: 'roots/list', params: '{}' }],
		});
		dialogue.answer(new Map([['q', REPLY]]));
		expect(sent[1]!.more).toEqual({ requestState: '"s1"', inputResponses: `{"q":${REPLY.value}}` });
		sent[1]!.respond(asks());
		await dialogue.next();
		dialogue.answer(new Map([['q', REPLY]]));
		expect(sent[2]!.more).toEqual({ inputResponses: `{"q":${REPLY.value}}` });
		sent[2]!.respond({ resultType: 'complete' });
		expect((await dialogue.next()).kind).toBe('response');
		await dialogue.ended;
		expect(vi.getTimerCount()).toBe(0);
	});

	it('begins with the state of a retry, and goes on with those it gets', async () => {
		const { dialogue, sent } = play('modern', { requestState: '"of the retry"' });
		expect(sent[0]!.more).toEqual({ requestState: '"of the retry"' });
		sent[0]!.respond(asks());
		await dialogue.next();
		dialogue.answer(new Map([['q', REPLY]]));
		expect(sent[1]!.more).toEqual({ inputResponses: `{"q":${REPLY.value}}` });
	});

	it('calls again by itself where it got a state without questions', async () => {
		const { dialogue, sent } = play('modern');
		const turn = dialogue.next();
		sent[0]!.respond(asks('s1', null));
		await vi.waitFor(() => expect(sent).toHaveLength(2));
		expect(sent[1]!.more).toEqual({ requestState: '"s1"' });
		sent[1]!.respond({});
		expect((await turn).kind).toBe('response');
	});

	it.each([
		[15, 'ok'],
		[16, 'ok'],
		[17, 'PC_UPSTREAM_INVALID'],
	])('takes sixteen rounds: %i, %s', async (rounds, code) => {
		const { dialogue, sent } = play('modern');
		const run = async (): Promise<void> => {
			for (let round = 0; round < rounds; round++) {
				sent[round]!.respond(asks(`s${round}`));
				await dialogue.next();
				dialogue.answer(new Map([['q', REPLY]]));
			}
			sent[rounds]!.respond({});
			await dialogue.next();
		};
		expect(await codeOf(run())).toBe(code);
		await dialogue.ended;
	});

	it.each([
		[MAX_OPEN - 1, 'ok'],
		[MAX_OPEN, 'ok'],
		[MAX_OPEN + 1, 'PC_UPSTREAM_INVALID'],
	])('takes sixty-four questions at once: %i, %s', async (count, code) => {
		const { dialogue, sent } = play('modern');
		const questions = Array.from({ length: count }, (_, index) => [`q${index}`, { method: 'roots/list' }] as const);
		sent[0]!.respond(asks('s1', Object.fromEntries(questions)));
		expect(await codeOf(dialogue.next())).toBe(code);
	});

	it('keeps time for each round, none in between, and one total for all', async () => {
		const { dialogue, sent } = play('modern');
		for (let round = 0; round < 10; round++) {
			await vi.advanceTimersByTimeAsync(99);
			sent[round]!.respond(asks(`s${round}`));
			await dialogue.next();
			await vi.advanceTimersByTimeAsync(THINKS_MS);
			dialogue.answer(new Map([['q', REPLY]]));
		}
		// 990 ms of 1,000 are used up.
		const end = codeOf(dialogue.next());
		await vi.advanceTimersByTimeAsync(10);
		expect(await end).toBe('PC_UPSTREAM_TIMEOUT');
		await dialogue.ended;
	});

	it('refuses what the server asks in a request of its own', () => {
		const { sent } = play('modern');
		const answer = vi.fn();
		sent[0]!.request.onQuestion?.({ method: 'roots/list', params: '{}', answer });
		expect(answer).toHaveBeenCalledWith('error', expect.stringContaining('-32601'));
	});

	it('that is cancelled between two rounds has ended', async () => {
		const { dialogue, sent } = play('modern');
		sent[0]!.respond(asks('s1'));
		await dialogue.next();
		dialogue.cancel(new PortcullisError('PC_CALL_CANCELLED'));
		await dialogue.ended;
		expect(vi.getTimerCount()).toBe(0);
	});
});

describe('the questions in a response', () => {
	it('are none unless it asks', () => {
		for (const result of [{}, { resultType: 'complete' }, { resultType: 'task' }, null, 'text'])
			expect(askedIn(responseWith(result))).toBeUndefined();
		const error = { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } };
		expect(askedIn({ text: JSON.stringify(error), value: error, stamp: {} as never })).toBeUndefined();
	});

	it.each([7, null, [], 'x'])('are none where they are %j', (inputRequests) => {
		expect(askedIn(responseWith({ resultType: 'input_required', inputRequests }))?.questions).toEqual([]);
	});

	it('have no method where it is no text', () => {
		const inputRequests = { a: 7, b: {}, c: { method: 7 }, d: { method: 'roots/list', params: { x: 1 } } };
		const asked = askedIn(responseWith({ resultType: 'input_required', inputRequests, requestState: 's' }));
		expect(asked).toEqual({
			questions: [
				{ key: 'a', method: '', params: '{}' },
				{ key: 'b', method: '', params: '{}' },
				{ key: 'c', method: '7', params: '{}' },
				{ key: 'd', method: 'roots/list', params: '{"x":1}' },
			],
			more: { requestState: '"s"' },
		});
	});
});
