import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from './folder-lock.ts';

describe('the lock of a folder', () => {
	let folder: string;
	let file: string;
	beforeEach(() => {
		folder = join(mkdtempSync(join(tmpdir(), 'portcullis-lock-')), 'data');
		file = join(folder, 'owner.json');
	});
	afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

	const owner = (): Record<string, unknown> => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
	/** Turns the file of a living owner into that of one who is not. */
	const rewrite = (change: Record<string, unknown>): void =>
		writeFileSync(file, JSON.stringify({ ...owner(), ...change }));
	const lockAgain = (): void => lockFolder(folder).release();

	it('makes the folder, names the process, and leaves nothing when it is released', () => {
		const lock = lockFolder(folder);
		expect(owner()).toMatchObject({ pid: process.pid });
		lock.release();
		expect(readdirSync(folder)).toEqual([]);
	});

	it('refuses a second owner, even in the same process, and says what to do', () => {
		const lock = lockFolder(folder);
		expect(() => lockFolder(folder)).toThrow(
			expect.objectContaining({
				code: 'PC_DATA_FOLDER_TAKEN',
				message: `Another process uses the data folder ${folder} (process ${process.pid}); stop it, or set PORTCULLIS_DATA to a folder of its own.`,
			}),
		);
		lock.release();
		lockAgain();
	});

	it('takes over from a process that is gone', () => {
		lockFolder(folder);
		rewrite({ pid: spawnSync(process.execPath, ['--version']).pid });
		lockAgain();
		expect(existsSync(file)).toBe(false);
	});

	it.runIf(process.platform === 'linux')('takes over when the number of the process is another’s by now', () => {
		lockFolder(folder);
		rewrite({ pid: process.ppid, started: '1' });
		lockAgain();
	});

	it('respects an owner in another container for as long as it shows life', () => {
		lockFolder(folder);
		rewrite({ pid: 1, processes: 'elsewhere' });
		expect(() => lockFolder(folder)).toThrow('in another container');
		const before = new Date(Date.now() - 60_000);
		utimesSync(file, before, before);
		lockAgain();
	});

	it('takes over a file whose writer died before it wrote, but not at once', () => {
		lockFolder(folder);
		writeFileSync(file, '');
		expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'PC_DATA_FOLDER_TAKEN' }));
		const before = new Date(Date.now() - 60_000);
		utimesSync(file, before, before);
		lockAgain();
	});

	it('takes over from a process that died while it was taking over', () => {
		lockFolder(folder);
		const gone = { ...owner(), pid: spawnSync(process.execPath, ['--version']).pid };
		rewrite({ ...gone, id: 'first' });
		writeFileSync(`${file}.first`, JSON.stringify({ ...gone, id: 'second' }));
		const lock = lockFolder(folder);
		expect(readdirSync(folder)).toEqual(['owner.json']);
		lock.release();
	});

	it('leaves the file alone on release when it has become another’s', () => {
		const lock = lockFolder(folder);
		rewrite({ id: 'of another' });
		lock.release();
		expect(owner()).toMatchObject({ id: 'of another' });
	});
});
