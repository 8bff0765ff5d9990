import {
	appendFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordMark } from './file-record.ts';
import { createSpool, type Spool, type SpoolParts } from './spool.ts';

const FULL_DISK = '/dev/full';
const MIB = 1024 * 1024;
let folder: string;
let spools: Spool[];

beforeEach(() => {
	folder = join(mkdtempSync(join(tmpdir(), 'portcullis-spool-')), 'spool');
	spools = [];
});
afterEach(() => {
	for (const spool of spools) spool.close();
	rmSync(join(folder, '..'), { recursive: true, force: true });
});

function open(parts: Partial<SpoolParts> = {}): Spool {
	const spool = createSpool({ folder, limitBytes: MIB, now: () => Date.parse('2026-11-22T18:00:00.000Z'), ...parts });
	spools.push(spool);
	return spool;
}

const SUBJECT = { workspace: 'google', workspaceId: 'w-1', server: 'jira', tool: 'search' };
const mark = (kind: RecordMark['kind'], requestId: string): RecordMark => ({ kind, requestId, subject: SUBJECT });
const text = (kind: RecordMark['kind'], request: string, more: object = {}): string =>
	JSON.stringify({ time: '2026-11-22T18:00:00.000Z', kind, request, ...more });

function intend(spool: Spool, request: string): void {
	spool.keep(text('intent', request, SUBJECT), mark('intent', request));
}
function end(spool: Spool, request: string): void {
	spool.keep(text('outcome', request, { outcome: 'ok' }), mark('outcome', request));
}

const names = (): string[] => readdirSync(folder).sort();
const segment = (number: number): string => join(folder, `${String(number).padStart(10, '0')}.jsonl`);
const contents = (number: number): string => readFileSync(segment(number), 'utf8');

/** Everything that waits, acknowledged batch by batch. */
async function drain(spool: Spool, maxBytes = MIB): Promise<string[]> {
	const all: string[] = [];
	for (let batch = await spool.read(maxBytes); batch !== undefined; batch = await spool.read(maxBytes)) {
		all.push(...batch.records);
		await spool.acknowledge(batch.position);
	}
	return all;
}

const endings = (lines: readonly string[]): string[] =>
	lines.flatMap((line) => {
		const { kind, request, outcome } = JSON.parse(line);
		return kind === 'outcome' ? [`${request} ${outcome}`] : [];
	});

const failure = (act: () => void): string => {
	try {
		act();
		return 'kept';
	} catch (error) {
		return String((error as { code?: unknown }).code);
	}
};

describe('a spool', () => {
	it('keeps a record in the first segment when the call returns, readable by nobody else', () => {
		open().keep('{"a":1}');
		expect(contents(1)).toBe('{"a":1}\n');
		expect(statSync(segment(1)).mode & 0o777).toBe(0o600);
		expect(statSync(folder).mode & 0o777).toBe(0o700);
	});

	it('begins another segment when one has reached its size, and loses no line between them', async () => {
		const spool = open({ segmentBytes: 100 });
		const lines = Array.from({ length: 30 }, (_, at) => `{"line":${at}}`);
		for (const line of lines.slice(0, 20)) spool.keep(line);
		await Promise.all(lines.slice(20).map((line) => spool.keepTogether(line)));
		expect(names().length).toBeGreaterThan(2);
		expect(await drain(spool)).toEqual(lines);
	});

	it('lets the lines of one turn share a segment, also when it is sealed meanwhile', async () => {
		const spool = open();
		spool.keep('before');
		const both = [spool.keepTogether('one'), spool.keepTogether('two')];
		spool.seal();
		await Promise.all(both);
		expect([contents(1), contents(2)]).toEqual(['before\n', 'one\ntwo\n']);
	});

	it('goes on in the old segment when no other can be begun', () => {
		const spool = open({ segmentBytes: 10 });
		spool.keep('0123456789');
		symlinkSync(join(folder, 'nowhere', 'at all'), segment(2));
		spool.keep('still');
		spool.keep('and on');
		expect(contents(1)).toBe('0123456789\nstill\nand on\n');
		expect(() => spool.seal()).toThrow('ENOENT');
	});
});

