import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { legacy, post } from '../fakes/gateway.ts';
import { readStdioLog, startLegacyHttp, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { keepForTest, openStream, soon } from './protocol-clients.ts';
import { ALL_FEATURES, answerOf, endOf, legacyChat, modernChat, questionsIn } from './protocol-questions-chat.ts';
import { type AskingTool, FORM, said, startAskingServer } from './protocol-questions-server.ts';
import { AGGREGATE, gatewayFor, stageWith } from './protocol-questions-stage.ts';
import { startScripted, toolsText } from './protocol-scripted.ts';

// Who may be asked what: nothing that a caller did not declare, nothing that the configuration forbids.

const keep = keepForTest();
type Json = Readonly<Record<string, unknown>>;

const ASK: AskingTool = async ({ ask }) => said(JSON.stringify(await ask('elicitation/create', FORM)));
const SAMPLE = { messages: [{ role: 'user', content: { type: 'text', text: 'Well?' } }], maxTokens: 5 };
const QUESTIONS: readonly (readonly [string, unknown])[] = [
	['elicitation/create', FORM],
	['sampling/createMessage', SAMPLE],
	['roots/list', {}],
];
const refusedEach: AskingTool = async ({ ask }) => {
	const answers = await Promise.all(QUESTIONS.map(([method, params]) => ask(method, params)));
	return said(answers.map((answer) => JSON.stringify(answer['error'] ?? 'ANSWERED')).join(' '));
};

describe('a careless server', () => {
	const FEATURES = ['elicitation', 'sampling', 'roots'] as const;

	it.each(FEATURES)('asks a modern caller that declared only %s nothing else', async (feature) => {
		const stage = await stageWith(keep, { careless: refusedEach });
		const caller = stage.modern({ [feature]: {} });
		const asked = await caller.call('careless');
		expect(Object.values(questionsIn(asked)).map(({ method }) => method.split('/')[0])).toEqual([feature]);
		const done = await caller.retry(asked, 'ada', 'careless');
		expect(done.text.match(/-32601/g)).toHaveLength(2);
		expect(done.text).toContain('ANSWERED');
		expect(stage.server.sessions.map((each) => Object.keys(each))).toContainEqual([feature]);
	});

	it.each(FEATURES)('asks a legacy caller that declared only %s nothing else', async (feature) => {
		const stage = await stageWith(keep, { careless: refusedEach });
		const chat = await stage.legacy({ [feature]: {} });
		const stream = await chat.call('odd__careless');
		const question = await stream.next();
		expect(question.method.split('/')[0]).toBe(feature);
		await chat.answer(question, answerOf('ada', question.method));
		const rest = await stream.rest();
		expect(rest).toHaveLength(1);
		expect(JSON.stringify(rest[0]).match(/-32601/g)).toHaveLength(2);
	});

	it('is refused at once where the caller declared nothing, and sees no capabilities', async () => {
		const stage = await stageWith(keep, { careless: refusedEach });
		const modern = await stage.modern({}).call('careless');
		expect(modern.text.match(/-32601/g)).toHaveLength(3);
		const chat = await stage.legacy({});
		const answer = await chat.session.request('tools/call', { name: 'odd__careless', arguments: {} });
		expect(answer.text.match(/-32601/g)).toHaveLength(3);
		expect(answer.text).not.toContain('elicitation/create');
		expect(stage.server.sessions).toEqual(stage.server.sessions.map(() => ({})));
	});

	it('asks nobody for what it may not use by the configuration', async () => {
		const stage = await stageWith(keep, { careless: refusedEach }, { clientFeatures: [] });
		const answer = await stage.modern().call('careless');
		expect(answer.text.match(/-32601/g)).toHaveLength(3);
		expect(stage.server.sessions).toEqual(stage.server.sessions.map(() => ({})));
	});

	it('asks for pages only those who open pages, and for forms only those who fill them in', async () => {
		const page = { mode: 'url', url: 'https://login.example/', elicitationId: 'e1', message: 'Sign in' };
		const both: AskingTool = async ({ ask }) => {
			const answers = await Promise.all([ask('elicitation/create', page), ask('elicitation/create', FORM)]);
			return said(answers.map((answer) => (answer['error'] === undefined ? 'ANSWERED' : 'refused')).join(' '));
		};
		const stage = await stageWith(keep, { both });
		for (const [declared, text] of [
			[{ form: {} }, 'refused ANSWERED'],
			[{}, 'refused ANSWERED'],
			[{ url: {} }, 'ANSWERED refused'],
			[{ form: {}, url: {} }, 'ANSWERED ANSWERED'],
		] as const) {
			const caller = stage.modern({ elicitation: declared });
			const asked = await caller.call('both');
			expect((await caller.retry(asked, 'ada', 'both')).text, JSON.stringify(declared)).toContain(`"${text}"`);
		}
	});

	it('asks in a later round only what the retry declares too', async () => {
		const twice: AskingTool = async ({ ask }) => {
			const first = await ask('elicitation/create', FORM);
			const second = await ask('sampling/createMessage', SAMPLE);
			return said([first, second].map((answer) => JSON.stringify(answer['error'] ?? 'ANSWERED')).join(' '));
		};
		const stage = await stageWith(keep, { twice });
		const asked = await stage.modern().call('twice');
		expect(endOf(asked.json)).toBe('asks');
		const done = await stage.modern({ elicitation: {} }).retry(asked, 'ada', 'twice');
		expect(done.text).toMatch(/ANSWERED.*-32601/);
	});

	it('on a stream that calls share never asks in the name of another call', async () => {
		let running = 0;
		const wait: AskingTool = async ({ ask, params }) => {
			running++;
			await soon(() => running).toBe(2);
			const { n } = params['arguments'] as { n: number };
			return said(JSON.stringify(await ask('elicitation/create', { ...FORM, message: `question-of-${n}` })));
		};
		const server = keep(await startAskingServer({ wait }, { questions: 'session' }));
		const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url } });
		const caller = modernChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
		const both = await Promise.all([1, 2].map((n) => caller.call('wait', { n })));
		const ends = both.map(({ text }, index) => (text.includes(`question-of-${index + 1}`) ? 'asks' : 'refused'));
		// Of two calls that wait, neither can be meant for certain; the one that is left can.
		expect(ends).toContain('refused');
		for (const { text } of both) expect(text).toMatch(/-32601|question-of/);
		expect(both[0]!.text).not.toContain('question-of-2');
		expect(both[1]!.text).not.toContain('question-of-1');
	});

	it('of the modern era, over stdio, cannot ask what the caller did not declare either', async () => {
		const server = {
			transport: 'stdio',
			clientFeatures: ['elicitation'],
			...stdioServer({ era: 'modern', conformance: true }),
		};
		const gateway = await gatewayFor(keep, { odd: server });
		const caller = modernChat(`${gateway.url}/w/google/s/odd/mcp`, gateway.tokenFor(['G']));
		expect(endOf((await caller.call('test_input_required_result_list_roots')).json)).toMatch(
			/-32021|PC_CLIENT_FEATURE/,
		);
	});

	it('of the modern era whose question the caller did not declare gets it nowhere', async () => {
		const roots = '{"resultType":"input_required","inputRequests":{"r":{"method":"roots/list","params":{}}}}';
		const server = keep(
			await startScripted('modern', {
				'tools/list': toolsText('{"name":"roots","inputSchema":{"type":"object"}}'),
				'tools/call': roots,
			}),
		);
		const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url } });
		const token = gateway.tokenFor(['G']);
		const modern = modernChat(gateway.url + AGGREGATE, token, { elicitation: {} });
		expect(endOf((await modern.call('odd__roots')).json)).toBe('PC_CLIENT_FEATURE_UNSUPPORTED');
		const chat = await legacyChat(gateway.url + AGGREGATE, token, { elicitation: {} });
		const answer = await chat.session.request('tools/call', { name: 'odd__roots', arguments: {} });
		expect(answer.json.error.data.code).toBe('PC_CLIENT_FEATURE_UNSUPPORTED');
		expect(answer.text).not.toContain('roots/list');
	});
});

