import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PlainAnswer, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type Hostile, readStdioLog, type StdioOptions, stdioServer } from '../fakes/upstream.ts';
import { auditOf, expectRefusal } from './edge-refusal.ts';
import { callTool, codeOf, metric, textOf, until, type Way } from './failure-calls.ts';

const LIMITS = { firstByteMs: 500, idleMs: 500, totalMs: 1_000, frameBytes: 100_000 };
const PATIENT = { ...LIMITS, firstByteMs: 20_000, totalMs: 20_000 };
const SECRET = 'k-0f7d-child-secret';
const CANARY = 'CANARY-of-the-child';

let folder: string;
let gateway: TestGateway | undefined;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-failure-'));
});
afterEach(async () => {
	expect(await metric(gateway as TestGateway, 'portcullis_tripwire_total')).toBe(0);
	await gateway?.close();
	await until(() => pids('child').every((pid) => !isAlive(pid)));
	rmSync(folder, { recursive: true });
});

const log = (name: string): string => join(folder, `${name}.jsonl`);
const pids = (name: string): number[] =>
	readStdioLog(log(name)).flatMap(({ event, pid }) => (event === 'start' && pid !== undefined ? [pid] : []));
const calls = (name: string): number => readStdioLog(log(name)).filter(({ method }) => method === 'tools/call').length;

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

/** A gateway with the child under test and a well-behaved neighbour. */
async function start(options: StdioOptions, limits: object = LIMITS): Promise<TestGateway> {
	const { command, args } = stdioServer({ canary: CANARY, logPath: log('child'), ...options });
	const neighbour = stdioServer({ canary: 'NEIGHBOUR', logPath: log('neighbour') });
	gateway = await startGateway(
		{
			workspaces: {
				google: {
					servers: {
						child: { transport: 'stdio', command, args, env: { API_KEY: '${env:KEY}' }, limits },
						neighbour: { transport: 'stdio', ...neighbour },
					},
				},
			},
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		},
		{ KEY: SECRET },
	);
	return gateway;
}

const CHILD: Way = { path: '/w/google/s/child/mcp', era: 'legacy' };
const MODERN_CHILD: Way = { path: '/w/google/s/child/mcp', era: 'modern' };
const AGGREGATE_CHILD: Way = { path: '/mcp', era: 'legacy', prefix: 'google__child__' };
const NEIGHBOUR: Way = { path: '/w/google/s/neighbour/mcp', era: 'legacy' };

function expectNothingLeaked(answer: PlainAnswer): void {
	for (const foreign of [CANARY, SECRET, folder, 'node:', 'exit code', 'SIGKILL', ' at ']) {
		expect(answer.text).not.toContain(foreign);
	}
}

describe('a child that dies', () => {
	it('from outside fails every call it held within a second, and the next call starts it anew', async () => {
		const own = await start({}, PATIENT);
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
		const ways = [CHILD, MODERN_CHILD, AGGREGATE_CHILD, CHILD, CHILD];
		const held = ways.map((way) => callTool(own, way, 'slow', { ms: 15_000 }));
		await until(() => calls('child') === 1 + ways.length);
		const neighbours = callTool(own, NEIGHBOUR, 'slow', { ms: 300 });
		const [pid = 0] = pids('child');
		const killedAt = performance.now();
		process.kill(pid, 'SIGKILL');
		for (const answer of await Promise.all(held)) {
			expectRefusal(answer, 'PC_UPSTREAM_CRASHED', 7);
			expectNothingLeaked(answer);
			expect(auditOf(own, answer)).toMatchObject([
				{ kind: 'intent' },
				{ outcome: 'failed', code: 'PC_UPSTREAM_CRASHED' },
			]);
		}
		expect(performance.now() - killedAt).toBeLessThan(1_000);
		expect(textOf(await callTool(own, CHILD, 'echo', { text: 'again' }))).toBe(`${CANARY}: again`);
		expect(pids('child')).toHaveLength(2);
		expect(calls('child'), 'no call was repeated').toBe(1 + ways.length + 1);
		expect(codeOf(await neighbours), 'the neighbour never noticed').toBe('ok');
	});

	it('of its own accord fails the call that killed it and those beside it, once each', async () => {
		const own = await start({}, PATIENT);
		const slow = callTool(own, CHILD, 'slow', { ms: 15_000 });
		await until(() => calls('child') === 1);
		expectRefusal(await callTool(own, CHILD, 'crash'), 'PC_UPSTREAM_CRASHED', 7);
		expectRefusal(await slow, 'PC_UPSTREAM_CRASHED', 7);
		expect(calls('child')).toBe(2);
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
	});

	it('takes its own children with it', async () => {
		const own = await start({ grandchild: true });
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
		const grandchild = readStdioLog(log('child')).find(({ event }) => event === 'grandchild')?.pid ?? 0;
		expect(isAlive(grandchild)).toBe(true);
		expectRefusal(await callTool(own, CHILD, 'crash'), 'PC_UPSTREAM_CRASHED', 7);
		await until(() => !isAlive(grandchild));
	});

	it('again and again is left alone for a while, and callers are told when to come back', async () => {
		const own = await start({ exitAtStart: 3, stderrText: `${CANARY} ${SECRET}: cannot open database` });
		const answers: PlainAnswer[] = [];
		for (let times = 0; times < 8 && !answers.some((each) => codeOf(each) === 'PC_UPSTREAM_STARTING'); times++) {
			answers.push(await callTool(own, CHILD, 'echo', { text: 'x' }));
		}
		for (const answer of answers.slice(0, -1)) expectRefusal(answer, 'PC_UPSTREAM_CRASHED', 7);
		const last = answers.at(-1) as PlainAnswer;
		expectRefusal(last, 'PC_UPSTREAM_STARTING', 7);
		expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
		for (const answer of answers) expectNothingLeaked(answer);
		const starts = pids('child').length;
		await Promise.all(Array.from({ length: 20 }, () => callTool(own, CHILD, 'echo', { text: 'x' })));
		expect(pids('child').length, 'nobody can make it start faster').toBe(starts);
		expect(codeOf(await callTool(own, NEIGHBOUR, 'echo', { text: 'x' }))).toBe('ok');
	});

	it('before it was born is unreachable', async () => {
		gateway = await startGateway({
			workspaces: { google: { servers: { child: { transport: 'stdio', command: join(folder, 'no-such-program') } } } },
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		});
		const answer = await callTool(gateway, CHILD, 'echo', { text: 'x' });
		expect(['PC_UPSTREAM_UNREACHABLE', 'PC_UPSTREAM_CRASHED']).toContain(codeOf(answer));
		expectNothingLeaked(answer);
	});
});

