import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, ERAS, type Params } from '../fakes/tenancy-caller.ts';
import { type Company, type Person, startCompany } from '../fakes/tenancy-company.ts';
import { type AddressKind, nameAt, pathAt } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { type Delivery, deliver, messagesIn } from '../fakes/tenancy-wire.ts';

// Everybody counts ids from 1, so a cancellation names a number that many calls in flight have.

const BUILDS: readonly Build[] = ['stdio-legacy', 'stdio-modern', 'http-legacy', 'http-sessionless', 'http-modern', 'sse'];
const WAYS = BUILDS.flatMap((build) => (['server', 'workspace', 'all'] as const).map((address) => [build, address] as const));
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

function startSlow(caller: Caller, build: Build, address: AddressKind, ms = 300): Running {
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

describe.each([
	['another person', BEN],
	['another chat of the same person', ADA],
])('a cancellation by %s', (_who, other) => {
	it.concurrent.each(WAYS)('ends only its own call (%s, %s)', async (build, address) => {
		const [mine, theirs] = [company.caller(ADA, 'legacy'), company.caller(other, 'legacy')];
		// A server without sessions cannot be told whose call is meant, so it is not told at all.
		const isTold = build !== 'http-sessionless' || address !== 'server';
		const [kept, ended] = [startSlow(mine, build, address), startSlow(theirs, build, address, isTold ? FOR_EVER_MS : 300)];
		await Promise.all([kept.started, ended.started]);
		await cancel(theirs, pathAt(address, { workspace: 'google', server: build }), true);
		expect((await kept.ended).body).toContain('slow done');
		expect((await ended.ended).body.includes('slow done')).toBe(!isTold);
	});
});

describe.each(ERAS)('a %s cancellation outside any session', (era) => {
	it.concurrent.each(WAYS)('ends nothing (%s, %s)', async (build, address) => {
		const running = startSlow(company.caller(ADA, era), build, address);
		await running.started;
		const path = pathAt(address, { workspace: 'google', server: build });
		for (const person of [ADA, BEN]) await cancel(company.caller(person, era), path, false);
		expect((await running.ended).body).toContain('slow done');
	});
});

it('has told no server that keeps no sessions whose call it should end', () => {
	const told = company.sightings('MARK-cancelled');
	expect(told.filter((server) => ['google/http-sessionless', 'google/http-modern'].includes(server))).toEqual([]);
});