describe('the reader of a spool', () => {
	it('is given the same records until it acknowledges them', async () => {
		const spool = open();
		expect(await spool.read(MIB)).toBeUndefined();
		for (const line of ['one', 'two', 'three']) spool.keep(line);
		const first = await spool.read(MIB, 2);
		expect(first?.records).toEqual(['one', 'two']);
		expect((await spool.read(MIB, 2))?.records).toEqual(['one', 'two']);
		await spool.acknowledge(first!.position);
		expect((await spool.read(MIB, 2))?.records).toEqual(['three']);
		expect(spool.unshippedBytes()).toBe(6);
	});

	it('is given no more bytes than it wants, but a longer line whole', async () => {
		const spool = open();
		const long = 'ü'.repeat(500);
		for (const line of ['one', 'two', long, 'three']) spool.keep(line);
		const sizes: number[] = [];
		for (let batch = await spool.read(10); batch !== undefined; batch = await spool.read(10)) {
			sizes.push(batch.records.length);
			await spool.acknowledge(batch.position);
		}
		expect(sizes).toEqual([2, 1, 1]);
	});

	it('goes on where a former process acknowledged', async () => {
		const spool = open();
		for (const line of ['one', 'two']) spool.keep(line);
		await spool.acknowledge((await spool.read(MIB, 1))!.position);
		expect(statSync(join(folder, 'shipped.json')).mode & 0o777).toBe(0o600);
		const next = open();
		next.keep('three');
		expect(await drain(next)).toEqual(['two', 'three']);
	});

	it('is given everything again when what it acknowledged cannot be read', async () => {
		const spool = open();
		for (const line of ['one', 'two']) spool.keep(line);
		await spool.acknowledge((await spool.read(MIB, 1))!.position);
		writeFileSync(join(folder, 'shipped.json'), '{"segment":1,"off');
		expect(await drain(open())).toEqual(['one', 'two']);
	});

	it('never takes a new record for one that was shipped, though all segments are gone', async () => {
		const spool = open();
		spool.keep('a line of some length');
		spool.seal();
		expect(await drain(spool)).toEqual(['a line of some length']);
		spool.keep('another');
		spool.seal();
		await drain(spool);
		spool.close();
		spools = [];
		for (const name of names()) if (name.endsWith('.jsonl')) rmSync(join(folder, name));
		const next = open();
		next.keep('new');
		expect(await drain(next)).toEqual(['new']);
	});

	it('that acknowledges an old position changes nothing', async () => {
		const spool = open();
		spool.keep('one');
		const first = await spool.read(MIB);
		spool.keep('two');
		const both = await spool.read(MIB);
		await spool.acknowledge(both!.position);
		await spool.acknowledge(first!.position);
		expect(await spool.read(MIB)).toBeUndefined();
	});
});

describe('a segment', () => {
	it('is removed when it is sealed and shipped', async () => {
		const spool = open();
		spool.keep('one');
		expect(await drain(spool)).toEqual(['one']);
		expect(names()).toEqual(['0000000001.jsonl', 'shipped.json']);
		spool.seal();
		expect(await drain(spool)).toEqual([]);
		expect(names()).toEqual(['0000000002.jsonl', 'shipped.json']);
	});

	it('stays while a call that began in it is under way, and no other does', async () => {
		const spool = open();
		intend(spool, 'long');
		spool.seal();
		intend(spool, 'short');
		end(spool, 'short');
		spool.seal();
		await drain(spool);
		expect(names()).toEqual(['0000000001.jsonl', '0000000003.jsonl', 'shipped.json']);
		end(spool, 'long');
		await drain(spool);
		expect(names()).toEqual(['0000000003.jsonl', 'shipped.json']);
	});
});

describe('a torn line', () => {
	it('at the end of what a process left is passed over and counted', async () => {
		open().keep('{"a":1}');
		appendFileSync(segment(1), '{"half":');
		const spool = open();
		spool.keep('{"b":2}');
		const seen: unknown[] = [];
		for (let batch = await spool.read(MIB); batch !== undefined; batch = await spool.read(MIB)) {
			seen.push([batch.records, batch.torn]);
			await spool.acknowledge(batch.position);
		}
		expect(seen).toEqual([
			[['{"a":1}'], 0],
			[[], 1],
			[['{"b":2}'], 0],
		]);
		expect(names()).toEqual(['0000000002.jsonl', 'shipped.json']);
	});

	it('that lacks nothing but its end was told to nobody, and is no record', async () => {
		const spool = open();
		intend(spool, 'r-1');
		appendFileSync(segment(1), text('outcome', 'r-1', { outcome: 'ok' }));
		expect(endings(await drain(open()))).toEqual(['r-1 unknown']);
	});
});

