import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStdioLog, type StdioOptions, stdioServer } from '../../test/fakes/upstream.ts';
import { type ChildExit, type StdioChild, startStdioChild } from './stdio-child.ts';

const soon = <T>(get: () => T) => expect.poll(get, { timeout: 4_000, interval: 10 });

const PATH = process.env['PATH'] ?? '';
const MEGABYTE = 1024 * 1024;
let folder: string;
let logPath: string;
let children: StdioChild[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-child-'));
	logPath = join(folder, 'log.jsonl');
	children = [];
});
afterEach(async () => {
	await Promise.all(children.map((child) => child.stop()));
	rmSync(folder, { recursive: true, force: true });
});

interface Started {
	readonly child: StdioChild;
	readonly lines: string[];
	readonly exits: ChildExit[];
	/** Resolves with the reason once the child has ended. */
	readonly ended: Promise<ChildExit>;
}

function start(
	command: string,
	args: readonly string[],
	more: { env?: object; cwd?: string; lineBytes?: number } = {},
): Started {
	const lines: string[] = [];
	const exits: ChildExit[] = [];
	let finish: (reason: ChildExit) => void = () => undefined;
	const ended = new Promise<ChildExit>((resolve) => {
		finish = resolve;
	});
	const child = startStdioChild(
		{ command, args, cwd: more.cwd, env: { PATH, ...more.env }, lineBytes: more.lineBytes ?? MEGABYTE },
		{
			onLine: (line) => lines.push(line),
			onExit(reason) {
				exits.push(reason);
				finish(reason);
			},
		},
	);
	children.push(child);
	return { child, lines, exits, ended };
}

const node = (script: string, more?: Parameters<typeof start>[2]) => start(process.execPath, ['-e', script], more);

function fixture(options: StdioOptions = {}): Started {
	const { command, args, env } = stdioServer({ logPath, era: 'legacy', ...options });
	return start(command, args, { env });
}

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const events = () => readStdioLog(logPath).map(({ event }) => event);

/** Whether a process runs; one that has ended but that its new parent has not collected yet does not. */
function isAlive(pid: number | undefined): boolean {
	try {
		process.kill(pid as number, 0);
		return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
	} catch {
		return false;
	}
}

describe('a child', () => {
	it('answers line by line, noise and all', async () => {
		const { child, lines } = fixture({ noise: 'not json' });
		expect(child.writeLine(PING)).toBe(true);
		await soon(() => lines).toEqual(['not json', '{"jsonrpc":"2.0","id":1,"result":{}}']);
	});

	it('gets its arguments as they are, with no shell between, and exactly the environment it was given', async () => {
		const odd = ['a b', '$HOME', '; exit 7', '`id`', '"', '*', '--', ''];
		const script = 'console.log(JSON.stringify([process.argv.slice(1), process.env]))';
		const { lines } = start(process.execPath, ['-e', script, '--', ...odd], { env: { API_KEY: 's $x' } });
		await soon(() => lines).toHaveLength(1);
		const [args, env] = JSON.parse(lines[0]!) as [string[], Record<string, string>];
		expect(args).toEqual(odd);
		expect(env).toEqual({ PATH, API_KEY: 's $x' });
	});

	it('starts in the folder it was given', async () => {
		const { lines } = node('console.log(process.cwd())', { cwd: folder });
		await soon(() => lines).toEqual([folder]);
	});

	it('may write characters and lines in any pieces', async () => {
		const bytes = Buffer.from('{"a":"ü👋"}\r\nsecond\n\nthird without end');
		const script = `for (const byte of [${[...bytes].join()}]) process.stdout.write(Buffer.of(byte))`;
		const { lines, ended } = node(script);
		await ended;
		expect(lines).toEqual(['{"a":"ü👋"}\r', 'second', '']);
	});

	it('has the end of its stderr kept, and no more than that', async () => {
		const { child, ended } = node('process.stderr.write("x".repeat(200_000) + "the end")');
		await ended;
		expect(child.stderrTail()).toHaveLength(64 * 1024);
		expect(child.stderrTail().endsWith('xthe end')).toBe(true);
	});
});

