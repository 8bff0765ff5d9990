import { readBaseline } from './baseline.ts';
import { judge, type Verdict } from './judge.ts';
import type { Play } from './play.ts';
import type { ScenarioResult } from './run-suite.ts';
import type { Run } from './runs.ts';

/** More than this at once is no matter of timing, and running all of it again would take its time. */
const MOST_RETRIES = 6;

/** A run that is over. */
export interface Outcome {
	readonly run: Run;
	readonly results: readonly ScenarioResult[];
	readonly verdict: Verdict;
	/** Scenarios that failed at first and passed when they ran again by themselves. */
	readonly retried: readonly string[];
	readonly seconds: number;
}

/** Plays a run and judges it; the few scenarios that nobody expected to fail get a second chance. */
export async function examine({ run, all, again }: Play): Promise<Outcome> {
	const startedMs = performance.now();
	const baseline = readBaseline(run.pair, run.suite.name);
	const first = await all();
	const { unlisted } = judge(first, baseline);
	const doubtful = unlisted.length <= MOST_RETRIES ? unlisted.map(({ scenario }) => scenario) : [];
	const second: ScenarioResult[] = [];
	for (const scenario of doubtful) second.push(await again(scenario));
	const results = first.map((result) => second.find(({ scenario }) => scenario === result.scenario) ?? result);
	const verdict = judge(results, baseline);
	const stillFailing = new Set(verdict.unlisted.map(({ scenario }) => scenario));
	const retried = doubtful.filter((scenario) => !stillFailing.has(scenario));
	return { run, results, verdict, retried, seconds: Math.round((performance.now() - startedMs) / 1000) };
}