describe('the limit of a spool', () => {
	const LINE = 'x'.repeat(99);
	const LIMIT = 1_600;

	it.each([
		['one byte below it', 98, 'kept'],
		['at it', 99, 'kept'],
		['one byte above it', 100, 'SPOOL_FULL'],
	])('judges a record that ends %s', async (_, length, expected) => {
		for (const together of [false, true]) {
			rmSync(folder, { recursive: true, force: true });
			const spool = open({ limitBytes: LIMIT, segmentBytes: 500 });
			for (let count = 0; count < 15; count++) spool.keep(LINE);
			const last = 'y'.repeat(length);
			const judged = together
				? await spool.keepTogether(last).then(
						() => 'kept',
						({ code }) => code,
					)
				: failure(() => spool.keep(last));
			expect(judged).toBe(expected);
			expect(spool.unshippedBytes()).toBe(1_500 + (expected === 'kept' ? length + 1 : 0));
		}
	});

	it('counts the lines of one turn before they are written, and refuses each by itself', async () => {
		const spool = open({ limitBytes: 250 });
		const settled = await Promise.allSettled([LINE, LINE, LINE].map((line) => spool.keepTogether(line)));
		expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
		expect(contents(1)).toBe(`${LINE}\n${LINE}\n`);
	});

	it('gives way when records are shipped, also in part of a segment', async () => {
		const spool = open({ limitBytes: 250 });
		for (const line of [LINE, LINE]) spool.keep(line);
		expect(failure(() => spool.keep(LINE))).toBe('SPOOL_FULL');
		await spool.acknowledge((await spool.read(MIB, 1))!.position);
		expect(failure(() => spool.keep(LINE))).toBe('kept');
		expect(failure(() => spool.keep(LINE))).toBe('SPOOL_FULL');
	});

	it('counts what a former process left', () => {
		const spool = open({ limitBytes: 250 });
		for (const line of [LINE, LINE]) spool.keep(line);
		const next = open({ limitBytes: 250 });
		expect(next.unshippedBytes()).toBe(200);
		expect(failure(() => next.keep(LINE))).toBe('SPOOL_FULL');
	});

	it.each([
		['the end of it', 99, 'kept'],
		['one byte more', 100, 'SPOOL_FULL'],
	])('leaves a sixteenth more to the outcomes of calls whose intent is kept, up to %s', (_, length, expected) => {
		const spool = open({ limitBytes: LIMIT });
		spool.keep('i'.repeat(99), mark('intent', 'r-1'));
		for (let count = 0; count < 15; count++) spool.keep(LINE);
		expect(spool.unshippedBytes()).toBe(LIMIT);
		const outcome = 'o'.repeat(length);
		expect(failure(() => spool.keep('{}', mark('intent', 'r-2')))).toBe('SPOOL_FULL');
		expect(failure(() => spool.keep('{}', mark('outcome', 'r-2')))).toBe('SPOOL_FULL');
		expect(failure(() => spool.keep(outcome, mark('outcome', 'r-1')))).toBe(expected);
		expect(failure(() => spool.keep('{}', mark('outcome', 'r-1')))).toBe(expected === 'kept' ? 'SPOOL_FULL' : 'kept');
	});
});

describe('an outcome that cannot be kept', () => {
	it('is called unknown as soon as there is room, before anything else is kept', async () => {
		const spool = open({ limitBytes: 200 });
		intend(spool, 'r-1');
		const outcome = text('outcome', 'r-1', { outcome: 'ok', detail: 'x'.repeat(200) });
		expect(failure(() => spool.keep(outcome, mark('outcome', 'r-1')))).toBe('SPOOL_FULL');
		expect(endings(await drain(spool))).toEqual(['r-1 unknown']);
		intend(spool, 'r-2');
		expect((await drain(spool)).map((line) => JSON.parse(line).request)).toEqual(['r-2']);
	});

	it('is known to the line by whose call it was', async () => {
		const spool = open({ limitBytes: 200 });
		intend(spool, 'r-1');
		failure(() => spool.keep('x'.repeat(300), mark('outcome', 'r-1')));
		const [, unknown] = await drain(spool);
		expect(JSON.parse(unknown!)).toEqual({
			...{ time: '2026-11-22T18:00:00.000Z', kind: 'outcome', request: 'r-1' },
			...SUBJECT,
			outcome: 'unknown',
		});
	});
});

