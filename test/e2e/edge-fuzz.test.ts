import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { type RawAnswer, rawRequest, sendAndHangUp } from './edge-raw.ts';

const BODY_CASES = 1_500;
const REQUEST_CASES = 500;
const AT_ONCE = 50;
const PATIENCE_MS = 10_000;

let gateway: TestGateway;
let close: () => Promise<void>;
let token: string;
const faults: unknown[] = [];
const onFault = (fault: unknown): void => void faults.push(fault);

beforeAll(async () => {
	const old = await startLegacyHttp({ sessions: false });
	const fresh = await startModernHttp();
	gateway = await startGateway({
		workspaces: {
			google: {
				servers: { old: { transport: 'http', url: old.url }, fresh: { transport: 'http', url: fresh.url } },
			},
		},
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		limits: { upstream: { firstByteMs: 5_000, totalMs: 5_000 } },
	});
	token = gateway.tokenFor(['G']);
	process.on('unhandledRejection', onFault).on('uncaughtException', onFault);
	close = async () => {
		process.off('unhandledRejection', onFault).off('uncaughtException', onFault);
		await gateway.close();
		await old.close();
		await fresh.close();
	};
});
afterAll(() => close());

/** Numbers that look random and are the same in each run (mulberry32). */
function createDice(seed: number): (sides: number) => number {
	let state = seed;
	return (sides) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
	};
}

type Dice = ReturnType<typeof createDice>;
type Mutation = (bytes: Buffer, dice: Dice) => Buffer;

const SPLINTERS = [
	...['"', '\\', '{', '}', '[', ']', ',', ':', '\u0000', '\n', '\r\n', ' ', '\t', '\\u0000', '\\ud800', '\ufeff'],
	...[
		'null',
		'true',
		'1e999',
		'-0',
		'1.5',
		'9007199254740993',
		'""',
		'{}',
		'[]',
		'"__proto__":1,',
		'"id":',
		'"method":',
	],
	...['"_meta":{}', '"_meta":null', '../', '%2f', '%00', ';', '?', '#', '\u00ff', '€', '😀', 'HTTP/1.1', 'Host: x\r\n'],
	...['\r\n\r\n', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n', 'Expect: 100-continue\r\n'],
].map((each) => Buffer.from(each));

const MUTATIONS: readonly Mutation[] = [
	(bytes, dice) => {
		const changed = Buffer.from(bytes);
		changed[dice(bytes.length)] = dice(256);
		return changed;
	},
	(bytes, dice) => {
		const changed = Buffer.from(bytes);
		const at = dice(bytes.length);
		changed[at] = (changed[at] as number) ^ (1 << dice(8));
		return changed;
	},
	(bytes, dice) => {
		const at = dice(bytes.length);
		return Buffer.concat([bytes.subarray(0, at), SPLINTERS[dice(SPLINTERS.length)] as Buffer, bytes.subarray(at)]);
	},
	(bytes, dice) => {
		const at = dice(bytes.length);
		return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice(12))]);
	},
	(bytes, dice) => bytes.subarray(0, dice(bytes.length)),
	(bytes, dice) => {
		const [from, length, at] = [dice(bytes.length), 1 + dice(40), dice(bytes.length)];
		return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at)]);
	},
];

function mutate(bytes: Buffer, dice: Dice): Buffer {
	let changed = bytes;
	for (let times = 1 + dice(3); times > 0 && changed.length > 0; times--) {
		changed = (MUTATIONS[dice(MUTATIONS.length)] as Mutation)(changed, dice);
	}
	return changed;
}

interface Seed {
	readonly path: string;
	readonly body: object;
	readonly headers: Readonly<Record<string, string>>;
}

const ECHO = { name: 'echo', arguments: { text: 'ü', list: [1, { deep: null }] } };
const SEEDS: readonly Seed[] = [
	{ path: '/w/google/s/old/mcp', body: legacy('tools/call', ECHO, 'id-1'), headers: {} },
	{ path: '/w/google/s/fresh/mcp', ...modern('tools/call', ECHO) },
	{ path: '/mcp', body: legacy('tools/call', { ...ECHO, name: 'google__old__echo' }), headers: {} },
	{ path: '/w/google/mcp', ...modern('tools/list') },
	{ path: '/mcp', body: [legacy('ping', {}, 1), legacy('tools/list', {}, 2)], headers: {} },
];

