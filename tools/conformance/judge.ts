import { type Baseline, type ExpectedFailure, nameOf } from './baseline.ts';
import type { Check, ScenarioResult } from './run-suite.ts';

/** A failing scenario with the checks that fail in it. */
export interface FailedScenario {
	readonly scenario: string;
	readonly checks: readonly Check[];
}

/** What a run amounts to, by the rules of the official baseline files. */
export interface Verdict {
	readonly passed: readonly string[];
	/** Failing scenarios all of whose failing checks are expected. */
	readonly expected: readonly string[];
	/** Failing scenarios with the checks nobody expected to fail. */
	readonly unlisted: readonly FailedScenario[];
	/** Entries of the baseline that pass, or name a scenario that did not run. */
	readonly stale: readonly string[];
	readonly checks: { readonly passed: number; readonly failed: number };
}

/** Compares what ran with what was expected to fail. A warning counts as a failure, as it does for the official tool. */
export function judge(results: readonly ScenarioResult[], baseline: Baseline): Verdict {
	const failing = results.filter(({ checks }) => checks.some(isFailure));
	const unlisted = failing
		.map(({ scenario, checks }) => ({ scenario, checks: unlistedChecks({ scenario, checks }, baseline) }))
		.filter(({ checks }) => checks.length > 0);
	const isUnlisted = new Set(unlisted.map(({ scenario }) => scenario));
	const all = results.flatMap(({ checks }) => checks);
	return {
		passed: results.filter(({ checks }) => !checks.some(isFailure)).map(({ scenario }) => scenario),
		expected: failing.map(({ scenario }) => scenario).filter((scenario) => !isUnlisted.has(scenario)),
		unlisted,
		stale: baseline.filter((entry) => isStale(entry, results)).map(nameOf),
		checks: {
			passed: all.filter(({ status }) => status === 'SUCCESS').length,
			failed: all.filter(({ status }) => status === 'FAILURE').length,
		},
	};
}

/** Whether a check makes its scenario fail. */
export function isFailure({ status }: Check): boolean {
	return status === 'FAILURE' || status === 'WARNING';
}

function unlistedChecks({ scenario, checks }: FailedScenario, baseline: Baseline): readonly Check[] {
	const entries = baseline.filter((entry) => entry.scenario === scenario);
	return checks.filter(isFailure).filter(({ id }) => !entries.some(({ check }) => check === undefined || check === id));
}

/** A check that was not reached is no proof that it would pass. */
function isStale({ scenario, check }: ExpectedFailure, results: readonly ScenarioResult[]): boolean {
	const result = results.find((each) => each.scenario === scenario);
	if (result === undefined) return true;
	if (check === undefined) return !result.checks.some(isFailure);
	const statuses = result.checks.filter(({ id }) => id === check);
	return statuses.some(({ status }) => status === 'SUCCESS') && !statuses.some(isFailure);
}
