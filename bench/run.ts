/** The benchmark: `tsx bench/run.ts [--quick] [--rounds n] [--only http|stdio] [--match text] [--limits] [--profile] [--write]`. See docs/performance.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Case, listCases, type Subjects } from './cases.ts';
import { compileChildren } from './compile.ts';
import type { LoadOrder, LoadResult } from './load-wire.ts';
import { isPortcullisBuilt, prepareFiles, STDIO_UPSTREAM, startPortcullis } from './portcullis.ts';
import { createProcesses, type Processes } from './processes.ts';
import { formatReport, type Measured, writeReport } from './report.ts';

const DOCUMENT = path.resolve(import.meta.dirname, '../docs/performance.md');

/** How long a run takes. */
interface Pace {
	readonly rounds: number;
	readonly warmUpMs: number;
	readonly measureMs: number;
}

const FULL: Pace = { rounds: 5, warmUpMs: 500, measureMs: 2_500 };
const QUICK: Pace = { rounds: 2, warmUpMs: 200, measureMs: 800 };
/** Before the first round every process gets this long to compile its hot path; nothing of it is counted. */
const JIT_MS = 1_500;

interface Options {
	readonly pace: Pace;
	readonly only: 'http' | 'stdio' | undefined;
	/** Measures only the cases whose description holds this text, such as `2025-11-25, Portcullis, 16`. */
	readonly match: string;
	/** Measures the gateway with limits on calls, too. */
	readonly isLimited: boolean;
	readonly isProfiled: boolean;
	readonly isWriting: boolean;
}

function parseOptions(args: string[]): Options {
	const { values } = parseArgs({
		args,
		options: {
			quick: { type: 'boolean', default: false },
			rounds: { type: 'string' },
			only: { type: 'string' },
			match: { type: 'string', default: '' },
			limits: { type: 'boolean', default: false },
			profile: { type: 'boolean', default: false },
			write: { type: 'boolean', default: false },
		},
	});
	const { only } = values;
	if (only !== undefined && only !== 'http' && only !== 'stdio') throw new Error('--only must be http or stdio');
	const pace = values.quick ? QUICK : FULL;
	const rounds = values.rounds === undefined ? pace.rounds : Number(values.rounds);
	if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1');
	const { match, limits: isLimited, profile: isProfiled, write: isWriting } = values;
	return { pace: { ...pace, rounds }, only, match, isLimited, isProfiled, isWriting };
}

async function startSubjects(
	processes: Processes,
	script: (name: string) => string,
	{ folder, isProfiled }: { folder: string; isProfiled: boolean },
): Promise<Subjects> {
	const upstream = await processes.startServer([script('http-upstream')]);
	const bareProxy = await processes.startServer([script('bare-proxy'), `http://127.0.0.1:${upstream.port}`]);
	const bareBridge = await processes.startServer([script('bare-bridge'), STDIO_UPSTREAM]);
	const filesArgs = prepareFiles(folder);
	if (!isPortcullisBuilt()) {
		console.error('dist/main.js is missing: measuring without Portcullis. `npm run build` makes it.');
		return { upstream, bareProxy, bareBridge, filesArgs, portcullis: undefined };
	}
	const portcullis = await startPortcullis(processes, { upstreamPort: upstream.port, folder, isProfiled, filesArgs });
	return { upstream, bareProxy, bareBridge, filesArgs, portcullis };
}

function describe({ traffic, subject, connections }: Case): string {
	return `${traffic}, ${subject}, ${connections}`;
}

/** Measures all cases once, starting with another one each round, so that none always runs on a warm machine. */
async function runRound(
	cases: readonly Case[],
	round: number,
	take: (each: Case) => Promise<LoadResult>,
): Promise<LoadResult[]> {
	const results: LoadResult[] = [];
	for (let step = 0; step < cases.length; step++) {
		const index = (step + round) % cases.length;
		const each = cases[index];
		if (!each) continue;
		results[index] = await take(each);
		console.error(`round ${round + 1}: ${describe(each)}: ${results[index]?.callsPerSecond.toFixed(0)} calls/s`);
	}
	return results;
}

async function measureAll(
	cases: readonly Case[],
	{ rounds, warmUpMs, measureMs }: Pace,
	generate: (order: LoadOrder) => Promise<LoadResult>,
): Promise<Measured[]> {
	const take = (each: Case, order: Omit<LoadOrder, 'target' | 'connections'>) =>
		generate({ target: each.target, connections: each.connections, ...order }).catch((error: Error) => {
			throw new Error(`${describe(each)}: ${error.message}`);
		});
	for (const each of cases) await take(each, { warmUpMs: 0, measureMs: JIT_MS });
	const results: LoadResult[][] = [];
	for (let round = 0; round < rounds; round++) {
		results.push(await runRound(cases, round, (each) => take(each, { warmUpMs, measureMs })));
	}
	return cases.map((each, index) => ({ case: each, rounds: results.map((round) => round[index] as LoadResult) }));
}

async function run(options: Options, processes: Processes): Promise<void> {
	const { pace, only, match, isLimited, isProfiled, isWriting } = options;
	const folder = mkdtempSync(path.join(os.tmpdir(), 'portcullis-bench-'));
	if (isProfiled) console.error(`CPU profile: ${folder}`);
	else processes.onStop(() => rmSync(folder, { recursive: true, force: true }));
	const script = compileChildren();
	const subjects = await startSubjects(processes, script, { folder, isProfiled });
	if (isWriting && !subjects.portcullis) throw new Error('--write needs Portcullis: run `npm run build` first');
	const generate = processes.startGenerator(script('load-generator'));
	const cases = listCases(subjects, { only, isLimited }).filter((each) => describe(each).includes(match));
	const report = formatReport(await measureAll(cases, pace, generate));
	console.log(report);
	if (isWriting) writeReport(DOCUMENT, report);
}

async function main(): Promise<void> {
	const options = parseOptions(process.argv.slice(2));
	const processes = createProcesses();
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, () => void processes.stop().finally(() => process.exit(130)));
	}
	try {
		await run(options, processes);
	} finally {
		await processes.stop();
	}
}

main().catch((error: Error) => {
	console.error(`The bench failed. ${error.message}`);
	process.exitCode = 1;
});