describe('a child that misbehaves', () => {
	const only = (hostile: Hostile): StdioOptions => ({ hostile: { methods: ['tools/call'], ...hostile } });

	it('by silence is not waited for longer than the limit, and hears that the call is off', async () => {
		const own = await start({});
		const answer = await callTool(own, CHILD, 'slow', { ms: 10_000 });
		expectRefusal(answer, 'PC_UPSTREAM_TIMEOUT', 7);
		await until(() => readStdioLog(log('child')).some(({ event }) => event === 'cancelled'));
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
		expect(pids('child'), 'the same child goes on').toHaveLength(1);
	});

	it('by hanging as a whole delays nobody but its own callers', async () => {
		const own = await start({});
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
		const [pid = 0] = pids('child');
		process.kill(pid, 'SIGSTOP');
		let answered = false;
		const hung = callTool(own, CHILD, 'echo', { text: 'x' }).finally(() => {
			answered = true;
		});
		for (let times = 0; times < 3; times++)
			expect(codeOf(await callTool(own, NEIGHBOUR, 'echo', { text: 'x' }))).toBe('ok');
		expect(answered).toBe(false);
		expectRefusal(await hung, 'PC_UPSTREAM_TIMEOUT', 7);
		process.kill(pid, 'SIGCONT');
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
	});

	it('by the id of another reaches nobody and is counted', async () => {
		const own = await start(only({ kind: 'wrong-id' }));
		expectRefusal(await callTool(own, CHILD, 'echo', { text: 'x' }), 'PC_UPSTREAM_TIMEOUT', 7);
		expect(await metric(own, 'portcullis_misdirected_total')).toBe(1);
	});

	it('by answering twice is heard once, and counted', async () => {
		const own = await start(only({ kind: 'twice' }));
		expect(textOf(await callTool(own, CHILD, 'echo', { text: 'one' }))).toBe(`${CANARY}: one`);
		expect(textOf(await callTool(own, CHILD, 'echo', { text: 'two' }))).toBe(`${CANARY}: two`);
		await until(async () => (await metric(own, 'portcullis_misdirected_total')) === 2);
	});

	it('by half a line is heard no further, and its words reach nobody', async () => {
		const own = await start(only({ kind: 'truncated-json' }));
		const answer = await callTool(own, CHILD, 'echo', { text: 'x' });
		expectRefusal(answer, 'PC_UPSTREAM_TIMEOUT', 7);
		expectNothingLeaked(answer);
	});

	it('by printing to stdout what is no message is understood all the same', async () => {
		const own = await start({ noise: `${CANARY} listening on stdio {"jsonrpc"` });
		expect(textOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe(`${CANARY}: x`);
	});

	it('by a line beyond the limit is ended, and started anew for the next call', async () => {
		const own = await start({});
		const slow = callTool(own, CHILD, 'slow', { ms: 10_000 });
		const fits = await callTool(own, CHILD, 'huge', { bytes: LIMITS.frameBytes - 1_000 });
		expect(textOf(fits)).toHaveLength(LIMITS.frameBytes - 1_000);
		expectRefusal(await callTool(own, CHILD, 'huge', { bytes: 50_000_000 }), 'PC_UPSTREAM_TOO_LARGE', 7);
		expect(codeOf(await slow)).toMatch(/^PC_UPSTREAM_(?:TOO_LARGE|TIMEOUT)$/);
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
		expect(pids('child')).toHaveLength(2);
		expect(isAlive(pids('child')[0] ?? 0)).toBe(false);
	});

	it('by refusing to end is ended', async () => {
		const own = await start({ ignoreSigterm: true, ignoreEof: true, grandchild: true });
		expect(codeOf(await callTool(own, CHILD, 'echo', { text: 'x' }))).toBe('ok');
		await own.reconfigure({ grants: [] });
		await until(() => readStdioLog(log('child')).some(({ event }) => event === 'sigterm'));
		const grandchild = readStdioLog(log('child')).find(({ event }) => event === 'grandchild')?.pid ?? 0;
		await until(() => !isAlive(pids('child')[0] ?? 0) && !isAlive(grandchild));
	});
});
