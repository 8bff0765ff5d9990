import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacySseFixture, readStdioLog, startLegacySse, stdioServer } from '../fakes/upstream.ts';
import { type Cable, layCable, metric, until } from './failure-calls.ts';
import { keepForFile, soon } from './protocol-clients.ts';
import { answerOf, answersTo, endOf, legacyChat, modernChat, questionsIn } from './protocol-questions-chat.ts';
import { type AskingServer, FORM, said, startAskingServer } from './protocol-questions-server.ts';

// How a call ends in the middle of a question, and that nothing of it stays behind.

const keep = keepForFile();
const IDLE_MS = 1_000;
const GRANTS = [{ group: 'G', workspace: 'google', access: 'write' }];

let gateway: TestGateway;
let asking: AskingServer;
let sse: LegacySseFixture;
let cable: Cable;
let logPath: string;

/** A server that asks, under a name; what it says of calls that were cancelled. */
interface Place {
	readonly slug: string;
	cancelled(): number;
}

const PLACES: readonly Place[] = [
	{ slug: 'asking', cancelled: () => asking.cancelled.length },
	{ slug: 'sse', cancelled: () => sse.cancelled.length },
	{ slug: 'child', cancelled: () => readStdioLog(logPath).filter(({ event }) => event === 'cancelled').length },
];

const TOOLS = {
	elicit: async ({ ask }: { ask(method: string, params: unknown): Promise<unknown> }) =>
		said(JSON.stringify(await ask('elicitation/create', FORM))),
};

beforeAll(async () => {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-ends-'));
	keep({ close: async () => rmSync(folder, { recursive: true, force: true }) });
	logPath = join(folder, 'child.jsonl');
	asking = keep(await startAskingServer(TOOLS));
	sse = keep(await startLegacySse());
	cable = keep(await layCable(sse.url));
	const entries = {
		asking: { transport: 'http', url: asking.url },
		sse: { transport: 'sse', url: cable.url },
		child: {
			transport: 'stdio',
			clientFeatures: ['elicitation', 'sampling'],
			...stdioServer({ era: 'legacy', logPath }),
		},
	};
	const limits = { childIdleMs: IDLE_MS };
	const withLimits = (more: object) =>
		Object.entries(entries).map(([slug, entry]) => [slug, { ...entry, limits: { ...limits, ...more } }] as const);
	const brief = withLimits({ questionMs: 400 }).map(([slug, entry]) => [`brief-${slug}`, entry] as const);
	const servers = Object.fromEntries([...withLimits({}), ...brief]);
	gateway = keep(await startGateway({ workspaces: { google: { servers } }, grants: GRANTS }));
});

const tokenOf = (name: string): string => gateway.tokenFor(['G'], { oid: name });
/** The address where the gateway holds the session, whatever the era: the workspace's. */
const AGGREGATE = '/w/google/mcp';
const legacyAt = (name: string) => legacyChat(gateway.url + AGGREGATE, tokenOf(name));
const modernAt = (slug: string, name: string) => modernChat(`${gateway.url}/w/google/s/${slug}/mcp`, tokenOf(name));
const MESSAGE = { message: 'Who are you?' };

async function nothingLeft(): Promise<void> {
	await until(async () => (await metric(gateway, 'portcullis_upstream_sessions')) === 0, 20_000);
}

