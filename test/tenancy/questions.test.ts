import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metric } from '../e2e/failure-calls.ts';
import { answerOf, answersTo, endOf, legacyChat, modernChat } from '../e2e/protocol-questions-chat.ts';
import { foreignMarks } from '../fakes/tenancy-canary.ts';
import { type Company, startCompany } from '../fakes/tenancy-company.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { deliver, faceOf } from '../fakes/tenancy-wire.ts';
import { readStdioLog } from '../fakes/upstream.ts';

// Everybody is asked for his name at the same time, by the same servers, under the same ids.

const WORKSPACES = ['google', 'microsoft'] as const;
const SERVERS = {
	events: 'sse',
	child: 'stdio-legacy',
	old: 'http-legacy',
	fresh: 'http-modern',
} as const satisfies Record<string, Build>;
type Slug = keyof typeof SERVERS;
const SLUGS = Object.keys(SERVERS) as Slug[];
const PEOPLE_OF_EACH = 10;
const MAX_DELAY_MS = 60;

let company: Company;
beforeAll(async () => {
	company = await startCompany({
		servers: Object.fromEntries(WORKSPACES.map((workspace) => [workspace, SERVERS])),
		grants: WORKSPACES.map((workspace) => ({ group: workspace, workspace, access: 'write' })),
		common: { clientFeatures: ['elicitation', 'sampling', 'roots'] },
	});
});
afterAll(() => company.close());

/** Somebody at work in one workspace; `name` is also what he answers. */
interface Person {
	readonly name: string;
	readonly oid: string;
	readonly workspace: (typeof WORKSPACES)[number];
	readonly groups: readonly string[];
}

const PEOPLE: readonly Person[] = WORKSPACES.flatMap((workspace) => [
	...Array.from({ length: PEOPLE_OF_EACH }, (_, number) => {
		const name = `WHO-${workspace}-${number}`;
		return { name, oid: name, workspace, groups: [workspace] };
	}),
	// The same person in both, with one token for both.
	{ name: `WHO-${workspace}-both`, oid: 'WHO-both', workspace, groups: [...WORKSPACES] },
]);

const tokenOf = ({ oid, groups }: Person): string => company.gateway.tokenFor(groups, { oid });
const linger = (): Promise<unknown> => pause(Math.random() * MAX_DELAY_MS);
const toolOf = (slug: Slug): string => (slug === 'fresh' ? 'ask' : 'elicit');
const argsOf = (slug: Slug, name: string) => ({ [slug === 'fresh' ? 'question' : 'message']: `${name} is asked` });

/** All that a legacy caller is sent in one call, at an address where the gateway holds the session. */
async function asLegacy(person: Person, slug: Slug): Promise<string> {
	const chat = await legacyChat(`${company.gateway.url}/w/${person.workspace}/mcp`, tokenOf(person));
	const stream = await chat.call(`${slug}__${toolOf(slug)}`, argsOf(slug, person.name), { id: 1 });
	const sent: unknown[] = [];
	for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
		sent.push(message);
		if (message.method === undefined) continue;
		await linger();
		await chat.answer(message, answerOf(person.name, message.method));
	}
	return JSON.stringify(sent);
}

/** The same for a modern caller. */
async function asModern(person: Person, slug: Slug, path: string, prefix: string): Promise<string> {
	const caller = modernChat(company.gateway.url + path, tokenOf(person));
	const asked = await caller.call(prefix + toolOf(slug), argsOf(slug, person.name));
	await linger();
	const done = await caller.retry(asked, person.name, prefix + toolOf(slug), argsOf(slug, person.name));
	return `${asked.text}\n${done.text}`;
}

const WAYS: readonly ((person: Person, slug: Slug) => Promise<string>)[] = [
	asLegacy,
	(person, slug) => asModern(person, slug, `/w/${person.workspace}/s/${slug}/mcp`, ''),
	(person, slug) => asModern(person, slug, '/mcp', `${person.workspace}__${slug}__`),
];

function faultsIn(person: Person, slug: Slug, text: string): readonly string[] {
	const { canary } = company.upstream(person.workspace, slug);
	const names = [...text.matchAll(/WHO-\w+-\w+/g)].map(([name]) => name).filter((name) => name !== person.name);
	const foreign = [...foreignMarks(text, [person.workspace]), ...names];
	const isAnswered = text.includes(`${canary}: `) && text.split(person.name).length > 2;
	return [...foreign, ...(isAnswered ? [] : [`no answer of its own: ${text}`])].map(
		(each) => `${person.name} ${slug}: ${each}`,
	);
}

