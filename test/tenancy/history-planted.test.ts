import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from '../fakes/history-check.ts';
import { type Fate, prepareHistory } from '../fakes/history-run.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { type Fault, plant } from '../fakes/tenancy-build.ts';

// The check of histories is itself tested here: faults are planted in a copy of the build, one at a time, and it must
// find each.

let postgres: TestPostgres;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
});
afterAll(() => postgres.close());

/** Violations of the first history that shows what is expected: which moment a kill hits is drawn by lot. */
async function violationsWith(fault: Fault, fates: readonly Fate[], expected: RegExp): Promise<readonly string[]> {
	const build = plant([fault]);
	const run = await prepareHistory(postgres, build.main);
	let found: readonly string[] = [];
	try {
		for (let attempt = 0; attempt < ATTEMPTS && !found.some((each) => expected.test(each)); attempt++) {
			for (const fate of fates) await run.round(fate);
			found = violations(await run.settle());
		}
		return found;
	} finally {
		await run.close();
		build.remove();
	}
}

const ATTEMPTS = 6;
const THREE_MINUTES_MS = 180_000;
const KILLED: readonly Fate[] = ['load'];
const KILLED_SHIPPING: readonly Fate[] = ['ship', 'ship'];

const NO_INTENT: Fault = { file: 'pipeline.js', sound: 'await trail.intend(credential.id)', faulty: 'void 0' };
const LATE_OUTCOME: Fault = {
	file: 'audit/trail.js',
	sound: "const kept = end({ outcome: answer.kind === 'message' && answer.failed ? 'error' : 'ok' });",
	faulty: "const kept = void setTimeout(end, 200, { outcome: answer.failed ? 'error' : 'ok' });",
};
const NO_RECOVERY: Fault = {
	file: 'audit/spool.js',
	sound: 'const abandoned = recoverSpool({ folder, left, shipped })',
	faulty: 'const abandoned = []',
};
const EARLY_ACKNOWLEDGEMENT: Fault = {
	file: 'audit/ship-records.js',
	sound: 'await deliver(records.filter(',
	faulty: 'await spool.acknowledge(batch.position); await deliver(records.filter(',
};
const COUNTED_AGAIN: Fault = {
	file: 'store/append-records.js',
	sound: 'usageOf(fresh)',
	faulty: 'usageOf(entries)',
};
const ONE_CHAIN: Fault = {
	file: 'store/append-records.js',
	sound: 'of byWorkspace(records))',
	faulty: 'of [[records[0].workspaceId, records]])',
};
const TWO_TRIES: Fault = {
	file: 'upstream/http-exchange.js',
	sound: 'export function sendHttp(dispatcher, request) {',
	faulty: `export const sendHttp = (...all) => sendOnce(...all).catch(() => sendOnce(...all));
		function sendOnce(dispatcher, request) {`,
};

describe('the history of a gateway that is killed', () => {
	it.each<[string, Fault, readonly Fate[], RegExp]>([
		['whose calls go out without an intent', NO_INTENT, KILLED, /was executed and has 0 intents/],
		['whose answers leave before their outcome is kept', LATE_OUTCOME, KILLED, /is unknown and was told ok/],
		['that does not end what a former process began', NO_RECOVERY, KILLED, /the intent of \S+ has 0 outcomes/],
		['that calls records shipped before they are', EARLY_ACKNOWLEDGEMENT, KILLED_SHIPPING, /has no outcome/],
		['that counts what is delivered again', COUNTED_AGAIN, KILLED_SHIPPING, /^usage of /],
		['that puts records into one chain', ONE_CHAIN, KILLED, /says it is of/],
		['that tries a call again', TWO_TRIES, KILLED, /was executed 2 times/],
	])(
		'shows one %s',
		async (_what, fault, fates, expected) => {
			const found = await violationsWith(fault, fates, expected);
			expect(found.filter((each) => expected.test(each)).length, found.slice(0, 5).join('\n')).toBeGreaterThan(0);
		},
		THREE_MINUTES_MS,
	);
});
