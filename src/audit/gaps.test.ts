import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { emptyAnswer } from '../mcp/answer.ts';
import type { RecordKeeper, RecordSubject } from './file-record.ts';
import { createGaps, type Gaps } from './gaps.ts';
import { createSpool, type Spool } from './spool.ts';
import { createTrails, type Trail } from './trail.ts';

const FULL_DISK = '/dev/full';
const MIB = 1024 * 1024;
let folder: string;
let spool: Spool;
let gaps: Gaps;
let open: (requestId: string) => Trail;
let dropped: RecordSubject[];
let clock: number;
/** Ids of the workspaces with best-effort audit. */
let lossy: Set<string>;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-gaps-'));
	clock = Date.parse('2026-11-22T18:00:00.000Z');
	dropped = [];
	lossy = new Set(['w-easy', 'w-other']);
	use(createSpool({ folder, limitBytes: MIB, now: () => clock }));
});
afterEach(() => {
	spool.close();
	rmSync(folder, { recursive: true, force: true });
});

function use(next: Spool): void {
	spool = next;
	const records: RecordKeeper = spool;
	const now = (): number => clock;
	const isLossy = (workspaceId: string): boolean => lossy.has(workspaceId);
	gaps = createGaps({ records, now, isLossy, onDropped: (subject) => dropped.push(subject) });
	open = createTrails({ records, gaps, now, onOutcome: () => undefined });
}

const segment = (number: number): string => join(folder, `${String(number).padStart(10, '0')}.jsonl`);

/** From now on nothing more can be written. */
function fillDisk(): void {
	symlinkSync(FULL_DISK, segment(2));
	spool.keep('{"time":"2026-11-22T18:00:00.000Z"}');
	spool.seal();
}
function freeDisk(): void {
	rmSync(segment(2));
	spool.reopen();
}

type Line = Readonly<Record<string, unknown>>;

/** What was kept, and takes it out of the spool. */
async function kept(): Promise<Line[]> {
	const lines: Line[] = [];
	for (let batch = await spool.read(MIB); batch !== undefined; batch = await spool.read(MIB)) {
		lines.push(...batch.records.map((line) => JSON.parse(line) as Line));
		await spool.acknowledge(batch.position);
	}
	return lines.filter(({ kind }) => kind !== undefined);
}

const told = (lines: readonly Line[]): unknown[] =>
	lines.map(({ kind, request, workspaceId, outcome, count }) =>
		kind === 'gap' ? `gap of ${workspaceId}: ${count}` : `${kind} ${request} ${outcome ?? ''}`.trim(),
	);

/** What is thrown at once and what is thrown later are looked at alike. */
const codeOf = async (act: () => unknown): Promise<unknown> => {
	try {
		await act();
		return 'ok';
	} catch (error) {
		return errorCode(error);
	}
};

function trailOf(requestId: string, workspaceId?: string): Trail {
	const trail = open(requestId);
	const subject = { workspace: `slug-of-${workspaceId}`, server: 's', tool: 't' };
	trail.note({ method: 'tools/call', ...(workspaceId !== undefined && { ...subject, workspaceId }) });
	return trail;
}

/** A call of this workspace from its intent to its answer; the code it is refused with, or `ok`. */
async function call(requestId: string, workspaceId?: string): Promise<string> {
	const trail = trailOf(requestId, workspaceId);
	try {
		await trail.intend('c');
		await trail.close(emptyAnswer(202));
		return 'ok';
	} catch (error) {
		await codeOf(() => trail.fail(error as PortcullisError));
		return errorCode(error) ?? 'foreign';
	}
}

