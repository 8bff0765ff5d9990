import {
	appendFileSync,
	existsSync,
	mkdtempSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileRecord, type RecordKeeper } from './file-record.ts';

const FULL_DISK = '/dev/full';
let folder: string;
let path: string;
let records: RecordKeeper | undefined;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-record-'));
	path = join(folder, 'deep', 'audit.jsonl');
});
afterEach(() => {
	records?.close();
	records = undefined;
	rmSync(folder, { recursive: true, force: true });
});

function open(): RecordKeeper {
	records = createFileRecord(path);
	return records;
}

const text = (): string => readFileSync(path, 'utf8');

describe('a record', () => {
	it('is in the file when the call returns, readable by nobody else', () => {
		open().keepNow('{"a":1}');
		expect(text()).toBe('{"a":1}\n');
		expect(statSync(path).mode & 0o777).toBe(0o600);
		expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
	});

	it('follows the ones that were kept before, also by an earlier process', () => {
		open().keepNow('one');
		records?.close();
		open().keepNow('two');
		expect(text()).toBe('one\ntwo\n');
	});

	it('shares one write with the others of its turn, in order', async () => {
		const keeper = open();
		const kept = ['one', 'two', 'three'].map((line) => keeper.keep(line));
		expect(text()).toBe('');
		await kept[0];
		expect(text()).toBe('one\ntwo\nthree\n');
		await Promise.all(kept);
		await keeper.keep('four');
		expect(text()).toBe('one\ntwo\nthree\nfour\n');
	});

	it('may hold any text', () => {
		const line = JSON.stringify({ text: 'ü👋\n\u2028', long: 'x'.repeat(200_000) });
		open().keepNow(line);
		expect(text()).toBe(`${line}\n`);
	});
});

describe('a torn line at the end of the file', () => {
	it('is ended before the next record, which stands on a line of its own', async () => {
		open().keepNow('{"a":1}');
		appendFileSync(path, '{"half":');
		records?.close();
		const keeper = open();
		keeper.keepNow('{"b":2}');
		await keeper.keep('{"c":3}');
		expect(text()).toBe('{"a":1}\n{"half":\n{"b":2}\n{"c":3}\n');
	});

	it('is found when the file is opened anew', () => {
		const keeper = open();
		renameSync(path, `${path}.1`);
		appendFileSync(path, '{"half":');
		keeper.reopen();
		keeper.keepNow('{"b":2}');
		expect(text()).toBe('{"half":\n{"b":2}\n');
		expect(readFileSync(`${path}.1`, 'utf8')).toBe('');
	});
});

describe('a rotation', () => {
	it('is followed when the file is opened anew, and only then', () => {
		const keeper = open();
		keeper.keepNow('one');
		renameSync(path, `${path}.1`);
		keeper.keepNow('two');
		keeper.reopen();
		keeper.keepNow('three');
		expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\n');
		expect(text()).toBe('three\n');
	});

	it('that cannot be followed is an error, and the old file is kept on', () => {
		const keeper = open();
		renameSync(join(folder, 'deep'), join(folder, 'moved'));
		expect(() => keeper.reopen()).toThrow('ENOENT');
		keeper.keepNow('still');
		expect(readFileSync(join(folder, 'moved', 'audit.jsonl'), 'utf8')).toBe('still\n');
	});
});

describe.skipIf(!existsSync(FULL_DISK))('a disk that takes nothing more', () => {
	it('is an error for every record, at once or together', async () => {
		open();
		rmSync(path);
		symlinkSync(FULL_DISK, path);
		records?.reopen();
		const keeper = records as RecordKeeper;
		expect(() => keeper.keepNow('lost')).toThrow('ENOSPC');
		const kept = await Promise.allSettled([keeper.keep('lost'), keeper.keep('lost too')]);
		expect(kept.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
		rmSync(path);
		keeper.reopen();
		keeper.keepNow('back');
		await keeper.keep('again');
		expect(text()).toBe('back\nagain\n');
	});
});
