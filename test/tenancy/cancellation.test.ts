import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, ERAS, type Params } from '../fakes/tenancy-caller.ts';
import { type Company, type Person, startCompany } from '../fakes/tenancy-company.ts';
import { type AddressKind, nameAt, pathAt } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { type Delivery, deliver, messagesIn } from '../fakes/tenancy-wire.ts';

// Everybody counts ids from 1, so a cancellation names a number that many calls in flight have.

const BUILDS: readonly Build[] = [
	'stdio-legacy',
	'stdio-modern',
	'http-legacy',
	'http-sessionless',
	'http-modern',
	'sse',
];
const WAYS = BUILDS.flatMap((build) =>
	(['server', 'workspace', 'all'] as const).map((address) => [build, address] as const),
);
/** Long enough for a cancellation to arrive in the middle. */
const SHORT_MS = 600;
/** Longer than any test may take: only a cancellation ends such a call. */
const FOR_EVER_MS = 600_000;
const ADA: Person = { name: 'ada', groups: ['MCP-Google'] };
const BEN: Person = { name: 'ben', groups: ['MCP-Google'] };

let company: Company;
beforeAll(async () => {
	company = await startCompany({
		servers: { google: Object.fromEntries(BUILDS.map((build) => [build, build])) },
		grants: [{ group: 'MCP-Google', workspace: 'google', access: 'write' }],
	});
});
afterAll(() => company.close());

interface Running {
	/** Resolves when the call is known to run: its first progress has come. */
	readonly started: Promise<void>;
	readonly ended: Promise<Delivery>;
}

function startSlow(caller: Caller, build: Build, address: AddressKind, ms = SHORT_MS): Running {
	const place = { workspace: 'google', server: build, suffix: '' };
	const params: Params = {
		name: nameAt(address, place, 'slow'),
		arguments: { ms, steps: 3 },
		_meta: { progressToken: 1 },
	};
	let start = (): void => undefined;
	const started = new Promise<void>((resolve) => {
		start = resolve;
	});
	const onText = (text: string): void => {
		if (messagesIn(text).some(({ method }) => method === 'notifications/progress')) start();
	};
	return { started, ended: caller.send(pathAt(address, place), 'tools/call', params, { id: 1, onText }) };
}

async function cancel(caller: Caller, path: string, withSession: boolean): Promise<Delivery> {
	const session = withSession ? await caller.session(path) : undefined;
	const version = caller.era === 'modern' ? '2026-07-28' : '2025-11-25';
	const method = 'notifications/cancelled';
	const head = { 'mcp-protocol-version': version, 'mcp-method': method, ...(session && { 'mcp-session-id': session }) };
	const params = { requestId: 1, reason: 'MARK-cancelled' };
	const body = JSON.stringify({ jsonrpc: '2.0', method, params });
	return deliver(company.gateway.url + path, { headers: { ...caller.headers, ...head }, body });
}

/** All transports and addresses at once: many calls with the id 1 in flight, of which one is cancelled. */
const inEveryWay = (play: (build: Build, address: AddressKind) => Promise<void>): Promise<unknown> =>
	Promise.all(WAYS.map((way) => play(...way)));

describe.each([
	['another person', BEN],
	['another chat of the same person', ADA],
])('a cancellation by %s', (_who, other) => {
	it('ends only its own call', () =>
		inEveryWay(async (build, address) => {
			const [mine, theirs] = [company.caller(ADA, 'legacy'), company.caller(other, 'legacy')];
			// A server without sessions cannot be told whose call is meant, so it is not told at all.
			const isTold = build !== 'http-sessionless' || address !== 'server';
			const kept = startSlow(mine, build, address);
			const ended = startSlow(theirs, build, address, isTold ? FOR_EVER_MS : SHORT_MS);
			await Promise.all([kept.started, ended.started]);
			await cancel(theirs, pathAt(address, { workspace: 'google', server: build }), true);
			expect((await kept.ended).body, `${build} ${address}`).toContain('slow done');
			expect((await ended.ended).body.includes('slow done'), `${build} ${address}`).toBe(!isTold);
		}));
});

describe.each(ERAS)('a %s cancellation outside any session', (era) => {
	it('ends nothing', () =>
		inEveryWay(async (build, address) => {
			const running = startSlow(company.caller(ADA, era), build, address);
			await running.started;
			const path = pathAt(address, { workspace: 'google', server: build });
			for (const person of [ADA, BEN]) await cancel(company.caller(person, era), path, false);
			expect((await running.ended).body, `${build} ${address}`).toContain('slow done');
		}));
});

it('has told no server that keeps no sessions whose call it should end', () => {
	const told = company.sightings('MARK-cancelled');
	expect(told.filter((server) => ['google/http-sessionless', 'google/http-modern'].includes(server))).toEqual([]);
});
