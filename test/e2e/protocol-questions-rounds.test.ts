import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlainAnswer } from '../fakes/gateway.ts';
import type { HttpFixture } from '../fakes/mcp/http-server.ts';
import { messagesIn } from '../fakes/tenancy-wire.ts';
import { startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { keepForTest, soon } from './protocol-clients.ts';
import { answerOf, answersTo, endOf, legacyChat, modernChat, questionsIn } from './protocol-questions-chat.ts';
import { type AskedCall, type AskingTool, FORM, said, startAskingServer } from './protocol-questions-server.ts';
import { AGGREGATE, gatewayFor, stageWith } from './protocol-questions-stage.ts';
import { type ScriptedMessage, startScripted, toolsText } from './protocol-scripted.ts';

// What questions and their answers become on their way, round by round, and how long they may take.

const keep = keepForTest();
type Json = Readonly<Record<string, unknown>>;

describe('a page to open', () => {
	const page = { mode: 'url', url: 'https://login.example/?a=1', elicitationId: 'e-77', message: 'Sign in first' };
	let opened = false;
	afterEach(() => {
		opened = false;
	});
	const signIn: AskingTool = () => {
		const error = { code: -32042, message: 'sign in', data: { elicitations: [page] } };
		const first = !opened;
		opened = true;
		return first ? { error } : said('signed in');
	};

	it('in a legacy error becomes a question for a modern caller, and the retry makes the call anew', async () => {
		const stage = await stageWith(keep, { signIn });
		const caller = stage.modern();
		const asked = await caller.call('signIn', { a: 1 });
		expect(asked.json.result).toEqual({
			resultType: 'input_required',
			inputRequests: {
				page1: { method: 'elicitation/create', params: { mode: 'url', url: page.url, message: page.message } },
			},
			requestState: expect.any(String),
		});
		const { requestState } = answersTo(asked, 'ada');
		const done = await caller.call(
			'signIn',
			{ a: 1 },
			{ requestState, inputResponses: { page1: { action: 'accept' } } },
		);
		expect(done.text).toContain('signed in');
		expect(stage.server.called).toEqual(['signIn', 'signIn']);
	});

	it('is no use to a caller that opens none', async () => {
		const stage = await stageWith(keep, { signIn });
		expect(endOf((await stage.modern({ elicitation: { form: {} } }).call('signIn')).json)).toBe(
			'PC_CLIENT_FEATURE_UNSUPPORTED',
		);
	});

	it('reaches a legacy caller in the error as it is', async () => {
		const stage = await stageWith(keep, { signIn });
		const chat = await stage.legacy();
		const response = (await chat.session.request('tools/call', { name: 'odd__signIn', arguments: {} })).json;
		expect(response.error).toEqual({ code: -32042, message: 'sign in', data: { elicitations: [page] } });
	});

	it('that a legacy server asks for loses the id that means nothing to a modern caller', async () => {
		const stage = await stageWith(keep, {
			ask: async ({ ask }) => said(JSON.stringify(await ask('elicitation/create', page))),
		});
		const caller = stage.modern();
		const asked = await caller.call('ask');
		const { elicitationId: _id, ...plain } = page;
		expect(Object.values(questionsIn(asked))).toEqual([{ method: 'elicitation/create', params: plain }]);
		expect((await caller.retry(asked, 'ada', 'ask')).text).toContain('accept');
	});

	it('that a modern server asks for gets the id that a legacy caller needs', async () => {
		const { elicitationId: _id, ...plain } = page;
		const inputRequests = { p: { method: 'elicitation/create', params: plain } };
		const asks = JSON.stringify({ resultType: 'input_required', inputRequests, requestState: 's' });
		const server = keep(
			await startScripted('modern', {
				'tools/list': toolsText('{"name":"sign","inputSchema":{"type":"object"}}'),
				'tools/call': ({ params }) =>
					params['requestState'] === 's'
						? `{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(JSON.stringify(params['inputResponses']))}}]}`
						: asks,
			}),
		);
		const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url } });
		const chat = await legacyChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
		const stream = await chat.call('sign');
		const question = await stream.next();
		expect(question.params).toEqual({ ...plain, elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
		await chat.answer(question, { action: 'accept' });
		expect(JSON.stringify(await stream.rest())).toContain(
			'{\\\\\\"p\\\\\\":{\\\\\\"action\\\\\\":\\\\\\"accept\\\\\\"}}'.replaceAll('\\\\\\"', '\\"'),
		);
	});
});