describe.each(PLACES)('a question of $slug', ({ slug, cancelled }) => {
	it('that a legacy caller cancels its call over ends at the server', async () => {
		const before = cancelled();
		const chat = await legacyAt(`cancels-${slug}`);
		const stream = await chat.call(`${slug}__elicit`, MESSAGE, { id: 41 });
		expect((await stream.next()).method).toBe('elicitation/create');
		await chat.session.notify('notifications/cancelled', { requestId: 41 });
		expect(endOf((await stream.rest()).at(-1))).toBe('PC_CALL_CANCELLED');
		await soon(cancelled).toBe(before + 1);
	});

	it('whose legacy caller is gone ends at the server', async () => {
		const before = cancelled();
		const chat = await legacyAt(`goes-${slug}`);
		const stream = await chat.call(`${slug}__elicit`, MESSAGE);
		expect((await stream.next()).method).toBe('elicitation/create');
		await stream.close();
		await soon(cancelled).toBe(before + 1);
	});

	it('ends with the session of the caller', async () => {
		const before = cancelled();
		const chat = await legacyAt(`ends-${slug}`);
		const stream = await chat.call(`${slug}__elicit`, MESSAGE);
		const question = await stream.next();
		expect((await chat.end()).status).toBe(200);
		expect(endOf((await stream.rest()).at(-1))).toBe('PC_SESSION_UNKNOWN');
		expect((await chat.answer(question, answerOf('ada', question.method))).status).toBe(404);
		await soon(cancelled).toBe(before + 1);
	});

	it('that a legacy caller does not answer in time is cancelled', async () => {
		const before = cancelled();
		const chat = await legacyAt(`waits-${slug}`);
		const stream = await chat.call(`brief-${slug}__elicit`, MESSAGE);
		const question = await stream.next();
		expect(endOf((await stream.rest()).at(-1))).toBe('PC_QUESTION_UNANSWERED');
		expect((await chat.answer(question, answerOf('ada', question.method))).status).toBe(202);
		await soon(cancelled).toBe(before + 1);
	});

	it('that a modern caller does not answer in time is cancelled, and its state is invalid', async () => {
		const before = cancelled();
		const person = modernAt(`brief-${slug}`, `waits-${slug}`);
		const asked = await person.call('elicit', MESSAGE);
		expect(endOf(asked.json)).toBe('asks');
		await soon(cancelled).toBe(before + 1);
		const late = await person.retry(asked, 'ada', 'elicit', MESSAGE);
		expect([late.status, late.json.error.code, late.json.error.data]).toEqual([
			200,
			-32602,
			expect.objectContaining({ reason: 'invalid_request_state', code: 'PC_REQUEST_STATE_INVALID' }),
		]);
	});

	it('is answered once: its state is invalid the second time', async () => {
		const person = modernAt(slug, `twice-${slug}`);
		const asked = await person.call('elicit', MESSAGE);
		const both = await Promise.all([1, 2].map(() => person.retry(asked, 'ada', 'elicit', MESSAGE)));
		const ends = both.map(({ json }) => endOf(json)).sort();
		expect(ends).toEqual(['PC_REQUEST_STATE_INVALID', 'ok']);
		expect(endOf((await person.retry(asked, 'ada', 'elicit', MESSAGE)).json)).toBe('PC_REQUEST_STATE_INVALID');
	});

	it('is asked again when the retry answers nothing, or something else', async () => {
		const person = modernAt(slug, `silent-${slug}`);
		let asked = await person.call('elicit', MESSAGE);
		for (const inputResponses of [undefined, {}, { other: answerOf('ada', 'roots/list') }, 'text', [1], null, 7]) {
			const { requestState } = answersTo(asked, 'ada');
			asked = await person.call('elicit', MESSAGE, {
				requestState,
				...(inputResponses !== undefined && { inputResponses }),
			});
			expect(endOf(asked.json), JSON.stringify(inputResponses)).toBe('asks');
			expect(Object.values(questionsIn(asked))).toHaveLength(1);
		}
		const done = await person.retry(asked, 'ada', 'elicit', MESSAGE);
		expect(done.text).toContain('ada');
	});
});

describe('a call without an open question', () => {
	it('goes on when its legacy caller has lost the stream', async () => {
		let finish: (() => void) | undefined;
		const finished: boolean[] = [];
		const server = keep(
			await startAskingServer({
				work: async ({ progress, signal }) => {
					progress(1);
					await new Promise<void>((resolve) => {
						finish = resolve;
					});
					finished.push(!signal.aborted);
					return said('done');
				},
			}),
		);
		const servers = { work: { transport: 'http', url: server.url } };
		const other = keep(await startGateway({ workspaces: { google: { servers } }, grants: GRANTS }));
		const token = other.tokenFor(['G'], { oid: 'lost' });
		const chat = await legacyChat(other.url + AGGREGATE, token);
		const stream = await chat.call('work__work', {}, { meta: { progressToken: 't' } });
		expect((await stream.next()).method).toBe('notifications/progress');
		await stream.close();
		await pause(200);
		expect(server.cancelled).toEqual([]);
		finish?.();
		await soon(() => finished).toEqual([true]);
		await soon(() => other.audit().at(-1)?.['kind']).toBe('outcome');
	});
});

describe('a modern caller that hangs up', () => {
	it('during the retry has cancelled the call', async () => {
		let working = 0;
		const server = keep(
			await startAskingServer({
				slow: async ({ ask, signal }) => {
					await ask('elicitation/create', FORM);
					working++;
					await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
					return said('too late');
				},
			}),
		);
		const servers = { slow: { transport: 'http', url: server.url, limits: { childIdleMs: 300 } } };
		const other = keep(await startGateway({ workspaces: { google: { servers } }, grants: GRANTS }));
		const person = modernChat(`${other.url}/w/google/s/slow/mcp`, other.tokenFor(['G']));
		const asked = await person.call('slow');
		const hangUp = new AbortController();
		const left = person.leave('slow', {}, answersTo(asked, 'ada'), hangUp.signal);
		await soon(() => working).toBe(1);
		hangUp.abort();
		await left;
		await soon(() => server.cancelled).toEqual(['slow']);
		await until(async () => (await metric(other, 'portcullis_upstream_sessions')) === 0);
	});
});