describe('an http server that may ask nothing', () => {
	it.each(['legacy', 'modern'] as const)('asks nobody, a caller of its own era (%s) neither', async (era) => {
		const upstream = keep(await (era === 'legacy' ? startLegacyHttp({}) : startModernHttp({})));
		const odd = { transport: 'http', url: upstream.url, clientFeatures: [] };
		const gateway = await gatewayFor(keep, { odd });
		const token = gateway.tokenFor(['G']);
		const address = `${gateway.url}/w/google/s/odd/mcp`;
		if (era === 'modern') {
			const asked = await modernChat(address, token).call('ask', { question: 'Who?' });
			expect(endOf(asked.json)).not.toBe('asks');
		} else {
			const chat = await legacyChat(address, token);
			const stream = await chat.call('elicit', { message: 'Who?' });
			expect(JSON.stringify(await stream.rest())).not.toContain('elicitation/create');
		}
		const declared = upstream.seen.filter(({ text }) => text.includes('apabilities":')).map(({ text }) => text);
		expect(declared.length).toBeGreaterThan(0);
		for (const text of declared) expect(text).toContain('apabilities":{}');
	});
});

describe('a stdio server', () => {
	it('is not told of any feature unless the configuration says so', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'portcullis-rules-'));
		const logPath = join(folder, 'log.jsonl');
		const gateway = await gatewayFor(keep, {
			child: { transport: 'stdio', ...stdioServer({ era: 'legacy', logPath }) },
		});
		const caller = modernChat(`${gateway.url}/w/google/s/child/mcp`, gateway.tokenFor(['G']));
		expect((await caller.call('elicit', { message: 'Who?' })).text).toContain('-32601');
		const declared = readStdioLog(logPath)
			.filter(({ method }) => method === 'initialize')
			.map(({ body }) => (body as { params: { capabilities: object } }).params.capabilities);
		expect(declared).toEqual([{}]);
		rmSync(folder, { recursive: true, force: true });
	});

	it('is told of those that the configuration names', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'portcullis-rules-'));
		const logPath = join(folder, 'log.jsonl');
		const program = { clientFeatures: ['elicitation', 'sampling'], ...stdioServer({ era: 'legacy', logPath }) };
		const gateway = await gatewayFor(keep, { child: { transport: 'stdio', ...program } });
		const caller = modernChat(`${gateway.url}/w/google/s/child/mcp`, gateway.tokenFor(['G']));
		const args = { message: 'Who?', rootsFirst: true };
		const asked = await caller.call('elicit', args);
		expect(Object.values(questionsIn(asked)).map(({ method }) => method)).toEqual(['elicitation/create']);
		expect((await caller.retry(asked, 'ada', 'elicit', args)).text).toContain('-32601');
		const declared = readStdioLog(logPath)
			.filter(({ method }) => method === 'initialize')
			.map(({ body }) => Object.keys((body as { params: { capabilities: object } }).params.capabilities).sort());
		expect(declared).toContainEqual(['elicitation', 'sampling']);
		expect(declared.flat()).not.toContain('roots');
		rmSync(folder, { recursive: true, force: true });
	});
});