describe(`${PEOPLE.length} people of two workspaces, asked by the same servers at the same time`, () => {
	let faults: readonly string[];
	beforeAll(async () => {
		const all = PEOPLE.map(async (person) => {
			const found: string[] = [];
			const turns = SLUGS.flatMap((slug) => WAYS.map((way) => ({ slug, way }))).sort(() => Math.random() - 0.5);
			for (const { slug, way } of turns) {
				await linger();
				found.push(...faultsIn(person, slug, await way(person, slug)));
			}
			return found;
		});
		faults = (await Promise.all(all)).flat();
	});

	it('each get what they answered themselves, and nothing else', () => {
		expect(faults).toEqual([]);
	});

	it('trip no wire', async () => {
		expect(await metric(company.gateway, 'portcullis_tripwire_total')).toBe(0);
		expect(await metric(company.gateway, 'portcullis_misdirected_total')).toBe(0);
	});

	/** Names that a session of a server was told, by session. */
	const tellings = (): Map<string, Set<string>> => {
		const told = new Map<string, Set<string>>();
		const note = (session: string, text: string): void => {
			for (const [name] of text.matchAll(/WHO-\w+-\w+/g)) told.set(session, (told.get(session) ?? new Set()).add(name));
		};
		for (const { slug, logPath, seen } of company.upstreams) {
			if (slug === 'fresh') continue;
			for (const { headers, path, text } of seen) note(`${slug} ${headers['mcp-session-id'] ?? path}`, text);
			for (const { body } of logPath === undefined ? [] : readStdioLog(logPath)) {
				// A question of the program carries its process id, and so does the answer.
				const { id, result } = (body ?? {}) as { id?: unknown; result?: unknown };
				if (result !== undefined) note(`${slug} ${String(id).split('-').at(-1)}`, JSON.stringify(result));
			}
		}
		return told;
	};

	it('each have a session of their own at each server, which no other person uses, nor they in another workspace', () => {
		const told = tellings();
		expect([...told.values()].filter((names) => names.size > 1)).toEqual([]);
		for (const { name } of PEOPLE) {
			const sessions = [...told].filter(([, names]) => names.has(name)).map(([session]) => session.split(' ')[0]);
			expect([...new Set(sessions)].sort(), name).toEqual(['child', 'events', 'old']);
		}
	});

	it('have no more children than people, and those of the gateway itself', () => {
		for (const workspace of WORKSPACES) {
			const log = readStdioLog(company.upstream(workspace, 'child').logPath as string);
			const starts = log.filter(({ event }) => event === 'start').length;
			expect(starts).toBeLessThanOrEqual(PEOPLE.length / 2 + 2);
			expect(starts).toBeGreaterThanOrEqual(PEOPLE.length / 2);
		}
	});
});

const ADA: Person = { name: 'WHO-google-ada', oid: 'ada', workspace: 'google', groups: ['google'] };
const EVE: Person = { name: 'WHO-google-eve', oid: 'eve', workspace: 'google', groups: ['google'] };
const LEGACY_UPSTREAMS = ['events', 'child', 'old'] as const;

describe.each(LEGACY_UPSTREAMS)('an open question of %s to a legacy caller', (slug) => {
	const address = (): string => `${company.gateway.url}/w/google/mcp`;

	it('cannot be answered by another person, nor in another session of the same one', async () => {
		const [mine, other, theirs] = await Promise.all(
			[ADA, ADA, EVE].map((each) => legacyChat(address(), tokenOf(each))),
		);
		const stream = await mine!.call(`${slug}__elicit`, argsOf(slug, ADA.name));
		const question = await stream.next();
		for (const thief of [other!, theirs!]) {
			expect((await thief.answer(question, answerOf('WHO-thief-1', question.method))).status).toBe(202);
			await thief.session.notify('notifications/cancelled', { requestId: 1 });
		}
		const first = stream.next();
		expect(await Promise.race([first, pause(150, 'still waits')])).toBe('still waits');
		await mine!.answer(question, answerOf(ADA.name, question.method));
		const text = JSON.stringify(await first);
		expect(text).toContain(ADA.name);
		expect(text).not.toContain('thief');
	});

	it('cannot be answered with a stolen session, which is as unknown as one that never was', async () => {
		const chat = await legacyChat(address(), tokenOf(ADA));
		const stream = await chat.call(`${slug}__elicit`, argsOf(slug, ADA.name));
		const question = await stream.next();
		const send = (session: string) => {
			const body = JSON.stringify({
				jsonrpc: '2.0',
				id: question.id,
				result: answerOf('WHO-thief-2', question.method),
			});
			const own = { authorization: `Bearer ${tokenOf(EVE)}`, 'content-type': 'application/json' };
			const headers = { ...own, accept: 'application/json, text/event-stream', 'mcp-session-id': session };
			return deliver(address(), { headers, body });
		};
		const [stolen, unknown] = [await send(chat.session.id), await send('never-was')];
		expect(stolen.status).toBe(404);
		expect(faceOf(stolen)).toBe(faceOf(unknown));
		await chat.answer(question, answerOf(ADA.name, question.method));
		expect(JSON.stringify(await stream.rest())).toContain(ADA.name);
	});
});