describe.skipIf(!existsSync(FULL_DISK))('a disk that takes nothing more', () => {
	it('stops the calls of strict workspaces and those of none, and lets best-effort ones through', async () => {
		fillDisk();
		expect(await call('r-1', 'w-strict')).toBe('PC_AUDIT_UNAVAILABLE');
		expect(await codeOf(() => open('r-2').close(emptyAnswer(202)))).toBe('PC_AUDIT_UNAVAILABLE');
		expect(await call('r-3', 'w-easy')).toBe('ok');
		expect(dropped).toMatchObject([{ workspaceId: 'w-easy' }, { workspaceId: 'w-easy' }]);
	});

	it('lets them through at the same time, too', async () => {
		fillDisk();
		const calls = Array.from({ length: 10 }, (_, at) => call(`r-${at}`, at % 2 === 0 ? 'w-easy' : 'w-strict'));
		const codes = await Promise.all(calls);
		expect(codes.filter((code) => code === 'ok')).toHaveLength(5);
		expect(codes.filter((code) => code === 'PC_AUDIT_UNAVAILABLE')).toHaveLength(5);
		expect(dropped).toHaveLength(10);
	});

	it('is told for each workspace before anything else is kept, once', async () => {
		fillDisk();
		clock += 5_000;
		await call('r-1', 'w-easy');
		clock += 5_000;
		await call('r-2', 'w-easy');
		await call('r-3', 'w-other');
		freeDisk();
		clock += 5_000;
		await call('r-4', 'w-strict');
		await call('r-5', 'w-easy');
		const lines = await kept();
		expect(told(lines)).toEqual([
			...['gap of w-easy: 4', 'gap of w-other: 2'],
			...['intent r-4', 'outcome r-4 ok', 'intent r-5', 'outcome r-5 ok'],
		]);
		expect(lines[0]).toEqual({
			...{ time: '2026-11-22T18:00:15.000Z', kind: 'gap', request: expect.stringMatching(/^[\da-f-]{36}$/) },
			...{ workspace: 'slug-of-w-easy', workspaceId: 'w-easy', count: 4, since: '2026-11-22T18:00:05.000Z' },
		});
		expect(lines[0]?.['request']).not.toBe(lines[1]?.['request']);
	});

	it('during a call: all facts stand in the outcome when the intent was dropped', async () => {
		fillDisk();
		const trail = trailOf('r-1', 'w-easy');
		await trail.intend('c');
		freeDisk();
		await trail.fail(new PortcullisError('PC_UPSTREAM_TIMEOUT'));
		expect(await kept()).toMatchObject([
			{ kind: 'gap', count: 1 },
			{ kind: 'outcome', outcome: 'failed', method: 'tools/call', credential: 'c' },
		]);
	});

	it('during a call: an outcome that is dropped is unknown afterwards', async () => {
		const trail = trailOf('r-1', 'w-easy');
		await trail.intend('c');
		fillDisk();
		await trail.close(emptyAnswer(202));
		freeDisk();
		await call('r-2', 'w-easy');
		const lines = told(await kept());
		expect(lines.slice(0, 3)).toEqual(['intent r-1', 'outcome r-1 unknown', 'gap of w-easy: 1']);
	});

	it('holds a workspace that has become strict meanwhile to it', async () => {
		fillDisk();
		const trail = trailOf('r-1', 'w-easy');
		await trail.intend('c');
		lossy.clear();
		expect(await codeOf(() => trail.close(emptyAnswer(202)))).toBe('PC_AUDIT_OUTCOME_LOST');
	});

	it('can be told at the end, where no other record comes', async () => {
		fillDisk();
		await call('r-1', 'w-easy');
		expect(() => gaps.tell()).toThrow('ENOSPC');
		freeDisk();
		gaps.tell();
		gaps.tell();
		expect(told(await kept())).toEqual(['gap of w-easy: 2']);
	});
});

describe('a spool that is full', () => {
	beforeEach(() => {
		spool.close();
		use(createSpool({ folder, limitBytes: 16_000, now: () => clock }));
		clock += 1;
	});
	const fill = (): void => spool.keep(' '.repeat(16_000 - spool.unshippedBytes() - 1));

	it('keeps the outcome of a call whose intent it has, although there is a gap to tell', async () => {
		const strict = trailOf('r-1', 'w-strict');
		await strict.intend('c');
		await kept();
		fill();
		expect(await call('r-2', 'w-easy')).toBe('ok');
		const easy = trailOf('r-3', 'w-easy');
		expect(await codeOf(() => strict.close(emptyAnswer(202)))).toBe('ok');
		await easy.intend('c');
		expect(dropped).toHaveLength(3);
	});
});
