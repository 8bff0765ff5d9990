import { defineConfig } from 'vitest/config';
import { createClosingLineReporter } from './test/run/closing-line-reporter.ts';

const BESIDE_THE_CODE = ['src/**/*.test.ts', 'test/{arch,golden,run}/**/*.test.ts'];
const A_MINUTE_MS = 60_000;

export default defineConfig({
	test: {
		allowOnly: false,
		reporters: ['default', createClosingLineReporter()],
		projects: [
			{
				test: {
					name: 'unit',
					testTimeout: A_MINUTE_MS,
					include: BESIDE_THE_CODE,
					pool: 'threads',
					isolate: false,
					maxWorkers: 2,
					sequence: { groupOrder: 0 },
				},
			},
			{
				test: {
					name: 'e2e',
					// Everything else below test/, so that no test file can be forgotten.
					include: ['test/**/*.test.ts'],
					exclude: BESIDE_THE_CODE,
					globalSetup: './test/run/build-first.ts',
					pool: 'forks',
					isolate: true,
					maxWorkers: 1,
					testTimeout: A_MINUTE_MS,
					hookTimeout: A_MINUTE_MS,
					sequence: { groupOrder: 1 },
				},
			},
		],
	},
});