describe('rounds', () => {
	const tools = toolsText('{"name":"rounds","inputSchema":{"type":"object"}}');
	/** A modern server that asks so often, then answers. */
	const rounds = (count: number, questions: boolean) => (message: ScriptedMessage) => {
		const round = Number(message.params['requestState'] ?? 0);
		if (round === count) return '{"resultType":"complete","content":[{"type":"text","text":"at last"}]}';
		const inputRequests = questions ? { q: { method: 'elicitation/create', params: FORM } } : undefined;
		return JSON.stringify({ resultType: 'input_required', inputRequests, requestState: String(round + 1) });
	};
	const gatewayTo = async (call: (message: ScriptedMessage) => string) => {
		const server = keep(await startScripted('modern', { 'tools/list': tools, 'tools/call': call }));
		return gatewayFor(keep, { odd: { transport: 'http', url: server.url } });
	};

	it.each([
		[15, true, 'ok'],
		[16, true, 'ok'],
		[17, true, 'PC_UPSTREAM_INVALID'],
		[1, false, 'ok'],
		[16, false, 'ok'],
		[17, false, 'PC_UPSTREAM_INVALID'],
	])('%s of them, with questions: %s, end a legacy call: %s', async (count, questions, end) => {
		const gateway = await gatewayTo(rounds(count, questions));
		const chat = await legacyChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
		const stream = await chat.call('rounds');
		let asked = 0;
		let message = await stream.next();
		while (message?.method !== undefined) {
			asked++;
			await chat.answer(message, answerOf('ada', message.method));
			message = await stream.next();
		}
		// One answer alone comes as JSON, which this client does not read as a stream.
		if (message !== undefined) expect(endOf(message)).toBe(end);
		expect(asked).toBe(questions ? Math.min(count, 16) : 0);
		const plain = questions
			? undefined
			: await chat.session.request('tools/call', { name: 'rounds', arguments: {} }, 9);
		if (plain !== undefined) expect(endOf(plain.json)).toBe(end);
	});

	it('carry progress to the round it belongs to, and rising under one token for a legacy caller', async () => {
		const call = (message: ScriptedMessage): string => {
			const progress = [1, 2].map((value) => {
				const token = JSON.stringify((message.params['_meta'] as Json)['progressToken']);
				return `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":${value}}}`;
			});
			const result = `{"jsonrpc":"2.0","id":$ID,"result":${rounds(2, true)(message)}}`;
			return `stream:${[...progress, result].join('\n')}`;
		};
		const gateway = await gatewayTo(call);
		const chat = await legacyChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
		const stream = await chat.call('rounds', {}, { meta: { progressToken: 'mine' } });
		const seen: Json[] = [];
		for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
			if (message.method === 'notifications/progress') seen.push(message.params);
			else if (message.method !== undefined) await chat.answer(message, answerOf('ada', message.method));
			else expect(endOf(message)).toBe('ok');
		}
		expect(seen.every(({ progressToken }) => progressToken === 'mine')).toBe(true);
		const values = seen.map(({ progress }) => Number(progress));
		expect(values.every((value, index) => index === 0 || value > values[index - 1]!)).toBe(true);
		expect(values.slice(0, 2)).toEqual([1, 2]);
	});

	it('of a legacy server carry progress to the modern caller of the round', async () => {
		const stage = await stageWith(keep, {
			steps: async ({ progress, ask }: AskedCall) => {
				progress(1);
				await ask('elicitation/create', FORM);
				progress(2);
				progress(3);
				await ask('elicitation/create', FORM);
				progress(4);
				return said('done');
			},
		});
		const caller = stage.modern();
		const progressIn = ({ text }: PlainAnswer) =>
			messagesIn(text).flatMap(({ params }) => (params === undefined ? [] : [[params.progressToken, params.progress]]));
		const first = await caller.call('steps', {}, { _meta: { progressToken: 'one' } });
		expect(progressIn(first)).toEqual([['one', 1]]);
		const second = await caller.call('steps', {}, { ...answersTo(first, 'ada'), _meta: { progressToken: 'two' } });
		expect(progressIn(second)).toEqual([
			['two', 2],
			['two', 3],
		]);
		// Without a token nobody wants any.
		const third = await caller.call('steps', {}, answersTo(second, 'ada'));
		expect([progressIn(third), endOf(third.json)]).toEqual([[], 'ok']);
	});
});

