import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Suite } from './runs.ts';
import { programOf } from './suite-package.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Far above what a run takes; the released suite has no limit of its own for a scenario that hangs. */
const RUN_MS = 240_000;
const STAMP = /-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z$/;
const SUMMARY_LINE = /^[✓✗] (\S+): \d+ passed, (\d+) failed/gmu;

/** One thing a scenario looked at. */
export interface Check {
	readonly id: string;
	readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
	readonly description: string;
	readonly errorMessage?: string;
}

/** What a scenario found. */
export interface ScenarioResult {
	readonly scenario: string;
	readonly checks: readonly Check[];
}

/** How the program of a suite is run. */
export interface SuiteCommand {
	/** A node that can run it. */
	readonly node: string;
	readonly suite: Suite;
	/** Subcommand and options of the side under test. */
	readonly args: readonly string[];
	/** Folder for what the run leaves; it is made. */
	readonly folder: string;
}

/** What a run of the program left. */
export interface SuiteResult {
	readonly scenarios: readonly ScenarioResult[];
	/** `null` when it had to be killed. */
	readonly exitCode: number | null;
	readonly output: string;
}

/** Runs the official program and collects what every scenario found. */
export async function runSuite(command: SuiteCommand): Promise<SuiteResult> {
	const { folder } = command;
	const results = path.join(folder, 'results');
	mkdirSync(results, { recursive: true });
	const { output, exitCode } = await runProgram(command, ['-o', results]);
	writeFileSync(path.join(folder, 'output.log'), output);
	const found = readResults(results);
	return { scenarios: [...found, ...failedWithoutResult(output, found)], exitCode, output };
}

/** A check of ours that fails: what the official program does not put into words. */
export function failedCheck(id: string, errorMessage: string): Check {
	return { id, status: 'FAILURE', description: errorMessage, errorMessage };
}

/** The last lines of an output, on one line. */
export function endOf(output: string): string {
	return output.trimEnd().split('\n').slice(-3).join(' / ');
}

async function runProgram({ node, suite, args }: SuiteCommand, more: readonly string[]) {
	const child = spawn(node, [programOf(suite), ...args, ...more], {
		cwd: ROOT,
		stdio: ['ignore', 'pipe', 'pipe'],
		env: { ...process.env, NO_COLOR: '1' },
		timeout: RUN_MS,
		killSignal: 'SIGKILL',
	});
	const parts: Buffer[] = [];
	for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part));
	const [exitCode] = (await once(child, 'close')) as [number | null];
	return { output: Buffer.concat(parts).toString('utf8'), exitCode };
}

/** Results lie in `[server-]{scenario}-{time}/checks.json`. */
function readResults(folder: string): ScenarioResult[] {
	const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
	return files
		.filter((file) => path.basename(file) === 'checks.json')
		.map((file) => ({ scenario: scenarioOf(path.dirname(file)), checks: readChecks(path.join(folder, file)) }));
}

/** One scenario of the server side has a name that starts like the prefix all of them get. */
function scenarioOf(folder: string): string {
	return folder.replace(STAMP, '').replace(/^server-/, '');
}

function readChecks(file: string): Check[] {
	return JSON.parse(readFileSync(file, 'utf8')) as Check[];
}

/** A scenario that throws leaves no file, only a line in the summary. */
function failedWithoutResult(output: string, found: readonly ScenarioResult[]): ScenarioResult[] {
	const known = new Set(found.map(({ scenario }) => scenario));
	return [...output.matchAll(SUMMARY_LINE)].flatMap(([, scenario = '', failed]) => {
		if (known.has(scenario) || failed === '0') return [];
		const [, reason = 'it threw'] = output.split(`Failed to run scenario ${scenario}: `);
		return [{ scenario, checks: [failedCheck('scenario-threw', reason.split('\n', 1)[0] ?? '')] }];
	});
}