describe('the end of a child', () => {
	it('is told once, with its exit code, after the last line', async () => {
		const { child, lines, exits, ended } = node('console.log("last words"); process.exitCode = 3');
		expect(await ended).toEqual({ kind: 'exited', detail: 'exit code 3' });
		expect(lines).toEqual(['last words']);
		expect(child.writeLine(PING)).toBe(false);
		await child.stop();
		expect(exits).toHaveLength(1);
	});

	it('in the middle of its work is told like any other, and a signal by its name', async () => {
		const { child, ended } = fixture();
		child.writeLine('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crash"}}');
		expect(await ended).toEqual({ kind: 'exited', detail: 'exit code 1' });
		const killed = node('process.kill(process.pid, "SIGKILL")');
		expect(await killed.ended).toEqual({ kind: 'exited', detail: 'SIGKILL' });
	});

	it('is told of a program that does not exist', async () => {
		for (const command of [join(folder, 'missing'), folder]) {
			const { child, ended } = start(command, []);
			expect((await ended).kind).toBe('not-started');
			expect(child.writeLine(PING)).toBe(false);
			await child.stop();
		}
	});

	it('is told although a grandchild holds its stdout, and takes the grandchild with it', async () => {
		const { child, ended } = fixture({ grandchild: true });
		await soon(events).toContain('grandchild');
		const grandchild = readStdioLog(logPath).find(({ event }) => event === 'grandchild')?.pid;
		expect(isAlive(grandchild)).toBe(true);
		child.writeLine('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crash"}}');
		await ended;
		await soon(() => isAlive(grandchild)).toBe(false);
	});
});

describe('stopping a child', () => {
	it('lets it end by itself', async () => {
		const { child, ended } = fixture();
		await soon(events).toContain('start');
		await child.stop();
		expect(isAlive(child.pid)).toBe(false);
		await ended;
	});

	it('ends one that ignores both the end of stdin and SIGTERM, and its grandchild', async () => {
		const { child, ended } = fixture({ ignoreEof: true, ignoreSigterm: true, grandchild: true });
		await soon(events).toContain('grandchild');
		const grandchild = readStdioLog(logPath).find(({ event }) => event === 'grandchild')?.pid;
		await child.stop();
		expect(await ended).toEqual({ kind: 'exited', detail: 'SIGKILL' });
		expect(events()).toEqual(expect.arrayContaining(['eof', 'sigterm']));
		expect(isAlive(child.pid)).toBe(false);
		await soon(() => isAlive(grandchild)).toBe(false);
	});

	it('twice is once, and stopping one that has ended is nothing', async () => {
		const { child, exits } = fixture();
		await soon(events).toContain('start');
		await Promise.all([child.stop(), child.stop()]);
		await child.stop();
		expect(exits).toHaveLength(1);
	});
});

describe('a line that is too long', () => {
	it('ends the child; one of exactly the limit does not', async () => {
		const fine = node('console.log("x".repeat(1000))', { lineBytes: 1_000 });
		expect(await fine.ended).toEqual({ kind: 'exited', detail: 'exit code 0' });
		expect(fine.lines).toHaveLength(1);
		const long = node('console.log("x".repeat(1001)); setInterval(() => {}, 1000)', { lineBytes: 1_000 });
		expect(await long.ended).toMatchObject({ kind: 'line-too-long' });
		expect(long.lines).toEqual([]);
		await soon(() => isAlive(long.child.pid)).toBe(false);
		expect(long.exits).toHaveLength(1);
	});

	it('is noticed before it ends', async () => {
		const script = 'setInterval(() => process.stdout.write("x".repeat(100_000)), 1)';
		const { lines, ended } = node(script, { lineBytes: 1_000_000 });
		expect(await ended).toMatchObject({ kind: 'line-too-long' });
		expect(lines).toEqual([]);
	});

	it('counts bytes, not characters', async () => {
		const { ended } = node('console.log("ü".repeat(501))', { lineBytes: 1_000 });
		expect(await ended).toMatchObject({ kind: 'line-too-long' });
	});
});
