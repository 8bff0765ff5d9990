import { globalAgent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modern } from '../fakes/gateway.ts';
import { INITIALIZE } from '../fakes/tenancy-caller.ts';
import { type Company, startCompany } from '../fakes/tenancy-company.ts';
import { createFootprintMeter, type Footprint } from '../fakes/tenancy-footprint.ts';
import { type AddressKind, nameAt, pathAt } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { deliver, headerOf, leaveAfter, responseIn } from '../fakes/tenancy-wire.ts';

// Clients that begin something and never come back. Whatever the gateway held for them has to go: nobody else will ask
// for it to be let go of.

const SERVERS = {
	old: 'http-legacy',
	fresh: 'http-modern',
	events: 'sse',
	child: 'stdio-legacy',
	offspring: 'stdio-modern',
} as const satisfies Record<string, Build>;
type Slug = keyof typeof SERVERS;

const REVISION = '2025-11-25';
const ASKABLE = { elicitation: {}, roots: {}, sampling: {} };
/** Short, so that what is parked or idle ends within the test. */
const LIMITS = { questionMs: 400, childIdleMs: 1_000 };
const AT_ONCE = 32;
const MEGABYTE = 2 ** 20;
/**
 * What the heap may have grown by, of which 2 MB are seen: full caches whose session ids are longer now, and noise. It is
 * 370 bytes for each client if all leave something; a kind of which there are few has to leave more to be seen.
 */
const MARGIN_BYTES = 3.5 * MEGABYTE;

let company: Company;
let token: string;
beforeAll(async () => {
	company = await startCompany({
		servers: { google: SERVERS },
		grants: [{ group: 'MCP-Google', workspace: 'google', access: 'write' }],
		entryOf: ({ slug }) => ({ limits: LIMITS, ...(slug === 'child' && { clientFeatures: ['elicitation'] }) }),
	});
	token = company.gateway.tokenFor(['MCP-Google'], { oid: 'ada' });
});
afterAll(() => company.close());

interface Place {
	readonly slug: Slug;
	readonly address: AddressKind;
}

const at = (address: AddressKind, slug: Slug): Place => ({ address, slug });
const urlOf = ({ slug, address }: Place): string =>
	company.gateway.url + pathAt(address, { workspace: 'google', server: slug });
const toolAt = ({ slug, address }: Place, tool: string): string =>
	nameAt(address, { workspace: 'google', server: slug, suffix: '' }, tool);
const headersOf = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
	authorization: `Bearer ${token}`,
	'content-type': 'application/json',
	accept: 'application/json, text/event-stream',
	...more,
});

function message(method: string, params: object = {}, id: string | number | undefined = 1): string {
	return JSON.stringify({ jsonrpc: '2.0', ...(id !== undefined && { id }), method, params });
}

async function initialize(place: Place): Promise<Record<string, string>> {
	const body = message('initialize', { ...INITIALIZE, capabilities: ASKABLE });
	const answer = await deliver(urlOf(place), { headers: headersOf(), body });
	expect(responseIn(answer).result, answer.body).toBeDefined();
	return headersOf({ 'mcp-session-id': headerOf(answer, 'mcp-session-id') ?? '', 'mcp-protocol-version': REVISION });
}

async function dropStream(place: Place): Promise<void> {
	const headers = await initialize(place);
	const { status } = await leaveAfter(urlOf(place), { method: 'GET', headers }, () => true);
	expect(status).toBe(200);
}

async function dropListen(place: Place): Promise<void> {
	const notifications = { toolsListChanged: true, resourceSubscriptions: [] };
	const { body, headers } = modern('subscriptions/listen', { notifications });
	const sending = { headers: headersOf(headers), body: JSON.stringify(body) };
	const { status } = await leaveAfter(urlOf(place), sending, (text) => text.includes('acknowledged'));
	expect(status).toBe(200);
}

/** HTTP+SSE of 2024-11-05; with `speaks`, after the handshake. */
async function dropSse(place: Place, speaks: 'silent' | 'speaks'): Promise<void> {
	const url = urlOf(place).replace(/mcp$/, 'sse');
	let posted = false;
	const { status, body } = await leaveAfter(url, { method: 'GET', headers: headersOf() }, async (text) => {
		const endpoint = /data: (\S*sessionId=\S+)/.exec(text)?.[1];
		if (speaks === 'silent' || endpoint === undefined) return endpoint !== undefined;
		const address = new URL(endpoint, url).href;
		if (!posted) {
			posted = true;
			await deliver(address, { headers: headersOf(), body: message('initialize', INITIALIZE) });
		}
		return text.includes('serverInfo');
	});
	expect([status, body]).toEqual([200, expect.stringContaining('endpoint')]);
}

/** A legacy client is asked on the stream of its call, and leaves. */
async function leaveQuestion(place: Place, tool: string, args: object): Promise<void> {
	const headers = await initialize(place);
	const body = message('tools/call', { name: toolAt(place, tool), arguments: args });
	const answer = await leaveAfter(urlOf(place), { headers, body }, (text) => text.includes('elicitation/create'));
	expect(answer.body).toContain('elicitation/create');
}

/** A modern client is asked by a result, and never calls again. */
async function leaveParked(place: Place): Promise<void> {
	const _meta = { 'io.modelcontextprotocol/clientCapabilities': ASKABLE };
	const params = { name: toolAt(place, 'elicit'), arguments: { message: 'Who?' }, _meta };
	const { body, headers } = modern('tools/call', params);
	const answer = await deliver(urlOf(place), { headers: headersOf(headers), body: JSON.stringify(body) });
	expect(responseIn(answer).result?.resultType, answer.body).toBe('input_required');
}