describe('a gateway that closes', () => {
	it('cancels the calls that wait for a retry', async () => {
		const server = keep(await startAskingServer(TOOLS));
		const folder = mkdtempSync(join(tmpdir(), 'portcullis-ends-'));
		const path = join(folder, 'child.jsonl');
		const servers = {
			asking: { transport: 'http', url: server.url },
			child: {
				transport: 'stdio',
				clientFeatures: ['elicitation', 'sampling'],
				...stdioServer({ era: 'legacy', logPath: path, ignoreSigterm: true }),
			},
		};
		const other = await startGateway({ workspaces: { google: { servers } }, grants: GRANTS });
		for (const slug of ['asking', 'child']) {
			const person = modernChat(`${other.url}/w/google/s/${slug}/mcp`, other.tokenFor(['G']));
			expect(endOf((await person.call('elicit', MESSAGE)).json)).toBe('asks');
		}
		await other.close();
		await soon(() => server.cancelled).toEqual(['elicit']);
		expect(server.open).toBe(0);
		expect(readStdioLog(path).filter(({ method }) => method === 'notifications/cancelled')).toHaveLength(1);
		rmSync(folder, { recursive: true, force: true });
	});
});

describe('a call that waits for a retry', () => {
	it.each(['asking', 'child'])('is cancelled when the configuration changes its server: %s', async (slug) => {
		const server = keep(await startAskingServer(TOOLS));
		const folder = mkdtempSync(join(tmpdir(), 'portcullis-ends-'));
		const path = join(folder, 'child.jsonl');
		const servers = (more: object) => ({
			asking: { transport: 'http', url: server.url, ...more },
			child: {
				transport: 'stdio',
				clientFeatures: ['elicitation', 'sampling'],
				...stdioServer({ era: 'legacy', logPath: path }),
				...more,
			},
		});
		const config = (more: object) => ({ workspaces: { google: { servers: servers(more) } }, grants: GRANTS });
		const other = keep(await startGateway(config({})));
		const person = modernChat(`${other.url}/w/google/s/${slug}/mcp`, other.tokenFor(['G']));
		const asked = await person.call('elicit', MESSAGE);
		expect(endOf(asked.json)).toBe('asks');
		await other.reconfigure(config({ limits: { totalMs: 77_000 } }));
		expect(endOf((await person.retry(asked, 'ada', 'elicit', MESSAGE)).json)).toBe('PC_REQUEST_STATE_INVALID');
		const told = () => readStdioLog(path).filter(({ event }) => event === 'cancelled').length;
		await soon(() => (slug === 'asking' ? server.cancelled.length : told())).toBe(1);
		rmSync(folder, { recursive: true, force: true });
	});
});

describe('a server that is lost while its question is open', () => {
	const kill = async (slug: string): Promise<void> => {
		if (slug === 'asking') asking.cut();
		if (slug === 'child') for (const { pid } of readStdioLog(logPath)) if (pid !== undefined) tryKill(pid);
		if (slug !== 'sse') return;
		await cable.cut();
		await cable.restore();
	};
	function tryKill(pid: number): void {
		try {
			process.kill(pid, 'SIGKILL');
		} catch {}
	}
	const LOST = /^PC_UPSTREAM_(CRASHED|FAILED|SESSION_LOST)$/;

	it.each(['asking', 'sse', 'child'])(
		'ends the call of a legacy caller with an error, and works again: %s',
		async (slug) => {
			const chat = await legacyAt(`crash-${slug}`);
			const stream = await chat.call(`${slug}__elicit`, MESSAGE);
			expect((await stream.next()).method).toBe('elicitation/create');
			const began = Date.now();
			await kill(slug);
			expect(endOf((await stream.rest()).at(-1))).toMatch(LOST);
			expect(Date.now() - began).toBeLessThan(5_000);
			await pause(1_200);
			const again = await chat.call(`${slug}__elicit`, MESSAGE, { id: 2 });
			const question = await again.next();
			await chat.answer(question, answerOf('ada', question.method));
			expect(endOf((await again.rest()).at(-1))).toBe('ok');
		},
	);

	it.each(['asking', 'sse', 'child'])(
		'ends the retry of a modern caller with an error, and works again: %s',
		async (slug) => {
			const person = modernAt(slug, `crash-${slug}`);
			const asked = await person.call('elicit', MESSAGE);
			await kill(slug);
			await pause(1_200);
			expect(endOf((await person.retry(asked, 'ada', 'elicit', MESSAGE)).json)).toMatch(LOST);
			const again = await person.call('elicit', MESSAGE);
			expect(endOf((await person.retry(again, 'ada', 'elicit', MESSAGE)).json)).toBe('ok');
		},
	);

	it('a session that the server has forgotten cannot be answered, and the next call opens another', async () => {
		const person = modernAt('asking', 'forgotten');
		const asked = await person.call('elicit', MESSAGE);
		asking.forget();
		const began = Date.now();
		expect(endOf((await person.retry(asked, 'ada', 'elicit', MESSAGE)).json)).toMatch(LOST);
		expect(Date.now() - began).toBeLessThan(5_000);
		const again = await person.call('elicit', MESSAGE);
		expect(endOf((await person.retry(again, 'ada', 'elicit', MESSAGE)).json)).toBe('ok');
	});
});

it('leaves nothing behind', nothingLeft);