describe('a legacy caller that cannot be asked', () => {
	const accept = (value: string) => ({ accept: value, 'content-type': 'application/json' });

	it.each([
		['has no session', false, 'application/json, text/event-stream'],
		['takes no event stream', true, 'application/json'],
	])('gets an answer all the same when it %s', async (_why, withSession, accepted) => {
		const stage = await stageWith(keep, { careless: refusedEach });
		const chat = await stage.legacy();
		const headers = withSession
			? { ...chat.session.headers, ...accept(accepted) }
			: { authorization: chat.session.headers['authorization'] as string, 'mcp-protocol-version': '2025-11-25' };
		const answer = await post(stage.gateway.url + AGGREGATE, legacy('tools/call', { name: 'odd__careless' }), headers);
		expect(answer.text.match(/-32601/g)).toHaveLength(3);
	});

	it.each(['application/json, text/event-stream', 'application/json'])('of a modern server: %s', async (accepted) => {
		const fresh = keep(await startModernHttp({ conformance: true }));
		const gateway = await gatewayFor(keep, { fresh: { transport: 'http', url: fresh.url } });
		const chat = await legacyChat(`${gateway.url}/w/google/s/fresh/mcp`, gateway.tokenFor(['G']));
		const { 'mcp-session-id': _id, ...without } = chat.session.headers;
		const headers = accepted === 'application/json' ? { ...chat.session.headers, accept: accepted } : without;
		const call = legacy('tools/call', { name: 'test_input_required_result_elicitation', arguments: {} });
		const answer = await post(`${gateway.url}/w/google/s/fresh/mcp`, call, headers);
		expect(endOf(answer.json)).toBe('PC_CLIENT_FEATURE_UNSUPPORTED');
	});
});

