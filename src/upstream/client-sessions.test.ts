import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import { createCancel } from '../lib/cancel.ts';
import type { Call } from '../mcp/call.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import { createClientSessions } from './client-sessions.ts';

const session = (nonce: string) => ({ nonce }) as SessionClaim;
const [CHAT, OTHER] = [session('chat'), session('other')];
const call = (id: string | number) => ({ id, params: {} }) as unknown as Call;
const cancel = (requestId: unknown) => ({ params: { requestId } }) as unknown as Call;
const level = (value: unknown) => ({ params: { level: value } }) as unknown as Call;

describe('a running call', () => {
	it('is cancelled by its own session and its own id alone', () => {
		const clients = createClientSessions();
		const { signal } = clients.begin(CHAT, call(7));
		for (const [from, id] of [
			[OTHER, 7],
			[undefined, 7],
			[CHAT, 8],
			[CHAT, '7'],
			[CHAT, undefined],
			[CHAT, { id: 7 }],
		] as const)
			clients.cancel(from, cancel(id));
		expect(signal?.aborted).toBe(false);
		clients.cancel(CHAT, cancel(7));
		expect(errorCode(signal?.reason)).toBe('PC_CALL_CANCELLED');
	});

	it('ends with the connection of its caller where that carries all answers, and listens no longer than it runs', () => {
		const clients = createClientSessions();
		const gone = createCancel();
		const [running, ended] = [clients.begin(CHAT, call(1), gone.signal), clients.begin(CHAT, call(2), gone.signal)];
		const nameless = clients.begin(undefined, call(3), gone.signal);
		ended.end();
		gone.abort('hung up');
		expect([running.signal?.reason, nameless.signal?.reason]).toEqual(['hung up', 'hung up']);
		expect(ended.signal?.aborted).toBe(false);
		expect(clients.begin(CHAT, call(4), gone.signal).signal?.aborted).toBe(true);
	});

	it('that has ended is nobody’s to cancel, and the next with its id is another', () => {
		const clients = createClientSessions();
		const first = clients.begin(CHAT, call('a'));
		const second = clients.begin(CHAT, call('a'));
		first.end();
		clients.cancel(CHAT, cancel('a'));
		expect([first.signal?.aborted, second.signal?.aborted]).toEqual([false, true]);
		second.end();
		clients.cancel(CHAT, cancel('a'));
		expect(first.signal?.aborted).toBe(false);
	});

	it('without a session is cancelled by nobody', () => {
		const clients = createClientSessions();
		const running = clients.begin(undefined, call(1));
		clients.cancel(undefined, cancel(1));
		expect(running.signal?.aborted ?? false).toBe(false);
		running.end();
	});
});

describe('the log level of a session', () => {
	it('is its own, until it ends', () => {
		const clients = createClientSessions();
		clients.setLogLevel(CHAT, level('warning'));
		expect([clients.logLevel(CHAT), clients.logLevel(OTHER), clients.logLevel(undefined)]).toEqual([
			'warning',
			undefined,
			undefined,
		]);
		clients.setLogLevel(CHAT, level('debug'));
		expect(clients.logLevel(CHAT)).toBe('debug');
		clients.end(CHAT);
		expect(clients.logLevel(CHAT)).toBeUndefined();
	});

	it('is refused when it is none, with or without a session', () => {
		const clients = createClientSessions();
		for (const at of [CHAT, undefined])
			for (const value of ['loud', 7, undefined, null])
				expect(() => clients.setLogLevel(at, level(value))).toThrow(
					expect.objectContaining({ code: 'PC_PARAMS_INVALID' }),
				);
		clients.setLogLevel(undefined, level('info'));
		expect(clients.logLevel(undefined)).toBeUndefined();
	});
});

describe('a question to a session', () => {
	const answer = (id: string, member: string) =>
		({ id: JSON.parse(id), text: `{"jsonrpc":"2.0","id":${id},${member}}` }) as unknown as Call;
	const asked = (clients: ReturnType<typeof createClientSessions>) => {
		let id = '';
		const open = clients.ask(CHAT, (text) => {
			id = text;
		});
		return { id, ...open };
	};

	it('is answered by its own session and its own id alone, once', async () => {
		const clients = createClientSessions();
		const { id, reply } = asked(clients);
		expect(id).toMatch(/^"portcullis-[0-9a-f-]{36}"$/);
		for (const from of [OTHER, undefined]) clients.answer(from, answer(id, '"result":{"by":"thief"}'));
		clients.answer(CHAT, answer('"portcullis-1"', '"result":{"by":"guess"}'));
		clients.answer(CHAT, answer(id, '"params":{}'));
		clients.answer(CHAT, answer(id, '"result":{"n":1.0}'));
		clients.answer(CHAT, answer(id, '"result":{"n":2}'));
		expect(await reply).toEqual({ member: 'result', value: '{"n":1.0}' });
	});

	it('may be answered with an error', async () => {
		const clients = createClientSessions();
		const { id, reply } = asked(clients);
		clients.answer(CHAT, answer(id, '"error":{"code":-1,"message":"no"}'));
		expect(await reply).toEqual({ member: 'error', value: '{"code":-1,"message":"no"}' });
	});

	it('ends with the session, and none is sent afterwards', async () => {
		const clients = createClientSessions();
		const [mine, others] = [asked(clients), clients.ask(OTHER, () => undefined)];
		const codes = [mine.reply, others.reply].map((reply) => reply.catch(errorCode));
		clients.end(CHAT);
		expect(await codes[0]).toBe('PC_SESSION_UNKNOWN');
		const late = asked(clients);
		expect([await late.reply.catch(errorCode), late.id]).toEqual(['PC_SESSION_UNKNOWN', '']);
		clients.end(OTHER);
		expect(await codes[1]).toBe('PC_SESSION_UNKNOWN');
	});
});
