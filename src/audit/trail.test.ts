import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { type Answer, emptyAnswer, type Frame, type FrameSink, messageAnswer, type StreamEnd } from '../mcp/answer.ts';
import { createFileRecord, type RecordKeeper } from './file-record.ts';
import { createTrails, type OpenTrail, type TrailOutcome } from './trail.ts';

const FULL_DISK = '/dev/full';
let folder: string;
let records: RecordKeeper;
let outcomes: TrailOutcome[];
let clock: number;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-trail-'));
	records = createFileRecord(join(folder, 'audit.jsonl'));
	outcomes = [];
	clock = Date.parse('2026-11-22T18:00:00.000Z');
});
afterEach(() => {
	records.close();
	rmSync(folder, { recursive: true, force: true });
});

function trails(keeper = records): OpenTrail {
	return createTrails({ records: keeper, now: () => clock, onOutcome: (outcome) => outcomes.push(outcome) });
}

type Line = Readonly<Record<string, unknown>>;

function lines(): Line[] {
	const text = readFileSync(join(folder, 'audit.jsonl'), 'utf8');
	return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'kept', errorCode);

/** A stream of these frames, and a sink that notes what stood in the audit when each of them left. */
function stream(
	end: StreamEnd | Error,
	frames: readonly Frame[] = [{ data: 'a' }],
): Extract<Answer, { kind: 'stream' }> {
	return {
		kind: 'stream',
		headers: {},
		async pump(sink) {
			for (const frame of frames) await sink.write(frame);
			if (end instanceof Error) throw end;
			if (end === 'complete') await sink.last({ data: 'last', failed: frames.length === 0 });
			return end;
		},
	};
}

function watchingSink(): FrameSink & { readonly seen: unknown[] } {
	const seen: unknown[] = [];
	return {
		seen,
		write: ({ data }) => void seen.push([data, lines().length]),
		async last({ data }) {
			seen.push([data, lines().length]);
		},
	};
}

const pump = async (answer: Answer, sink: FrameSink) => (answer as ReturnType<typeof stream>).pump(sink);

describe('a trail', () => {
	it('keeps the intent before the outcome, under one request id, facts in the first', async () => {
		const trail = trails()('r-1');
		trail.note({ address: '/mcp', era: 'modern' });
		trail.note({ workspace: 'google', server: 'jira', tool: 'search', reasons: ['level-sufficient'] });
		await trail.intend('workspace:google/jira');
		expect(lines()).toEqual([
			{
				time: '2026-11-22T18:00:00.000Z',
				kind: 'intent',
				request: 'r-1',
				address: '/mcp',
				era: 'modern',
				workspace: 'google',
				server: 'jira',
				tool: 'search',
				reasons: ['level-sufficient'],
				credential: 'workspace:google/jira',
			},
		]);
		clock += 1_234;
		const answer = messageAnswer('{}');
		expect(await trail.close(answer)).toBe(answer);
		expect(lines()[1]).toEqual({
			time: '2026-11-22T18:00:01.234Z',
			kind: 'outcome',
			request: 'r-1',
			workspace: 'google',
			server: 'jira',
			tool: 'search',
			outcome: 'ok',
			durationMs: 1_234,
		});
		expect(outcomes).toMatchObject([{ requestId: 'r-1', outcome: 'ok', durationMs: 1_234, code: undefined }]);
	});

	it('that intended nothing has all its facts in the outcome', async () => {
		const trail = trails()('r-2');
		trail.note({ address: '/mcp', method: 'tools/list' });
		await trail.close(emptyAnswer(202));
		expect(lines()).toMatchObject([{ kind: 'outcome', address: '/mcp', method: 'tools/list', outcome: 'ok' }]);
	});

	it('tells an error of the server from a success', async () => {
		await trails()('r-3').close({ ...messageAnswer('{}'), failed: true } as Answer);
		expect(lines()).toMatchObject([{ outcome: 'error' }]);
	});

	it('tells a refusal from a failure after something had left, with code and stage', async () => {
		const open = trails();
		await open('r-4').fail(new PortcullisError('PC_TOOL_UNKNOWN', { detail: 'why' }));
		const sent = open('r-5');
		await sent.intend('c');
		await sent.fail(new PortcullisError('PC_UPSTREAM_TIMEOUT'));
		expect(lines()).toMatchObject([
			{ request: 'r-4', outcome: 'refused', code: 'PC_TOOL_UNKNOWN', stage: 'router', detail: 'why' },
			{ request: 'r-5', kind: 'intent' },
			{ request: 'r-5', outcome: 'failed', code: 'PC_UPSTREAM_TIMEOUT', stage: 'upstream' },
		]);
	});

	it('ends once', async () => {
		const trail = trails()('r-6');
		await trail.close(emptyAnswer(202));
		await trail.fail(new PortcullisError('PC_INTERNAL'));
		expect(lines()).toHaveLength(1);
		expect(outcomes).toHaveLength(1);
	});

	it('shares writes with others that are open, and every line is whole', async () => {
		const open = trails();
		const many = Array.from({ length: 50 }, (_, index) => open(`r-${index}`));
		await Promise.all(many.map((trail) => trail.intend('c')));
		await Promise.all(many.map((trail) => trail.close(emptyAnswer(202))));
		expect(lines()).toHaveLength(100);
		for (let index = 0; index < 50; index++)
			expect(
				lines()
					.filter((line) => line['request'] === `r-${index}`)
					.map((line) => line['kind']),
			).toEqual(['intent', 'outcome']);
	});
});