describe.each(SLUGS)('an open question of %s to a modern caller', (slug) => {
	const at = (person: Person, path = '/w/google/mcp') => modernChat(company.gateway.url + path, tokenOf(person));
	const tool = `${slug}__${toolOf(slug)}`;
	const args = argsOf(slug, ADA.name);
	const INVALID = {
		code: -32602,
		message: expect.any(String),
		data: expect.objectContaining({ code: 'PC_REQUEST_STATE_INVALID', reason: 'invalid_request_state' }),
	};

	it('can be answered by its owner alone, for the same call alone', async () => {
		const mine = at(ADA);
		const asked = await mine.call(tool, args);
		const retry = answersTo(asked, 'WHO-thief-3');
		const changed = String(retry['requestState']).replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
		const attempts = {
			'another person': at(EVE).call(tool, args, retry),
			'the same person in another workspace': modernChat(
				`${company.gateway.url}/w/microsoft/mcp`,
				company.gateway.tokenFor(['google', 'microsoft'], { oid: 'ada' }),
			).call(tool, args, retry),
			'other arguments': mine.call(tool, { ...args, more: 1 }, retry),
			'no arguments': mine.call(tool, {}, retry),
			'another tool': mine.call(`${slug}__echo`, args, retry),
			'another server': mine.call(`${slug === 'old' ? 'events' : 'old'}__elicit`, args, retry),
			'a changed state': mine.call(tool, args, { ...retry, requestState: changed }),
			'an invented state': mine.call(tool, args, { ...retry, requestState: 'invented' }),
			'a state that is no text': mine.call(tool, args, { ...retry, requestState: { park: 'x' } }),
		};
		for (const [what, attempt] of Object.entries(attempts)) {
			const answer = await attempt;
			expect([answer.status, answer.json?.error], what).toEqual([200, INVALID]);
			expect(answer.text, what).not.toContain(ADA.name);
		}
		const done = await mine.retry(asked, ADA.name, tool, args);
		expect(done.text).toContain(`${company.upstream('google', slug).canary}: `);
		expect(done.text.split(ADA.name).length).toBeGreaterThan(1);
		expect(done.text).not.toContain('thief');
	});

	it('is refused once its owner has lost the grant, or the tool has been taken away', async () => {
		const { workspaces, grants } = company.config() as { workspaces: object; grants: { workspace: string }[] };
		for (const [config, end] of [
			[{ workspaces, grants: grants.filter(({ workspace }) => workspace !== 'google') }, 'PC_ADDRESS_UNKNOWN'],
			[company.config(() => ({ tools: { rules: { [toolOf(slug)]: { enabled: false } } } })), 'PC_TOOL_UNKNOWN'],
		] as const) {
			const marked = argsOf(slug, `MARK-${slug}-${end.toLowerCase().replaceAll('_', '-')}`);
			const mine = at(ADA);
			const asked = await mine.call(tool, marked);
			expect(endOf(asked.json)).toBe('asks');
			await company.gateway.reconfigure(config);
			const news = company.upstream('google', slug);
			news.news();
			const refused = await mine.retry(asked, 'MARK-refused-answer', tool, marked);
			expect(endOf(refused.json)).toBe(end);
			expect(news.news()).not.toContain('MARK-refused-answer');
			await company.gateway.reconfigure(company.config());
		}
	});
});