describe('what a process left without an outcome', () => {
	it('is called unknown at the next start, once, before anything new', async () => {
		const spool = open({ segmentBytes: 200 });
		for (const request of ['r-1', 'r-2', 'r-3']) intend(spool, request);
		end(spool, 'r-2');
		for (let start = 0; start < 3; start++) {
			const next = open({ segmentBytes: 200 });
			expect(next.abandoned).toBe(start === 0 ? 2 : 0);
			next.keep(text('outcome', `new-${start}`, { outcome: 'refused' }));
		}
		const expected = ['r-2 ok', 'r-1 unknown', 'r-3 unknown', 'new-0 refused', 'new-1 refused', 'new-2 refused'];
		expect(endings(await drain(open()))).toEqual(expected);
	});

	it('says whose it was', async () => {
		intend(open(), 'r-1');
		const [, unknown] = await drain(open());
		expect(JSON.parse(unknown!)).toMatchObject({ ...SUBJECT, outcome: 'unknown' });
	});

	it('is completed when the process that recovers it dies on the way', async () => {
		const spool = open();
		for (const request of ['r-1', 'r-2', 'r-3']) intend(spool, request);
		open();
		// As it stands when the second of three lines was half written.
		const [first, second] = contents(2).split('\n');
		writeFileSync(segment(2), `${first}\n${second!.slice(0, 40)}`);
		expect(endings(await drain(open()))).toEqual(['r-1 unknown', 'r-2 unknown', 'r-3 unknown']);
	});

	it('is found in a segment that was shipped, and nothing else there is', async () => {
		const spool = open();
		for (const request of ['short', 'long']) intend(spool, request);
		spool.seal();
		end(spool, 'short');
		spool.seal();
		// The outcome of the short call is shipped and gone; its intent stays beside the long one's.
		expect(await drain(spool)).toHaveLength(3);
		expect(names()).toEqual(['0000000001.jsonl', '0000000003.jsonl', 'shipped.json']);
		const next = open();
		expect(next.abandoned).toBe(1);
		expect(endings(await drain(next))).toEqual(['long unknown']);
		expect(names()).toEqual(['0000000004.jsonl', 'shipped.json']);
		expect(open().abandoned).toBe(0);
	});

	it('may be more than the limit allows', async () => {
		const spool = open({ limitBytes: 500 });
		intend(spool, 'r-1');
		const next = open({ limitBytes: 1 });
		expect(failure(() => next.keep('new'))).toBe('SPOOL_FULL');
		expect(endings(await drain(next))).toEqual(['r-1 unknown']);
	});

	it('is not seen in lines that are no records', async () => {
		mkdirSync(folder);
		const torn = text('intent', 'r-1').slice(0, 60);
		writeFileSync(segment(1), ['', torn, 'null', '[]', '"intent"', '{"kind":"intent"}', ''].join('\n'));
		expect(open().abandoned).toBe(0);
	});
});

describe.skipIf(!existsSync(FULL_DISK))('a disk that takes nothing more', () => {
	const fillDisk = (spool: Spool, next: number): void => {
		symlinkSync(FULL_DISK, segment(next));
		spool.seal();
	};
	const freeDisk = (spool: Spool, next: number): void => {
		rmSync(segment(next));
		spool.reopen();
	};

	it('is an error for every record, and what was kept can be read all the same', async () => {
		const spool = open();
		spool.keep('before');
		fillDisk(spool, 2);
		expect(failure(() => spool.keep('lost'))).toBe('ENOSPC');
		expect(await Promise.allSettled([spool.keepTogether('a'), spool.keepTogether('b')])).toMatchObject([
			{ status: 'rejected', reason: { code: 'ENOSPC' } },
			{ status: 'rejected', reason: { code: 'ENOSPC' } },
		]);
		expect(await drain(spool)).toEqual(['before']);
		expect(spool.unshippedBytes()).toBe(0);
		freeDisk(spool, 2);
		spool.keep('back');
		expect(await drain(spool)).toEqual(['back']);
	});

	it('is emptied although it has no room to remember what was shipped, and nothing is lost by that', async () => {
		const spool = open();
		spool.keep('before');
		spool.seal();
		spool.keep('after');
		symlinkSync(FULL_DISK, join(folder, 'shipped.json.tmp'));
		await spool.acknowledge((await spool.read(MIB))!.position);
		expect(names()).toEqual(['0000000002.jsonl', 'shipped.json.tmp']);
		expect(spool.unshippedBytes()).toBe(6);
		expect(await drain(open())).toEqual(['after']);
	});

	it('keeps a segment with an open call until what was shipped can be remembered', async () => {
		const spool = open();
		intend(spool, 'r-1');
		spool.seal();
		symlinkSync(FULL_DISK, join(folder, 'shipped.json.tmp'));
		const { position } = (await spool.read(MIB))!;
		await expect(spool.acknowledge(position)).rejects.toThrow('ENOSPC');
		rmSync(join(folder, 'shipped.json.tmp'));
		await spool.acknowledge(position);
		expect(names()).toEqual(['0000000001.jsonl', '0000000002.jsonl', 'shipped.json']);
	});

	it('during a call leaves its outcome unknown, and says so when it has room again', async () => {
		const spool = open();
		for (const request of ['r-1', 'r-2', 'r-3']) intend(spool, request);
		fillDisk(spool, 2);
		expect(failure(() => end(spool, 'r-1'))).toBe('ENOSPC');
		await spool.keepTogether('{}', mark('outcome', 'r-2')).catch(() => undefined);
		expect(failure(() => intend(spool, 'r-4'))).toBe('ENOSPC');
		freeDisk(spool, 2);
		end(spool, 'r-3');
		expect(endings(await drain(spool))).toEqual(['r-1 unknown', 'r-2 unknown', 'r-3 ok']);
	});
});
