import { type ExpectedFailure, nameOf, readBaseline } from './baseline.ts';
import type { Outcome } from './examine.ts';
import { LEFT_OUT } from './play.ts';
import type { Check } from './run-suite.ts';
import type { Run } from './runs.ts';
import { readRequirements } from './suite-package.ts';

const HEADINGS = [
	'pair',
	'suite',
	'checks passed/failed',
	'direct',
	'required scenarios',
	'direct',
	'not scored',
	'expected failures',
	'unlisted failures',
];
const UNKNOWN = '–';

/** What the closing line counts: a line of a baseline that is stale is a failure, too. */
export function countScenarios(outcomes: readonly Outcome[]): { readonly passed: number; readonly failed: number } {
	const verdicts = outcomes.map(({ verdict }) => verdict);
	return {
		passed: sum(verdicts.map(({ passed }) => passed.length)),
		failed: sum(verdicts.map(({ unlisted, stale }) => unlisted.length + stale.length)),
	};
}

/** One row for each run, with the direct run of the same suite beside it. */
export function formatTable(outcomes: readonly Outcome[]): string {
	const rows = outcomes.map((outcome) => rowOf(outcome, directOf(outcome, outcomes)));
	const widths = HEADINGS.map((heading, at) => Math.max(...[heading, ...rows.map((row) => row[at] ?? '')].map(length)));
	const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
	return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** What is wrong, scenario by scenario and check by check; and what had to run twice. */
export function listFaults(outcomes: readonly Outcome[]): readonly string[] {
	return outcomes.flatMap(({ run, verdict, retried }) => {
		const at = `${run.pair} (${run.suite.name})`;
		const unlisted = verdict.unlisted.flatMap(({ scenario, checks }) => [
			`FAILED   ${at} ${scenario}`,
			...checks.map((check) => `           ${check.id}: ${oneLine(check.errorMessage ?? check.description)}`),
		]);
		const stale = verdict.stale.map(
			(name) => `STALE    ${at} ${name}: passes or did not run; take it off the baseline`,
		);
		return [...unlisted, ...stale, ...retried.map((scenario) => `RETRIED  ${at} ${scenario}: passed the second time`)];
	});
}

/** Checks that pass direct and do not through the gateway, in runs where nothing may differ and in scenarios that pass. */
export function listDifferences(outcomes: readonly Outcome[]): readonly string[] {
	return outcomes
		.filter(({ run }) => isLikeDirect(run))
		.flatMap((ours) => {
			const direct = directOf(ours, outcomes);
			return ours.verdict.passed.flatMap((scenario) => {
				const [here, there] = [checksIn(ours, scenario), checksIn(direct, scenario)];
				const missing = there.filter(({ id, status }) => status === 'SUCCESS' && !passes(here, id));
				return missing.map(({ id }) => {
					const found = here.find((check) => check.id === id);
					const at = `${ours.run.pair} (${ours.run.suite.name}) ${scenario}:${id}`;
					return `DIFFERS  ${at}: passes direct; here ${found ? `${found.status}, ${found.description}` : 'it is not looked at'}`;
				});
			});
		});
}

/** The results as docs/conformance.md shows them. */
export function formatResults(outcomes: readonly Outcome[]): string {
	const { passed, failed } = countScenarios(outcomes);
	const closing = `${passed} scenarios passed, ${failed} failed unexpectedly. Client scenarios \`${LEFT_OUT.prefix}*\` are left out: ${LEFT_OUT.reason}.`;
	return [formatTable(outcomes), closing, ...formatExpected(outcomes.map(({ run }) => run))].join('\n\n');
}

/** One item for each reason and what it excuses, with all pairs it excuses it in. */
function formatExpected(runs: readonly Run[]): readonly string[] {
	const pairsOf = new Map<string, Set<string>>();
	for (const { pair, suite } of runs) {
		const entries = readBaseline(pair, suite.name);
		for (const reason of new Set(entries.map((entry) => entry.reason))) {
			const excuse = `${reason} ${namesOf(entries, reason)}`;
			pairsOf.set(excuse, (pairsOf.get(excuse) ?? new Set()).add(pair));
		}
	}
	const items = [...pairsOf].map(([excuse, pairs]) => `- ${excuse}; in ${[...pairs].map(code).join(', ')}.`);
	return items.length === 0 ? [] : ['### Expected failures', items.join('\n')];
}

function namesOf(entries: readonly ExpectedFailure[], reason: string): string {
	const names = entries.filter((entry) => entry.reason === reason).map(nameOf);
	return names.map(code).join(', ');
}

function code(text: string): string {
	return `\`${text}\``;
}

function rowOf(outcome: Outcome, direct: Outcome | undefined): readonly string[] {
	const { run, verdict } = outcome;
	return [
		run.pair,
		run.suite.name,
		checksOf(outcome),
		direct ? checksOf(direct) : UNKNOWN,
		shareOf(outcome, 'required'),
		direct ? shareOf(direct, 'required') : UNKNOWN,
		shareOf(outcome, 'not scored'),
		String(verdict.expected.length),
		String(verdict.unlisted.length + verdict.stale.length),
	];
}

function checksOf({ verdict }: Outcome): string {
	return `${verdict.checks.passed}/${verdict.checks.failed}`;
}

function shareOf({ run, results, verdict }: Outcome, kind: 'required' | 'not scored'): string {
	const { isRequired } = readRequirements(run.suite, run.side);
	const isMeant = (scenario: string) => isRequired(scenario) === (kind === 'required');
	const all = results.filter(({ scenario }) => isMeant(scenario)).length;
	return all === 0 ? UNKNOWN : `${verdict.passed.filter(isMeant).length} of ${all}`;
}

/** Same family over http: what the gateway passes on as it is, so that nothing may differ. */
function isLikeDirect({ pair, caller }: Run): boolean {
	return pair === `${caller}-to-${caller}-http`;
}

function directOf({ run }: Outcome, outcomes: readonly Outcome[]): Outcome | undefined {
	if (run.isDirect) return undefined;
	return outcomes.find((other) => other.run.isDirect && other.run.side === run.side && other.run.suite === run.suite);
}

function checksIn(outcome: Outcome | undefined, scenario: string): readonly Check[] {
	return outcome?.results.find((result) => result.scenario === scenario)?.checks ?? [];
}

function passes(checks: readonly Check[], id: string): boolean {
	return checks.some((check) => check.id === id && check.status === 'SUCCESS');
}

function oneLine(text: string): string {
	return text.replace(/\s+/g, ' ').slice(0, 400);
}

function length(text: string): number {
	return text.length;
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, each) => total + each, 0);
}
