import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/** What one run amounted to. */
export interface Tally {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
}

/** Counts tests; a file or suite that broke outside a test counts as one failed, and so does every stray error. */
export function tally(modules: readonly TestModule[], strayErrors: number): Tally {
	const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
	const holders = modules.flatMap((module) => [module, ...module.children.allSuites()]);
	const broken = holders.filter((holder) => holder.errors().length > 0).length;
	const count = (state: (typeof states)[number]) => states.filter((each) => each === state).length;
	const passed = count('passed');
	const failed = count('failed') + count('pending') + broken + strayErrors;
	return { passed, failed: passed + failed === 0 ? 1 : failed, skipped: count('skipped') };
}

/** Prints `N passed, N failed` over all projects as the last line of the process; a run that ran nothing has failed. */
export function createClosingLineReporter(): Reporter {
	let result: Tally = { passed: 0, failed: 1, skipped: 0 };
	return {
		onInit: () => {
			process.once('exit', () => {
				const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : '';
				process.stdout.write(`${result.passed} passed, ${result.failed} failed${skipped}\n`);
				if (result.failed > 0) process.exitCode = 1;
			});
		},
		onTestRunEnd: (modules: readonly TestModule[], errors: readonly SerializedError[]) => {
			result = tally(modules, errors.length);
		},
	};
}
