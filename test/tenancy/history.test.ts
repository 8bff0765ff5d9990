import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type History, violations } from '../fakes/history-check.ts';
import { FATES, type HistoryRun, prepareHistory } from '../fakes/history-run.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';

// PORTCULLIS_LONG=1 kills 60 times; PORTCULLIS_KILLS as often as it says, such as 200, which takes seven minutes.
const LONG_ROUNDS = process.env['PORTCULLIS_LONG'] === '1' ? 60 : 12;
const ROUNDS = Number(process.env['PORTCULLIS_KILLS'] ?? LONG_ROUNDS);
const A_ROUND_MS = 10_000;

let postgres: TestPostgres;
let run: HistoryRun;
let history: History;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	run = await prepareHistory(postgres);
});
afterAll(async () => {
	await run.close();
	await postgres.close();
});

const callsTold = (kind: string): number => history.calls.filter(({ told }) => told.kind === kind).length;
const outcomesOf = (kind: string): number => history.records.filter(({ outcome }) => outcome === kind).length;

describe('a gateway that is killed again and again while it is called', () => {
	beforeAll(
		async () => {
			for (let round = 0; round < ROUNDS; round++) await run.round(FATES[round % FATES.length]!);
			history = await run.settle();
		},
		(ROUNDS + 6) * A_ROUND_MS,
	);

	it('executes nothing without a record, answers nothing without one, and leaves nothing open', () => {
		expect(violations(history)).toEqual([]);
	});

	it('had no easy life', () => {
		process.stdout.write(`${JSON.stringify(summary())}\n`);
		expect(callsTold('ok')).toBeGreaterThan(ROUNDS * 5);
		expect(callsTold('unknown')).toBeGreaterThan(ROUNDS);
		expect(callsTold('error')).toBeGreaterThan(0);
		expect(callsTold('failed')).toBeGreaterThan(0);
		expect(outcomesOf('unknown')).toBeGreaterThan(ROUNDS / 2);
		expect(new Set(history.executions.map(({ place }) => place)).size).toBe(history.workspaces.size);
	});
});

const summary = () => ({
	rounds: ROUNDS,
	calls: history.calls.length,
	perSecond: Math.round((history.calls.length / run.loadMs()) * 1000),
	told: Object.fromEntries(['ok', 'error', 'failed', 'unknown'].map((kind) => [kind, callsTold(kind)])),
	executed: history.executions.length,
	records: history.records.length,
	unknown: outcomesOf('unknown'),
});
