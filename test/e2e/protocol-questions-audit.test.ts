import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditLine } from '../fakes/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../fakes/tenancy-process.ts';
import { type LegacySseFixture, startLegacySse, startModernHttp, stdioServer } from '../fakes/upstream.ts';
import { soon } from './protocol-clients.ts';
import { answersTo, endOf, legacyChat, modernChat } from './protocol-questions-chat.ts';

// What the audit and the log of a gateway that runs as it is meant to say of questions: that there was a call.

const MARK = 'PRIVATE-7f3a';
const ARGS = { message: `${MARK}-argument` };
let gateway: GatewayProcess;
let sse: LegacySseFixture;
let fresh: Awaited<ReturnType<typeof startModernHttp>>;
let token: string;

beforeAll(async () => {
	sse = await startLegacySse();
	fresh = await startModernHttp({ conformance: true });
	const servers = {
		sse: { transport: 'sse', url: sse.url },
		brief: { transport: 'sse', url: sse.url, limits: { questionMs: 300 } },
		child: { transport: 'stdio', clientFeatures: ['elicitation', 'sampling'], ...stdioServer({ era: 'legacy' }) },
		fresh: { transport: 'http', url: fresh.url },
	};
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	gateway = await startGatewayProcess(
		{ workspaces: { google: { servers } }, grants },
		{ PATH: process.env['PATH'] ?? '' },
	);
	token = gateway.directory.token({ groups: ['G'] });
});
afterAll(async () => {
	await gateway.close();
	await Promise.all([sse.close(), fresh.close()]);
});

const at = (slug: string): string => `${gateway.url}/w/google/s/${slug}/mcp`;
const ANSWER = { action: 'accept', content: { name: `${MARK}-answer` } };
const linesOf = (tool: string, server: string): AuditLine[] => {
	const lines = gateway.spooled().split('\n');
	const all = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AuditLine);
	return all.filter((line) => line['tool'] === tool && line['server'] === server);
};
const kindsOf = (tool: string, server: string): unknown[] =>
	linesOf(tool, server).map(({ kind, outcome }) => outcome ?? kind);

describe('the audit of a call in which a server asks', () => {
	it.each(['sse', 'child'])('has intent and outcome of each round of a modern caller: %s', async (slug) => {
		const caller = modernChat(at(slug), token);
		const asked = await caller.call('elicit', ARGS);
		await soon(() => kindsOf('elicit', slug)).toEqual(['intent', 'ok']);
		const { requestState, inputResponses } = answersTo(asked, `${MARK}-answer`);
		const done = await caller.call('elicit', ARGS, { requestState, inputResponses });
		expect(done.text).toContain(`${MARK}-answer`);
		await soon(() => kindsOf('elicit', slug)).toEqual(['intent', 'ok', 'intent', 'ok']);
		expect(new Set(linesOf('elicit', slug).map(({ request }) => request)).size).toBe(2);
	});

	it('has one intent and one outcome for a legacy caller, however many questions', async () => {
		const chat = await legacyChat(at('fresh'), token);
		const stream = await chat.call('test_input_required_result_multi_round');
		for (const content of [{ name: `${MARK}-answer` }, { color: `${MARK}-answer` }]) {
			await chat.answer(await stream.next(), { action: 'accept', content });
		}
		expect(JSON.stringify(await stream.rest())).toContain(`${MARK}-answer likes`);
		await soon(() => kindsOf('test_input_required_result_multi_round', 'fresh')).toEqual(['intent', 'ok']);
	});

	it('says why, when nobody answered', async () => {
		const chat = await legacyChat(at('brief'), token);
		const stream = await chat.call('elicit', ARGS);
		expect(endOf((await stream.rest()).at(-1))).toBe('PC_QUESTION_UNANSWERED');
		await soon(() => linesOf('elicit', 'brief')).toHaveLength(2);
		expect(JSON.stringify(linesOf('elicit', 'brief')[1])).toContain('PC_QUESTION_UNANSWERED');
	});

	it('says why, when a state was not good for the call', async () => {
		const caller = modernChat(at('sse'), token);
		const before = linesOf('elicit', 'sse').length;
		const refused = await caller.call('elicit', ARGS, {
			requestState: `${MARK}-state`,
			inputResponses: { q1: ANSWER },
		});
		expect(endOf(refused.json)).toBe('PC_REQUEST_STATE_INVALID');
		await soon(() => linesOf('elicit', 'sse').slice(before)).toHaveLength(2);
		expect(JSON.stringify(linesOf('elicit', 'sse').at(-1))).toContain('PC_REQUEST_STATE_INVALID');
	});

	it('holds no argument, question or answer, and neither does the log, nor anything else that is stored', async () => {
		const spooled = gateway.spooled().split('\n');
		expect(await gateway.stop()).toBe(0);
		const audit = await gateway.audit();
		expect(audit.split('\n')).toEqual(expect.arrayContaining(spooled));
		for (const text of [audit, gateway.output(), await gateway.stored()]) {
			expect(text).not.toContain(MARK);
			expect(text).not.toContain('What is your name');
			expect(text).not.toContain('requestedSchema');
		}
	});
});
