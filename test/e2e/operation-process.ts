import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type FakeDirectory, startFakeDirectory } from '../fakes/directory.ts';
import type { AuditLine, ConfigInput } from '../fakes/gateway.ts';
import { openFolder } from '../fakes/postgres.ts';
import { prepareData } from '../fakes/prepared-data.ts';
import { endDatabase, readRecorded } from '../fakes/recorded.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/main.js');
const READY_MS = 20_000;

/** How a process ended. */
export interface Exit {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

/** The command line as a process of its own. */
export interface CliProcess {
	readonly pid: number;
	readonly exit: Promise<Exit>;
	stdout(): string;
	stderr(): string;
	signal(name: NodeJS.Signals): void;
	/** As a terminal does it: to the process and to all of its group. */
	signalGroup(name: NodeJS.Signals): void;
}

/** A temporary folder with a configuration and a directory that signs; processes started in it end with it. */
export interface Workbench {
	readonly folder: string;
	readonly directory: FakeDirectory;
	path(name: string): string;
	/** Writes the configuration file. */
	configure(config: ConfigInput): void;
	start(args: readonly string[], env?: Readonly<Record<string, string>>, input?: string): CliProcess;
	/** Runs a command to its end; `input` is what it finds on standard input. */
	run(
		args: readonly string[],
		env?: Readonly<Record<string, string>>,
		input?: string,
	): Promise<Exit & { out: string; err: string }>;
	/** The command lines of all processes that run here, as others on the machine see them. */
	commandLines(): string;
	/** Data folder of the gateways that run in it. */
	readonly dataFolder: string;
	/** What was recorded, once no gateway runs in it any more. */
	audit(): Promise<readonly AuditLine[]>;
	close(): Promise<void>;
}

/** Prepares a folder; nothing runs in it yet. */
export async function openWorkbench(): Promise<Workbench> {
	const folder = openFolder('portcullis-process-');
	const dataFolder = join(folder, '.portcullis');
	const directory = await startFakeDirectory();
	const processes: CliProcess[] = [];
	const path = (name: string): string => join(folder, name);
	const start: Workbench['start'] = (args, env = {}, input = '') => {
		const own = { PATH: process.env['PATH'] ?? '', HOME: folder };
		const started = startCli(args, { cwd: folder, env: { ...own, ...env }, input });
		processes.push(started);
		return started;
	};
	return {
		folder,
		dataFolder,
		directory,
		path,
		start,
		configure(config) {
			writeFileSync(path('portcullis.yaml'), stringify({ directories: [directory.directory], ...config }));
		},
		async run(args, env, input) {
			const started = start(args, env, input);
			const exit = await started.exit;
			return { ...exit, out: started.stdout(), err: started.stderr() };
		},
		audit: async () => (await readRecorded(dataFolder)).map((line) => JSON.parse(line) as AuditLine),
		commandLines() {
			const pids = processes.map(({ pid }) => String(pid));
			return execFileSync('ps', ['-ww', '-o', 'args=', '-p', pids.join(',')], { encoding: 'utf8' });
		},
		async close() {
			for (const each of processes) each.signal('SIGKILL');
			await Promise.all(processes.map(({ exit }) => exit));
			await endDatabase(dataFolder);
			await directory.close();
			rmSync(folder, { recursive: true });
		},
	};
}

interface Around {
	readonly cwd: string;
	readonly env: NodeJS.ProcessEnv;
	readonly input: string;
}

function startCli(args: readonly string[], { input, ...at }: Around): CliProcess {
	// A group of its own, as a shell gives each command.
	const child = spawn(process.execPath, [MAIN, ...args], { ...at, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
	// A command that reads nothing may have ended before it was all written.
	child.stdin.on('error', () => undefined).end(input);
	const [out, err] = [collect(child, 'stdout'), collect(child, 'stderr')];
	const exit = new Promise<Exit>((done) => child.once('close', (code, signal) => done({ code, signal })));
	return {
		pid: child.pid ?? 0,
		exit,
		stdout: out,
		stderr: err,
		signal: (name) => void child.kill(name),
		signalGroup: (name) => void process.kill(-(child.pid ?? 0), name),
	};
}

function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
	let text = '';
	child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
		text += chunk;
	});
	return () => text;
}

/** A gateway that serves: its addresses, once it has said that it is ready. */
export interface ServingProcess extends CliProcess {
	readonly url: string;
	readonly operatorUrl: string;
}

/** Runs `serve` on free ports and waits for its ready line. */
export async function serve(bench: Workbench, env: Readonly<Record<string, string>> = {}): Promise<ServingProcess> {
	if (!existsSync(bench.dataFolder)) await prepareData(bench.dataFolder);
	const started = bench.start(['serve', '--port', '0', '--admin-port', '0'], env);
	const deadline = Date.now() + READY_MS;
	const ready = /^Portcullis is ready: (http:\S+)$/m;
	const listening = /"adminPort":(\d+)/;
	while (!ready.test(started.stdout()) || !listening.test(started.stderr())) {
		const ended = await Promise.race([started.exit, new Promise((done) => setTimeout(done, 20, undefined))]);
		if (ended !== undefined || Date.now() > deadline)
			throw new Error(`not ready: ${started.stdout()}${started.stderr()}`);
	}
	const url = ready.exec(started.stdout())?.[1] ?? '';
	const adminPort = listening.exec(started.stderr())?.[1];
	return Object.assign(started, { url, operatorUrl: `http://127.0.0.1:${adminPort}` });
}

/** Whether a process runs; one that has ended and waits for its parent to notice does not. */
export function isRunning(pid: number): boolean {
	try {
		const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
		return state !== '' && !state.startsWith('Z');
	} catch {
		return false;
	}
}