describe('strange questions', () => {
	it.each([
		['no params', undefined],
		['null', null],
		['a list', []],
		['a number', 7],
		['a text', 'text'],
	])('pass or fail, but leave nothing open: params are %s', async (_what, params) => {
		const stage = await stageWith(keep, {
			strange: async ({ ask }) => said(JSON.stringify(await ask('roots/list', params))),
		});
		const caller = stage.modern();
		const asked = await caller.call('strange');
		expect(Object.values(questionsIn(asked))).toEqual([{ method: 'roots/list', params: {} }]);
		expect((await caller.retry(asked, 'ada', 'strange')).text).toContain('/home/ada');
		const chat = await stage.legacy();
		const stream = await chat.call('odd__strange');
		const question = await stream.next();
		expect(question.params).toEqual({});
		await chat.answer(question, answerOf('ada', 'roots/list'));
		expect(JSON.stringify(await stream.rest())).toContain('/home/ada');
	});

	it.each(['[]', '7', 'null', '{"q":7}', '{"q":{}}', '{"q":{"method":7}}', '{}'])(
		'of a modern server end the call: inputRequests are %s',
		async (inputRequests) => {
			const server = keep(
				await startScripted('modern', {
					'tools/list': toolsText('{"name":"odd","inputSchema":{"type":"object"}}'),
					'tools/call': `{"resultType":"input_required","inputRequests":${inputRequests}}`,
				}),
			);
			const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url } });
			const chat = await legacyChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
			const answer = await chat.session.request('tools/call', { name: 'odd', arguments: {} });
			expect(endOf(answer.json)).toMatch(/^PC_(UPSTREAM_INVALID|CLIENT_FEATURE_UNSUPPORTED)$/);
		},
	);

	it('are answered by a ping of its own, whoever is asked', async () => {
		const stage = await stageWith(keep, { ping: async ({ ask }) => said(JSON.stringify(await ask('ping', {}))) });
		expect((await stage.modern().call('ping')).text).toContain('\\"result\\":{}');
		expect((await stage.modern({}).call('ping')).text).toContain('\\"result\\":{}');
	});
});

describe('time', () => {
	let fresh: HttpFixture;
	const limits = { firstByteMs: 600, idleMs: 600, totalMs: 1_000 };
	const THINKS_MS = 1_500;
	beforeEach(async () => {
		fresh = keep(await startModernHttp({ conformance: true }));
	});
	const think = () => new Promise((resolve) => setTimeout(resolve, THINKS_MS));
	const asks: AskingTool = async ({ ask, params, signal }) => {
		const answer = await ask('elicitation/create', FORM);
		const { slow } = (params['arguments'] ?? {}) as { slow?: boolean };
		if (slow) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
		return said(JSON.stringify(answer));
	};

	it.each(['call', 'session'] as const)(
		'does not run while a person thinks: on the stream of the %s',
		async (questions) => {
			const server = keep(await startAskingServer({ asks }, { questions }));
			const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url, limits } });
			const caller = modernChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
			const chat = await legacyChat(gateway.url + AGGREGATE, gateway.tokenFor(['G'], { oid: 'ben' }));
			const [asked, stream] = await Promise.all([caller.call('asks'), chat.call('odd__asks')]);
			expect(endOf(asked.json)).toBe('asks');
			const question = await stream.next();
			await think();
			await chat.answer(question, answerOf('ben', question.method));
			expect(JSON.stringify(await stream.rest())).toContain('ben');
			expect((await caller.retry(asked, 'ada', 'asks')).text).toContain('ada');
		},
	);

	it.each(['call', 'session'] as const)('runs again after the answer: on the stream of the %s', async (questions) => {
		const server = keep(await startAskingServer({ asks }, { questions }));
		const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url, limits } });
		const caller = modernChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
		const asked = await caller.call('asks', { slow: true });
		expect(endOf((await caller.retry(asked, 'ada', 'asks', { slow: true })).json)).toBe('PC_UPSTREAM_TIMEOUT');
		await soon(() => server.cancelled).toEqual(['asks']);
	});

	it('does not run while a person thinks: sse and stdio', async () => {
		const program = stdioServer({ era: 'legacy', conformance: true });
		const gateway = await gatewayFor(keep, {
			child: {
				transport: 'stdio',
				clientFeatures: ['elicitation', 'sampling'],
				...program,
				limits: { ...limits, firstByteMs: 5_000, totalMs: 6_000 },
			},
		});
		const chat = await legacyChat(`${gateway.url}/w/google/s/child/mcp`, gateway.tokenFor(['G']));
		const stream = await chat.call('test_input_required_result_elicitation');
		const question = await stream.next();
		await think();
		await chat.answer(question, answerOf('ada', question.method));
		expect(JSON.stringify(await stream.rest())).toContain('Hello, ada');
	});

	it('runs for each round of a modern server, and not in between', async () => {
		const gateway = await gatewayFor(keep, { fresh: { transport: 'http', url: fresh.url, limits } });
		const chat = await legacyChat(`${gateway.url}/w/google/s/fresh/mcp`, gateway.tokenFor(['G']));
		const stream = await chat.call('test_input_required_result_multi_round');
		const first = await stream.next();
		await think();
		await chat.answer(first, answerOf('ada', first.method));
		const second = await stream.next();
		fresh.setBehaviour({ hostile: { kind: 'delay', delayMs: 3_000, methods: ['tools/call'] } });
		await chat.answer(second, answerOf('ada', second.method));
		expect(endOf((await stream.rest()).at(-1))).toBe('PC_UPSTREAM_TIMEOUT');
		fresh.setBehaviour({ hostile: undefined });
	});
});