/** Whether an answer is one that a faulty request may get: a server's failure is its own, ours is a fault. */
function isFair(answer: PlainAnswer): boolean {
	const code = String(answer.json?.error?.data?.code);
	return answer.status < 500 || code.startsWith('PC_UPSTREAM_');
}

function sendOver(agent: Agent, { path, headers }: Seed, body: Buffer): Promise<PlainAnswer> {
	return new Promise((resolve, reject) => {
		const all = { ...headers, authorization: `Bearer ${token}`, 'content-type': 'application/json' };
		const options = { agent, method: 'POST', headers: { ...all, 'content-length': String(body.length) } };
		const sent = request(gateway.url + path, options, (response) => {
			const chunks: Buffer[] = [];
			response.on('data', (chunk: Buffer) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => {
				const text = Buffer.concat(chunks).toString('utf8');
				resolve({ status: response.statusCode ?? 0, headers: new Headers(), text, json: parse(text) });
			});
		});
		sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error('no answer in time')));
		sent.on('error', reject).end(body);
	});
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

async function expectWell(): Promise<void> {
	const { path, body, headers } = SEEDS[0] as Seed;
	const answer = await post(gateway.url + path, body, { ...headers, authorization: `Bearer ${token}` });
	expect(answer.json?.result?.content?.[0]?.text).toContain('ü');
	expect(faults).toEqual([]);
}

describe('a valid request with a fault in it', () => {
	it('is answered fairly, 1,500 mutated bodies over kept-alive connections', async () => {
		const agent = new Agent({ keepAlive: true, maxSockets: 8 });
		const dice = createDice(20_261);
		const cases = Array.from({ length: BODY_CASES }, (_, at) => {
			const seed = SEEDS[at % SEEDS.length] as Seed;
			return { seed, body: mutate(Buffer.from(JSON.stringify(seed.body)), dice) };
		});
		const answers = await Promise.all(cases.map(({ seed, body }) => sendOver(agent, seed, body)));
		agent.destroy();
		const unfair = answers.flatMap((answer, at) => (isFair(answer) ? [] : [{ ...cases[at], answer: answer.text }]));
		expect(unfair).toEqual([]);
		expect(new Set(answers.map(({ status }) => status)).size, 'the dice hit more than one kind').toBeGreaterThan(1);
		await expectWell();
	});

	it('is answered fairly or hung up on, 500 mutated requests from the first byte to the last', async () => {
		const dice = createDice(4_711);
		const requests = Array.from({ length: REQUEST_CASES }, (_, at) =>
			mutate(requestBytes(SEEDS[at % SEEDS.length] as Seed), dice),
		);
		const answers: RawAnswer[] = [];
		for (let at = 0; at < REQUEST_CASES; at += AT_ONCE) {
			const sent = requests.slice(at, at + AT_ONCE).map((bytes) => sendAndHangUp(gateway.url, bytes));
			answers.push(...(await Promise.all(sent)));
		}
		const unfair = answers.flatMap((answer, at) =>
			answer === undefined || isFair(answer) ? [] : [{ bytes: requests[at]?.toString('latin1'), text: answer.text }],
		);
		expect(unfair).toEqual([]);
		expect(answers.filter((answer) => answer !== undefined).length, 'answers').toBeGreaterThan(REQUEST_CASES / 4);
		await expectWell();
	});
});

function requestBytes({ path, headers, body }: Seed): Buffer {
	const text = JSON.stringify(body);
	const own = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
	const usual = ['Host: localhost', `Authorization: Bearer ${token}`, 'Content-Type: application/json'];
	return rawRequest(`POST ${path} HTTP/1.1`, [...usual, ...own, `Content-Length: ${Buffer.byteLength(text)}`], text);
}

describe('a caller that takes its time', () => {
	it('with its headers is hung up on after ten seconds, while others are answered', async () => {
		const { hostname, port } = new URL(gateway.url);
		const socket = connect(Number(port), hostname);
		const drip = setInterval(() => socket.write('X-Slow: 1\r\n'), 500);
		const ended = new Promise<string>((resolve) => {
			let text = '';
			socket.on('data', (chunk) => (text += chunk.toString('latin1')));
			socket.on('error', () => undefined).on('close', () => resolve(text));
		});
		socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\n');
		await expectWell();
		expect(await ended).toContain('408 Request Timeout');
		clearInterval(drip);
	});
});
