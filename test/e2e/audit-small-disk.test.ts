import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSpool } from '../../src/audit/spool.ts';

const CHILD = resolve(import.meta.dirname, '../fakes/audit-small-disk.mjs');

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-small-disk-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
	readonly kept: readonly string[];
	readonly lost: readonly string[];
	readonly codes: readonly string[];
	readonly before: number;
}

const recordsIn = (name: string): string[] =>
	readFileSync(join(folder, name), 'utf8')
		.split('\n')
		.filter(Boolean)
		.map((line) => {
			const { kind, request } = JSON.parse(line) as Record<string, string>;
			return `${kind} ${request}`;
		});

/** Runs the child where the system stops a file at this size, with part of a write done, as a full disk does. */
function keepOnSmallDisk(blocks: number): Told {
	const limited = `ulimit -f ${blocks} && exec "$0" "$@"`;
	return JSON.parse(execFileSync('sh', ['-c', limited, process.execPath, CHILD, folder], { encoding: 'utf8' })) as Told;
}

describe('a disk that fills up in the middle of a write', () => {
	it('leaves exactly the records that were told to be kept, and no half line', () => {
		const told = keepOnSmallDisk(40);
		expect(told.codes).toEqual(Array(5).fill('EFBIG'));
		expect([...recordsIn('0000000001.jsonl'), ...recordsIn('0000000002.jsonl')]).toEqual(told.kept);
		expect(told.kept.at(-1)).toBe('outcome afterwards');
		expect(readFileSync(join(folder, '0000000001.jsonl'))).toHaveLength(told.before);
	});
});

describe('a disk that is full at the start', () => {
	it('holds back every record until the calls of the former process can be told, which stay unknown once', async () => {
		const spool = createSpool({ folder, limitBytes: 1_000_000, now: Date.now });
		const mark = { kind: 'intent', requestId: 'r-1', subject: {} } as const;
		spool.keep(`{"time":"${new Date().toISOString()}","kind":"intent","request":"r-1"}`, mark);
		spool.close();
		expect(keepOnSmallDisk(0)).toMatchObject({ kept: [], codes: Array(6).fill('EFBIG') });
		for (const abandoned of [1, 0]) {
			const next = createSpool({ folder, limitBytes: 1_000_000, now: Date.now });
			expect(next.abandoned).toBe(abandoned);
			next.close();
		}
	});
});
