import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../fakes/tenancy-caller.ts';
import { foreignMarks, makeCanary } from '../fakes/tenancy-canary.ts';
import { type Company, startCompany } from '../fakes/tenancy-company.ts';
import { type AddressKind, nameAt, pathAt } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { bytesOf, type Delivery, messagesIn, refusalIn, responseIn } from '../fakes/tenancy-wire.ts';
import { readStdioLog } from '../fakes/upstream.ts';

// 64 chats at once, all counting ids from 1 and all using one progress token. Each delivered byte is looked at: nothing
// of the other workspace, and nothing of another chat of the same workspace either.

const SEED = Number(process.env['TENANCY_SEED'] ?? Date.now() % 2 ** 31);
const CHATS = 64;
const CALLS_PER_CHAT = 48;
const TOKEN = 7;
const BUILDS: readonly Build[] = [
	'stdio-legacy',
	'stdio-modern',
	'http-legacy',
	'http-sessionless',
	'http-modern',
	'sse',
];
const WORKSPACES = ['google', 'microsoft'] as const;
const ADDRESSES: readonly AddressKind[] = ['server', 'workspace', 'all'];
/** The server whose child is killed, and how calls in flight may end then. */
const CRASHED = { workspace: 'google', build: 'stdio-legacy' } as const;
const CRASH_CODES = ['PC_UPSTREAM_CRASHED', 'PC_UPSTREAM_STARTING'];

let company: Company;
beforeAll(async () => {
	const servers = Object.fromEntries(BUILDS.map((build) => [build, build]));
	company = await startCompany({
		servers: { google: servers, microsoft: servers },
		grants: WORKSPACES.map((workspace) => ({ group: workspace, workspace, access: 'write' })),
	});
});
afterAll(() => company.close());

/** One of many conversations. */
interface Chat {
	readonly number: number;
	readonly workspace: (typeof WORKSPACES)[number];
	readonly caller: Caller;
	readonly random: () => number;
	/** What it asked to remember, by server and key. */
	readonly memory: Map<string, string>;
	readonly faults: string[];
	calls: number;
}

/** Mulberry32: small, seeded, good enough to shuffle calls. */
function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

function openChat(number: number): Chat {
	const workspace = WORKSPACES[number % 2]!;
	// Four people in each workspace, each with eight chats, half of them in either era.
	const person = { name: `${workspace}-${Math.floor(number / 2) % 4}`, groups: [workspace] };
	const caller = company.caller(person, number % 16 < 8 ? 'legacy' : 'modern');
	return { number, workspace, caller, random: randomFrom(SEED + number), memory: new Map(), faults: [], calls: 0 };
}

