import { describe, expect, it } from 'vitest';
import { type Fault, type FaultyBuild, plant } from '../fakes/tenancy-build.ts';
import { type CrowdReport, startCrowd } from '../fakes/tenancy-crowd.ts';

// The crowd itself is tested here: faults are planted in a copy of the build, one at a time, and it must find each.

const CALLS = 1_500;
const PLAN = { workspaces: 4, peopleEach: 8, seed: 1 };

async function reportFor(faults: readonly Fault[]): Promise<CrowdReport> {
	const build: FaultyBuild = plant(faults);
	try {
		const crowd = await startCrowd({ ...PLAN, main: build.main });
		return await crowd.run(CALLS).finally(crowd.close);
	} finally {
		build.remove();
	}
}

const PARTS = '[scope.workspace, scope.server, scope.revision, scope.credential, scope.principal]';

// The key names the workspace three times: by itself, in the name of the credential and in the revision, which covers
// the address and the credential's fingerprint. All three have to go before anything can cross.
const SCOPE: Fault = { file: 'lib/scope.js', sound: PARTS, faulty: '[scope.server, scope.principal]' };
const LEASES: Fault = {
	file: 'upstream/session-entries.js',
	sound: 'JSON.stringify([profile, owner, slot])',
	faulty: 'JSON.stringify([profile, slot])',
};
const STATES: Fault = {
	file: 'mcp/modern/request-state.js',
	sound: 'JSON.stringify([principal, scope, method, target, digest])',
	faulty: 'JSON.stringify([scope, method, target, digest])',
};
const SESSIONS: Fault = {
	file: 'mcp/legacy/session.js',
	sound: 'claim.owner === ownerOf(principal) && ',
	faulty: '',
};
const ANSWERS: Fault = {
	file: 'upstream/multiplexer.js',
	sound: "typeof id === 'number' ? waiting.get(id) : undefined",
	faulty: 'waiting.values().next().value',
};

describe('a crowd before a gateway', () => {
	it('finds nothing where nothing is planted', async () => expect((await reportFor([])).faults).toEqual([]));

	it.each<[string, Fault, RegExp]>([
		['whose scope keys hold nothing of the workspace', SCOPE, /got CANARY_w0\d_/],
		['whose leased sessions are not those of one person', LEASES, /one session asked person-\d+,person-\d+/],
		['whose request states are good for anybody', STATES, /person-\d+ went on with the question of person-\d+/],
		['whose session ids are good for anybody', SESSIONS, /person-\d+ used the session of person-\d+/],
		['whose answers go to whoever has waited longest', ANSWERS, /answered .* instead of/],
	])('finds out one %s', async (_what, fault, expected) => {
		const { faults } = await reportFor([fault]);
		expect(faults.filter((each) => expected.test(each)).length).toBeGreaterThan(0);
	});

	it('finds nothing to cross where the workspace itself is gone from scope keys, and the rest is there', async () => {
		const faulty = PARTS.replace('scope.workspace', 'null');
		expect((await reportFor([{ ...SCOPE, faulty }])).faults).toEqual([]);
	});

	it('is planted in the code of today', () => {
		const gone: Fault = { file: 'lib/scope.js', sound: 'no such text', faulty: '' };
		expect(() => plant([gone])).toThrow('lib/scope.js has 0 times: no such text');
	});
});