describe('an error for an answer', () => {
	const error = { error: { code: -32042042, message: 'no, thanks' } };

	it('reaches a legacy server as it is', async () => {
		const stage = await stageWith(keep, { ask: ASK });
		const chat = await stage.legacy();
		const stream = await chat.call('odd__ask');
		await chat.answer(await stream.next(), error);
		const [response] = await stream.rest();
		const answer = JSON.parse(response.result.content[0].text) as Json;
		expect(answer['error']).toEqual(error.error);
	});

	it.each([
		['elicitation', 'elicitation', /No name: cancel/],
		['sampling', 'sampling', /PC_QUESTION_UNANSWERED/],
		['roots', 'list_roots', /PC_QUESTION_UNANSWERED/],
		['one of several', 'multiple_inputs', /PC_QUESTION_UNANSWERED/],
	])('becomes what a modern server understands: %s', async (_feature, tool, expected) => {
		const fresh = keep(await startModernHttp({ conformance: true }));
		const gateway = await gatewayFor(keep, { fresh: { transport: 'http', url: fresh.url } });
		const chat = await legacyChat(`${gateway.url}/w/google/s/fresh/mcp`, gateway.tokenFor(['G']));
		const stream = await chat.call(`test_input_required_result_${tool}`);
		let message = await stream.next();
		while (message.method?.startsWith('elicitation') && tool === 'multiple_inputs') message = await stream.next();
		await chat.answer(message, error);
		const rest = await stream.rest();
		expect(JSON.stringify(rest.at(-1))).toMatch(expected);
	});
});

describe('lists', () => {
	it('are those of the caller’s capabilities, and what they show can be called', async () => {
		const server = keep(
			await startAskingServer(
				{ plain: () => said('plain'), ask: ASK },
				{ shows: ({ elicitation }) => (elicitation === undefined ? ['plain'] : ['plain', 'ask']) },
			),
		);
		const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url } });
		const token = gateway.tokenFor(['G']);
		for (const [capabilities, shown] of [
			[{}, ['odd__plain']],
			[{ sampling: {} }, ['odd__plain']],
			[{ elicitation: {} }, ['odd__plain', 'odd__ask']],
			[ALL_FEATURES, ['odd__plain', 'odd__ask']],
		] as const) {
			const chat = await legacyChat(gateway.url + AGGREGATE, token, capabilities);
			const listed = (await chat.session.request('tools/list')).json.result.tools.map(
				({ name }: { name: string }) => name,
			);
			expect(listed.sort(), JSON.stringify(capabilities)).toEqual([...shown].sort());
			const hidden = await chat.session.request('tools/call', { name: 'odd__plain', arguments: {} });
			expect(endOf(hidden.json)).toBe('ok');
			const stream = await openStream(
				gateway.url + AGGREGATE,
				chat.session.headers,
				legacy('tools/call', { name: 'odd__ask', arguments: {} }, 5),
			);
			const question = await stream.next();
			expect(question?.method === 'elicitation/create').toBe((shown as readonly string[]).includes('odd__ask'));
			await stream.close();
		}
	});
});