const pick = <T>(random: () => number, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

interface Ask {
	readonly tool: 'echo' | 'remember' | 'recall' | 'slow';
	readonly build: Build;
	readonly address: AddressKind;
	readonly args: Readonly<Record<string, unknown>>;
	/** The text that has to come back, after the canary. */
	readonly expected: readonly string[];
	readonly steps: number;
}

function think(chat: Chat): Ask {
	const { random, number, workspace, memory } = chat;
	const tool = pick(random, ['echo', 'remember', 'recall', 'slow'] as const);
	const build = pick(random, BUILDS);
	const place = { tool, build, address: pick(random, ADDRESSES), steps: 0 };
	const key = `of-${number}`;
	const text = makeCanary(workspace, `chat-${number}`);
	if (tool === 'echo') return { ...place, args: { text }, expected: [text] };
	if (tool === 'slow') {
		const steps = 1 + Math.floor(random() * 4);
		return { ...place, steps, args: { ms: Math.floor(random() * 12), steps }, expected: ['slow done'] };
	}
	if (tool === 'remember') {
		memory.set(build, text);
		return { ...place, args: { key, value: text }, expected: ['remembered'] };
	}
	const known = memory.get(build);
	// A killed child takes its memory with it.
	const forgets = workspace === CRASHED.workspace && build === CRASHED.build;
	return {
		...place,
		args: { key },
		expected: [...(known ? [known] : []), ...(forgets || !known ? ['(nothing)'] : [])],
	};
}

async function talk(chat: Chat, onCall: () => Promise<void>): Promise<void> {
	for (let call = 1; call <= CALLS_PER_CHAT; call++) {
		if (chat.random() < 0.5) await pause(Math.floor(chat.random() * 6));
		await say(chat, think(chat), call);
		await onCall();
	}
}

async function say(chat: Chat, ask: Ask, id: number): Promise<void> {
	const place = { workspace: chat.workspace, server: ask.build, suffix: '' };
	const name = nameAt(ask.address, place, ask.tool);
	const params = { name, arguments: ask.args, _meta: { progressToken: TOKEN } };
	const answer = await chat.caller.send(pathAt(ask.address, place), 'tools/call', params, { id });
	chat.calls++;
	const found = [
		...leaksIn(chat, answer),
		...answerFaults(chat, ask, { answer, id }),
		...progressFaults(chat, ask, answer),
	];
	chat.faults.push(...found.map((fault) => `chat ${chat.number}, ${name} (${ask.build}): ${fault}`));
}

/** Marks of the other workspace, and of other chats of this one. */
function leaksIn({ number, workspace }: Chat, answer: Delivery): readonly string[] {
	const text = bytesOf(answer);
	const others = [...text.matchAll(/CANARY_[a-z]+_chat-(\d+)_\w+/g)].filter((found) => Number(found[1]) !== number);
	const [foreign] = WORKSPACES.filter((each) => each !== workspace);
	const named = text.includes(foreign!) ? [foreign!] : [];
	return [...foreignMarks(text, [workspace]), ...named, ...others.map(([mark]) => mark)].map((mark) => `got ${mark}`);
}

function answerFaults(
	{ workspace }: Chat,
	{ build, expected }: Ask,
	{ answer, id }: { readonly answer: Delivery; readonly id: number },
): readonly string[] {
	const crashed = workspace === CRASHED.workspace && build === CRASHED.build;
	if (crashed && CRASH_CODES.includes(refusalIn(answer) ?? '')) return [];
	const response = responseIn(answer);
	const { canary } = company.upstream(workspace, build);
	const text = response.result?.content?.[0]?.text;
	if (response.id !== id) return [`the answer has the id ${response.id} instead of ${id}: ${answer.body}`];
	return expected.some((each) => text === `${canary}: ${each}`) ? [] : [`answered ${answer.body} not ${expected}`];
}

function progressFaults({ workspace }: Chat, { steps, build }: Ask, answer: Delivery): readonly string[] {
	if (responseIn(answer).error !== undefined) return [];
	const notes = messagesIn(answer.body).filter(({ method }) => method !== undefined);
	const wanted = Array.from({ length: steps }, (_, index) => {
		const { canary } = company.upstream(workspace, build);
		const params = { progressToken: TOKEN, progress: index + 1, total: steps, 'x-vendor': canary };
		return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
	});
	const came = notes.map((note) => JSON.stringify(note));
	return came.join() === wanted.join() ? [] : [`progress was ${came.join()}`];
}

/** Kills the child while a call of somebody else is known to run in it. */
async function crash(victim: Chat, culprit: Chat): Promise<Delivery> {
	const place = { workspace: CRASHED.workspace, server: CRASHED.build };
	const path = pathAt('server', place);
	let begun = (): void => undefined;
	const running = new Promise<void>((resolve) => {
		begun = resolve;
	});
	const slow = { name: 'slow', arguments: { ms: 60_000, steps: 2 }, _meta: { progressToken: TOKEN } };
	const hit = victim.caller.send(path, 'tools/call', slow, { id: 'hit', onText: begun });
	await running;
	await culprit.caller.send(path, 'tools/call', { name: 'crash', arguments: {} }, { id: 'crash' });
	return hit;
}

describe(`64 chats that use the same ids and the same progress token (seed ${SEED})`, () => {
	let chats: readonly Chat[];
	let hit: Delivery;

	beforeAll(async () => {
		chats = Array.from({ length: CHATS }, (_, number) => openChat(number));
		const [victim, culprit] = [openChat(CHATS), openChat(CHATS + 2)];
		let calls = 0;
		const onCall = async (): Promise<void> => {
			if (++calls === (CHATS * CALLS_PER_CHAT) / 2) hit = await crash(victim, culprit);
		};
		await Promise.all(chats.map((chat) => talk(chat, onCall)));
	});

	it('deliver to each only what is its own, in about 3,000 calls', () => {
		expect(chats.reduce((sum, { calls }) => sum + calls, 0)).toBe(CHATS * CALLS_PER_CHAT);
		expect(chats.flatMap(({ faults }) => faults)).toEqual([]);
	});

	it('end the calls of a killed child with an error, and with nothing else', () => {
		expect(refusalIn(hit)).toBe('PC_UPSTREAM_CRASHED');
		expect(foreignMarks(bytesOf(hit), [CRASHED.workspace])).toEqual([]);
	});

	it('can all use every server afterwards', async () => {
		for (const chat of chats) {
			for (const build of BUILDS) {
				const text = makeCanary(chat.workspace, `chat-${chat.number}`);
				const ask: Ask = { tool: 'echo', build, address: 'server', args: { text }, expected: [text], steps: 0 };
				const answer = { before: chat.faults.length };
				await say(chat, ask, 1);
				expect(chat.faults.slice(answer.before)).toEqual([]);
			}
		}
	});

	it('have one child or session of each server between them, and the killed one its successor', () => {
		const starts = company.upstreams.map(({ workspace, build, logPath }) => {
			const log = logPath === undefined ? [] : readStdioLog(logPath).filter(({ event }) => event === 'start');
			return [workspace, build, log.length];
		});
		const killed = ([workspace, build]: readonly unknown[]) =>
			workspace === CRASHED.workspace && build === CRASHED.build;
		expect(
			starts.filter((each) => String(each[1]).startsWith('stdio') && !killed(each)).map((each) => each[2]),
		).toEqual([1, 1, 1]);
		expect(starts.find(killed)?.[2]).toBe(2);
	});

	it('trip no wire', async () => {
		const metrics = await (await fetch(`${company.gateway.operatorUrl}/metrics`)).text();
		expect(metrics).toMatch(/^portcullis_tripwire_total 0$/m);
		expect(metrics).toMatch(/^portcullis_misdirected_total 0$/m);
	});
});
