import path from 'node:path';
import { endOf, failedCheck, runSuite, type ScenarioResult, type SuiteResult } from './run-suite.ts';
import type { ClientRun, Run, ServerRun } from './runs.ts';
import { readRequirements } from './suite-package.ts';

const DRIVER = 'tools/conformance/client-driver.ts';
const SCENARIO_MS = '45000';
const WHOLE_RUN = '(the run itself)';
/** Client scenarios of the released suite that are no `auth/`; it has no list of what it requires. */
const RELEASED_CLIENT = ['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry'];

/** Client scenarios that are not run, by the start of their names, and why. */
export const LEFT_OUT = {
	prefix: 'auth/',
	reason: 'the gateway signs in for people who agree in a browser, and these scenarios have none',
};

/** What all runs need. */
export interface PlayParts {
	/** A node that can run the suites. */
	readonly node: string;
	/** Folder for what runs leave. */
	readonly folder: string;
	/** Address of the server a run has for itself. */
	urlOf(run: ServerRun): string;
}

/** A run, ready to be played: as a whole, or one scenario again. */
export interface Play<R extends Run = Run> {
	readonly run: R;
	all(): Promise<readonly ScenarioResult[]>;
	again(scenario: string): Promise<ScenarioResult>;
}

/** Plays a server suite against the server of the run. */
export function createServerPlay(run: ServerRun, { node, folder, urlOf }: PlayParts): Play<ServerRun> {
	const { suite } = run;
	const side = ['server', '--url', urlOf(run)];
	return {
		run,
		async all() {
			const result = await runSuite({
				node,
				suite,
				args: [...side, ...suite.selection],
				folder: path.join(folder, run.id),
			});
			if (result.exitCode !== null && result.scenarios.length > 0) return result.scenarios;
			return [...result.scenarios, unfinished(WHOLE_RUN, result)];
		},
		async again(scenario) {
			const args = [...side, '--scenario', scenario, ...suite.single];
			const result = await runSuite({ node, suite, args, folder: path.join(folder, `${run.id}-again`, scenario) });
			return result.scenarios.find((each) => each.scenario === scenario) ?? unfinished(scenario, result);
		},
	};
}

/** Plays a client suite with the driver as its client. One scenario after the other: the suite would start all at once. */
export function createClientPlay(run: ClientRun, { node, folder }: PlayParts): Play<ClientRun> {
	const { suite } = run;
	const through = run.isDirect ? 'direct' : run.caller;
	const command = `"${process.execPath}" --import tsx ${DRIVER} ${through}`;
	const side = ['client', '--command', command, '--timeout', SCENARIO_MS];
	async function play(scenario: string, attempt: string): Promise<ScenarioResult> {
		const args = [...side, '--scenario', scenario, ...suite.single];
		const result = await runSuite({ node, suite, args, folder: path.join(folder, attempt, scenario) });
		const found = result.scenarios.find((each) => each.scenario === scenario);
		if (!found) return unfinished(scenario, result);
		const isSilent = result.exitCode !== 0 && found.checks.every(({ status }) => status !== 'FAILURE');
		return isSilent ? { scenario, checks: [...found.checks, driverFailed(result)] } : found;
	}
	return {
		run,
		async all() {
			const results: ScenarioResult[] = [];
			for (const scenario of clientScenarios(run)) results.push(await play(scenario, run.id));
			return results;
		},
		again: (scenario) => play(scenario, `${run.id}-again`),
	};
}

function clientScenarios({ suite }: ClientRun): readonly string[] {
	if (suite.requirements === undefined) return RELEASED_CLIENT;
	const { scenarios } = readRequirements(suite, 'client');
	return scenarios.filter((each) => !each.startsWith(LEFT_OUT.prefix));
}

function unfinished(scenario: string, { output }: SuiteResult): ScenarioResult {
	return { scenario, checks: [failedCheck('run-ended', `there is no result: ${endOf(output)}`)] };
}

/** The suite also fails a client that reports a failure although all it looked at was right. */
function driverFailed({ output }: SuiteResult) {
	const [, reason] = /^(?:\w*Error): (.*)$/m.exec(output) ?? [];
	return failedCheck('client-ended-well', reason ?? endOf(output));
}