describe('the trail of a stream', () => {
	it('keeps the outcome after the frames on the way and before the last one leaves', async () => {
		const sink = watchingSink();
		const answer = await trails()('r-1').close(stream('complete', [{ data: 'a' }, { data: 'b' }]));
		expect(lines()).toEqual([]);
		expect(await pump(answer, sink)).toBe('complete');
		expect(sink.seen).toEqual([
			['a', 0],
			['b', 0],
			['last', 1],
		]);
		expect(lines()).toMatchObject([{ outcome: 'ok' }]);
	});

	it('says so when the last frame is an error', async () => {
		await pump(await trails()('r-2').close(stream('complete', [])), watchingSink());
		expect(lines()).toMatchObject([{ outcome: 'error' }]);
	});

	it('says how a stream without an answer ended', async () => {
		const open = trails();
		await pump(await open('by design').close(stream('open-ended')), watchingSink());
		await pump(await open('cut off').close(stream('cut')), watchingSink());
		expect(lines()).toMatchObject([{ outcome: 'ok' }, { outcome: 'cut' }]);
	});

	it('is cut when it breaks, with the code of our own errors, and the error goes on', async () => {
		const open = trails();
		const known = await open('r-3').close(stream(new PortcullisError('PC_UPSTREAM_FAILED')));
		expect(await codeOf(pump(known, watchingSink()))).toBe('PC_UPSTREAM_FAILED');
		await expect(pump(await open('r-4').close(stream(new Error('foreign'))), watchingSink())).rejects.toThrow(
			'foreign',
		);
		expect(lines().map(({ outcome, code }) => [outcome, code])).toEqual([
			['cut', 'PC_UPSTREAM_FAILED'],
			['cut', undefined],
		]);
	});
});

// What is thrown at once and what is thrown later are looked at alike.
const attempt = async <T>(act: () => T): Promise<T> => act();

describe.skipIf(!existsSync(FULL_DISK))('a record that cannot be kept', () => {
	let full: RecordKeeper;
	beforeEach(() => {
		full = createFileRecord(FULL_DISK);
	});
	afterEach(() => full.close());

	it('stops what was intended', async () => {
		const open = trails(full);
		for (const trail of [open('r-1'), open('r-2')]) {
			expect(await codeOf(attempt(() => trail.intend('c')))).toBe('PC_AUDIT_UNAVAILABLE');
		}
	});

	it('withholds an answer that nothing was done for, and a refusal', async () => {
		expect(await codeOf(attempt(() => trails(full)('r-1').close(emptyAnswer(202))))).toBe('PC_AUDIT_UNAVAILABLE');
		const refusal = attempt(() => trails(full)('r-2').fail(new PortcullisError('PC_TOOL_UNKNOWN')));
		expect(await codeOf(refusal)).toBe('PC_AUDIT_UNAVAILABLE');
	});

	it('says that the call was carried out where it was', async () => {
		// The disk fills up between the two records.
		const switching: RecordKeeper = {
			...records,
			keep: (line) => (lines().length > 0 ? full : records).keep(line),
		};
		const trail = trails(switching)('r-1');
		await trail.intend('c');
		expect(await codeOf(attempt(() => trail.close(messageAnswer('{}'))))).toBe('PC_AUDIT_OUTCOME_LOST');
		expect(lines()).toMatchObject([{ kind: 'intent' }]);
	});

	it('withholds the last frame of a stream', async () => {
		const sink = watchingSink();
		const answer = await trails(full)('r-1').close(stream('complete'));
		expect(await codeOf(pump(answer, sink))).toBe('PC_AUDIT_UNAVAILABLE');
		expect(sink.seen).toEqual([['a', 0]]);
	});

	it('is still told to metrics and log', async () => {
		await codeOf(attempt(() => trails(full)('r-1').close(emptyAnswer(202))));
		expect(outcomes).toHaveLength(1);
	});
});

describe('trails of calls at the same time', () => {
	it('share one write, and each waits until its own line is kept', async () => {
		const open = trails();
		const [one, two] = [open('r-20'), open('r-21')];
		one.note({ workspace: 'google', server: 'jira' });
		const intents = [one.intend('workspace:google/jira'), two.intend('workspace:google/jira')];
		expect(lines()).toEqual([]);
		await Promise.all(intents);
		expect(lines().map(({ request, kind }) => [request, kind])).toEqual([
			['r-20', 'intent'],
			['r-21', 'intent'],
		]);
		await Promise.all([one.close(messageAnswer('{}')), two.close(emptyAnswer(202))]);
		expect(lines().map(({ outcome }) => outcome)).toEqual([undefined, undefined, 'ok', 'ok']);
	});

	it('are each told when the shared write is lost', async () => {
		const full = createFileRecord(FULL_DISK);
		const open = trails(full);
		const both = [open('r-22'), open('r-23')];
		const codes = both.map((trail) => codeOf(Promise.resolve(trail.intend('workspace:google/jira'))));
		expect(await Promise.all(codes)).toEqual(['PC_AUDIT_UNAVAILABLE', 'PC_AUDIT_UNAVAILABLE']);
		await Promise.all(both.map(async (trail) => expect(await codeOf(failing(trail))).toBe('PC_AUDIT_UNAVAILABLE')));
		expect(outcomes.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
		full.close();
	});

	it('do not count those that have ended or only stream', async () => {
		const open = trails();
		await open('r-24').close(emptyAnswer(202));
		open('r-25').close(stream('complete'));
		const alone = open('r-26').intend('workspace:google/jira');
		expect(alone).toBeUndefined();
		expect(lines().map(({ request }) => request)).toEqual(['r-24', 'r-26']);
	});
});

const failing = async (trail: ReturnType<OpenTrail>): Promise<void> =>
	trail.fail(new PortcullisError('PC_AUDIT_UNAVAILABLE'));
