import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Casualty, type Crowd, type CrowdReport, startCrowd } from '../fakes/tenancy-crowd.ts';
import { strangersIn } from '../fakes/tenancy-crowd-calls.ts';
import type { Member } from '../fakes/tenancy-crowd-member.ts';
import { pathAt } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { type Delivery, messagesIn, refusalIn } from '../fakes/tenancy-wire.ts';

// 200 people of 20 workspaces at once, all with the same ids, the same progress token and mostly the same arguments,
// before servers that answer after a random while. PORTCULLIS_LONG=1 makes 100,000 calls of it.

const SEED = Number(process.env['TENANCY_SEED'] ?? Date.now() % 2 ** 31);
const CALLS = process.env['PORTCULLIS_LONG'] === '1' ? 100_000 : 5_000;
const FIVE_MINUTES_MS = 300_000;

const CHILD: Casualty = {
	...{ workspace: 'w00', build: 'stdio-legacy' },
	codes: ['PC_UPSTREAM_CRASHED', 'PC_UPSTREAM_STARTING'],
};
const STREAM: Casualty = {
	...{ workspace: 'w01', build: 'sse' },
	codes: ['PC_UPSTREAM_FAILED', 'PC_UPSTREAM_SESSION_LOST'],
};
const SESSIONS: Casualty = {
	...{ workspace: 'w02', build: 'http-legacy' },
	codes: ['PC_UPSTREAM_SESSION_LOST', 'PC_SESSION_UNKNOWN'],
};

// Over http a question of a session that is forgotten stays open for ever: its server knows nobody who could answer it.
const isOf =
	(casualty: Casualty) =>
	(workspace: string, build: Build): boolean =>
		workspace === casualty.workspace && build === casualty.build;

describe(`200 people of 20 workspaces in ${CALLS} calls (seed ${SEED})`, () => {
	let crowd: Crowd;
	let report: CrowdReport;
	const hit = new Map<Casualty, { readonly victim: Member; readonly answer: Delivery }>();

	const memberOf = (workspace: string, index = 0): Member =>
		crowd.people.filter((member) => member.workspace === workspace)[index]!;

	/** Ends the server, or its shared session, while a call of somebody is known to run in it. */
	async function crash(casualty: Casualty): Promise<void> {
		const { workspace, build } = casualty;
		const victim = memberOf(workspace);
		const { begun, answer } = crowd.linger(victim, build);
		await begun;
		const params = { name: 'crash', arguments: {} };
		await memberOf(workspace, 1)
			.caller('plain')
			.send(pathAt('server', { workspace, server: build }), 'tools/call', params);
		hit.set(casualty, { victim, answer: await answer });
	}

	beforeAll(async () => {
		crowd = await startCrowd({ workspaces: 20, peopleEach: 10, seed: SEED, isSilent: isOf(SESSIONS) });
		let crashed: Promise<unknown> | undefined;
		report = await crowd.run(CALLS, () => {
			crowd.servers.upstream(SESSIONS.workspace, SESSIONS.build).dropSessions();
			crashed = Promise.all([crash(CHILD), crash(STREAM)]);
			return [CHILD, STREAM, SESSIONS];
		});
		await crashed;
	}, FIVE_MINUTES_MS);
	afterAll(() => crowd.close());

	it('deliver to each only what is its own', () => {
		expect(report.faults.slice(0, 20)).toEqual([]);
		expect(report.calls).toBe(CALLS);
		expect(report.fewest).toBeGreaterThan(CALLS / 2_000);
	});

	it.each([CHILD, STREAM])('end what ran in $workspace/$build when it was killed with an error alone', (casualty) => {
		const { victim, answer } = hit.get(casualty)!;
		expect(casualty.codes).toContain(refusalIn(answer));
		expect(strangersIn(victim, answer)).toEqual([]);
		expect(messagesIn(answer.body).filter(({ method }) => method === undefined)).toHaveLength(1);
	});

	it('can all use every server afterwards', async () => expect(await crowd.greetAll()).toEqual([]));

	it('trip no wire', async () => {
		const metrics = await crowd.metrics();
		expect(metrics).toMatch(/^portcullis_tripwire_total 0$/m);
		expect(metrics).toMatch(/^portcullis_misdirected_total 0$/m);
	});
});