/** A modern client hangs up while the tool works. */
async function leaveWork(place: Place): Promise<void> {
	const params = { name: toolAt(place, 'slow'), arguments: { ms: 60_000 }, _meta: { progressToken: 1 } };
	const { body, headers } = modern('tools/call', params);
	const sending = { headers: headersOf(headers), body: JSON.stringify(body) };
	await leaveAfter(urlOf(place), sending, (text) => text.includes('progress'));
}

interface Kind {
	readonly count: number;
	readonly atOnce?: number;
	begin(index: number): Promise<unknown>;
}

const pick = <T>(values: readonly T[], index: number): T => values[index % values.length]!;
const QUIET_PLACES = [
	at('server', 'old'),
	at('server', 'fresh'),
	at('server', 'events'),
	at('server', 'child'),
	at('workspace', 'old'),
	at('all', 'old'),
];
const STREAMS = [
	at('server', 'old'),
	at('server', 'fresh'),
	at('server', 'child'),
	at('workspace', 'old'),
	at('all', 'old'),
];
const LISTENS = [at('server', 'fresh'), at('server', 'events'), at('server', 'offspring'), at('workspace', 'fresh')];
const ASKED = [at('workspace', 'old'), at('all', 'old'), at('workspace', 'events')];
const WORKING = [at('server', 'fresh'), at('workspace', 'old'), at('workspace', 'events'), at('server', 'child')];
const WHO = { message: 'Who?' };

const KINDS: readonly Kind[] = [
	// Sessions that are never used again, GET streams, subscriptions, streams of HTTP+SSE.
	{ count: 3_400, begin: (index) => initialize(pick(QUIET_PLACES, index)) },
	{ count: 1_500, begin: (index) => dropStream(pick(STREAMS, index)) },
	{ count: 1_500, begin: (index) => dropListen(pick(LISTENS, index)) },
	{
		count: 1_500,
		begin: (index) => dropSse(pick(QUIET_PLACES, index), pick(['silent', 'speaks'], index)),
	},
	// Questions of legacy servers, of modern ones, and of children; calls parked for a retry; calls at work.
	{ count: 600, begin: (index) => leaveQuestion(pick(ASKED, index), 'elicit', WHO) },
	{
		count: 400,
		begin: () => leaveQuestion(at('workspace', 'fresh'), 'ask', { question: 'Who?' }),
	},
	{ count: 20, atOnce: 2, begin: () => leaveQuestion(at('server', 'child'), 'elicit', WHO) },
	{ count: 480, begin: (index) => leaveParked(pick([at('server', 'old'), at('all', 'old')], index)) },
	{ count: 600, begin: (index) => leaveWork(pick(WORKING, index)) },
];

/** The ids of so many sessions, read and ended, are remembered. Their caches are full before anything is measured. */
const FILLING: Kind = {
	count: 10_000,
	async begin() {
		const place = at('all', 'old');
		await deliver(urlOf(place), { method: 'DELETE', headers: await initialize(place) });
	},
};

/** Begins so many of a kind, a few at a time. */
async function abandon(kind: Kind, count: number): Promise<void> {
	let next = 0;
	const worker = async (): Promise<void> => {
		for (let index = next++; index < count; index = next++) await kind.begin(index);
	};
	await Promise.all(Array.from({ length: Math.min(kind.atOnce ?? AT_ONCE, count) }, worker));
}

const measure = createFootprintMeter();

async function openSessions(): Promise<number> {
	const metrics = await (await fetch(`${company.gateway.operatorUrl}/metrics`)).text();
	return Number(/^portcullis_upstream_sessions (\d+)$/m.exec(metrics)?.[1]);
}

/** The footprint once everything has ended that ends by itself, and without what the fixture and the clients keep. */
async function settled(): Promise<Footprint> {
	for (let open = await openSessions(); open > 0; open = await openSessions()) await pause(100);
	for (const upstream of company.upstreams) {
		upstream.forgetRequests();
		upstream.dropSessions();
	}
	globalAgent.destroy();
	let last = await measure();
	for (let same = 0; same < 3; ) {
		await pause(500);
		const now = await measure();
		same = JSON.stringify(now.resources) === JSON.stringify(last.resources) ? same + 1 : 0;
		last = now;
	}
	return last;
}

describe('10,000 clients that never come back', () => {
	let before: Footprint;
	let after: Footprint;

	beforeAll(async () => {
		for (const kind of KINDS) await abandon(kind, 64);
		await abandon(FILLING, FILLING.count);
		before = await settled();
		for (const kind of KINDS) await abandon(kind, kind.count);
		after = await settled();
	}, 120_000);

	it('are 10,000', () => expect(KINDS.reduce((sum, { count }) => sum + count, 0)).toBe(10_000));

	it('leave no upstream session behind', async () => expect(await openSessions()).toBe(0));

	it('leave no socket, pipe, child or timer behind', () => expect(after.resources).toEqual(before.resources));

	it('leave no listener of the process behind', () => expect(after.listeners).toBe(before.listeners));

	it('leave nothing on the heap', () => expect(after.heapBytes - before.heapBytes).toBeLessThan(MARGIN_BYTES));
});
