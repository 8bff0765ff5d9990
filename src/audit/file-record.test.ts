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
		open().keep('{"a":1}');
		expect(text()).toBe('{"a":1}\n');
		expect(statSync(path).mode & 0o777).toBe(0o600);
		expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
	});

	it('follows the ones that were kept before, also by an earlier process', () => {
		open().keep('one');
		records?.close();
		open().keep('two');
		expect(text()).toBe('one\ntwo\n');
	});

	it('may hold any text', () => {
		const line = JSON.stringify({ text: 'ü👋\n\u2028', long: 'x'.repeat(200_000) });
		open().keep(line);
		expect(text()).toBe(`${line}\n`);
	});
});

describe('a torn line at the end of the file', () => {
	it('is ended before the next record, which stands on a line of its own', async () => {
		open().keep('{"a":1}');
		appendFileSync(path, '{"half":');
		records?.close();
		const keeper = open();
		keeper.keep('{"b":2}');
		keeper.keep('{"c":3}');
		expect(text()).toBe('{"a":1}\n{"half":\n{"b":2}\n{"c":3}\n');
	});

	it('is found when the file is opened anew', () => {
		const keeper = open();
		renameSync(path, `${path}.1`);
		appendFileSync(path, '{"half":');
		keeper.reopen();
		keeper.keep('{"b":2}');
		expect(text()).toBe('{"half":\n{"b":2}\n');
		expect(readFileSync(`${path}.1`, 'utf8')).toBe('');
	});
});

describe('a rotation', () => {
	it('is followed when the file is opened anew, and only then', () => {
		const keeper = open();
		keeper.keep('one');
		renameSync(path, `${path}.1`);
		keeper.keep('two');
		keeper.reopen();
		keeper.keep('three');
		expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\n');
		expect(text()).toBe('three\n');
	});

	it('that cannot be followed is an error, and the old file is kept on', () => {
		const keeper = open();
		renameSync(join(folder, 'deep'), join(folder, 'moved'));
		expect(() => keeper.reopen()).toThrow('ENOENT');
		keeper.keep('still');
		expect(readFileSync(join(folder, 'moved', 'audit.jsonl'), 'utf8')).toBe('still\n');
	});
});

describe.skipIf(!existsSync(FULL_DISK))('a disk that takes nothing more', () => {
	it('is an error for every record', () => {
		open();
		rmSync(path);
		symlinkSync(FULL_DISK, path);
		records?.reopen();
		const keeper = records as RecordKeeper;
		expect(() => keeper.keep('lost')).toThrow('ENOSPC');
		expect(() => keeper.keep('lost too')).toThrow('ENOSPC');
		rmSync(path);
		keeper.reopen();
		keeper.keep('back');
		keeper.keep('again');
		expect(text()).toBe('back\nagain\n');
	});
});
