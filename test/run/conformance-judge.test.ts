import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBaseline } from '../../tools/conformance/baseline.ts';
import { examine } from '../../tools/conformance/examine.ts';
import { judge } from '../../tools/conformance/judge.ts';
import type { Check, ScenarioResult } from '../../tools/conformance/run-suite.ts';
import { listClientRuns, listServerRuns } from '../../tools/conformance/runs.ts';

const check = (id: string, status: Check['status']): Check => ({ id, status, description: id });
const ran = (scenario: string, ...checks: readonly Check[]): ScenarioResult => ({ scenario, checks });
const known = (scenario: string, id?: string) => ({ scenario, reason: 'known', ...(id && { check: id }) });

const RESULTS = [
	ran('ping', check('answers', 'SUCCESS'), check('seen', 'INFO')),
	ran('tools', check('lists', 'SUCCESS'), check('calls', 'FAILURE')),
	ran('names', check('should', 'WARNING'), check('lists', 'SUCCESS')),
];

describe('the judge of the conformance suites', () => {
	it('counts what failed without being expected, a warning too', () => {
		const verdict = judge(RESULTS, []);
		expect(verdict.passed).toEqual(['ping']);
		expect(verdict.unlisted.map(({ scenario }) => scenario)).toEqual(['tools', 'names']);
		expect(verdict.unlisted[0]?.checks.map(({ id }) => id)).toEqual(['calls']);
		expect(verdict.checks).toEqual({ passed: 3, failed: 1 });
	});

	it('accepts what the baseline names, as a whole or check by check', () => {
		const verdict = judge(RESULTS, [known('tools'), known('names', 'should')]);
		expect([verdict.expected, verdict.unlisted, verdict.stale]).toEqual([['tools', 'names'], [], []]);
	});

	it('accepts no other check of a scenario than the one that is named', () => {
		const verdict = judge(RESULTS, [known('tools', 'lists'), known('names')]);
		expect(verdict.unlisted.map(({ scenario }) => scenario)).toEqual(['tools']);
	});

	it('finds lines that are stale: the scenario passes, the check passes, or nothing of that name ran', () => {
		const verdict = judge(RESULTS, [known('ping'), known('tools'), known('names', 'lists'), known('gone')]);
		expect(verdict.stale).toEqual(['ping', 'names:lists', 'gone']);
	});

	it('does not call a line stale whose check was not reached', () => {
		const skipped = [ran('tasks', check('created', 'FAILURE'), check('updated', 'SKIPPED'))];
		expect(judge(skipped, [known('tasks', 'created'), known('tasks', 'updated')]).stale).toEqual([]);
	});
});

describe('the lists of expected failures', () => {
	const folder = path.resolve(import.meta.dirname, '../../tools/conformance/baseline');
	const files = existsSync(folder) ? readdirSync(folder) : [];
	const listed = files.map((file) => path.basename(file, '.yml'));
	const runs = [...listServerRuns(), ...listClientRuns()];

	it('can be read, and are about pairs there are', () => {
		for (const run of runs) readBaseline(run.pair, run.suite.name);
		expect(listed.filter((pair) => !runs.some((run) => run.pair === pair))).toEqual([]);
	});

	it('hold nothing where the gateway passes messages on as they are', () => {
		const raw = ['legacy-to-legacy-http', 'modern-to-modern-http'];
		expect(listed.filter((pair) => raw.includes(pair) || pair.startsWith('direct-'))).toEqual([]);
	});
});

describe('a run of a conformance suite', () => {
	const run = listServerRuns().find(({ isDirect }) => isDirect);
	const flaky = ran('timing', check('fast', 'FAILURE'));
	const well = ran('timing', check('fast', 'SUCCESS'));
	const play = (results: readonly ScenarioResult[], second: ScenarioResult) => ({
		run: run!,
		all: async () => results,
		again: async () => second,
	});

	it('gives a failure a second chance, and says so', async () => {
		const { verdict, retried } = await examine(play([flaky], well));
		expect([verdict.passed, verdict.unlisted, retried]).toEqual([['timing'], [], ['timing']]);
	});

	it('counts what fails twice', async () => {
		const { verdict, retried } = await examine(play([flaky], flaky));
		expect([verdict.unlisted.map(({ scenario }) => scenario), retried]).toEqual([['timing'], []]);
	});
});
