import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
	type ConfigInput,
	legacy,
	modern,
	type PlainAnswer,
	post,
	startGateway,
	type TestGateway,
} from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp, startModernHttp } from '../fakes/upstream.ts';
import { auditOf, expectRefusal } from './edge-refusal.ts';
import { codeOf, metric, until } from './failure-calls.ts';

const SLOWLY = { perMinute: 1 };

let old: LegacyHttpFixture;
let fresh: Awaited<ReturnType<typeof startModernHttp>>;
let gateway: TestGateway;

beforeAll(async () => {
	old = await startLegacyHttp({ canary: 'OLD', sessions: false });
	fresh = await startModernHttp({ canary: 'FRESH' });
});
afterAll(() => Promise.all([old.close(), fresh.close()]));
afterEach(() => gateway.close());

const configOf = (rateLimits: object, limits: object = {}): ConfigInput => ({
	limits,
	workspaces: {
		google: {
			servers: {
				old: { transport: 'http', url: old.url, era: 'legacy' },
				fresh: { transport: 'http', url: fresh.url },
			},
			rateLimits,
		},
		microsoft: { servers: { fresh: { transport: 'http', url: fresh.url } } },
	},
	grants: [
		{ group: 'G', workspace: 'google', access: 'write' },
		{ group: 'G', workspace: 'microsoft', access: 'write' },
	],
});

async function start(rateLimits: object, limits: object = {}): Promise<void> {
	gateway = await startGateway(configOf(rateLimits, limits));
}

const bearer = (person = 'ann') => ({ authorization: `Bearer ${gateway.tokenFor(['G'], { oid: person })}` });

/** A request of 2026-07-28 at an address. */
function ask(
	path: string,
	method: string,
	params: Record<string, unknown> = {},
	person?: string,
): Promise<PlainAnswer> {
	const { body, headers } = modern(method, params);
	return post(gateway.url + path, body, { ...bearer(person), ...headers });
}

const FRESH = '/w/google/s/fresh/mcp';
const call = (person?: string, tool = 'echo', path = FRESH): Promise<PlainAnswer> => {
	return ask(path, 'tools/call', { name: tool, arguments: { text: 'hello' } }, person);
};

async function inTurn(count: number, make: () => Promise<PlainAnswer>): Promise<string[]> {
	const codes: string[] = [];
	for (let index = 0; index < count; index++) codes.push(codeOf(await make()));
	return codes;
}

const passed = (count: number): string[] => Array.from({ length: count }, () => 'ok');
const LIMITED = 'PC_RATE_LIMITED';

describe('a limit', () => {
	it('lets pass what it says, then says what it was, when to come back, and keeps that in the audit', async () => {
		await start({ workspace: { ...SLOWLY, burst: 3 } });
		expect(await inTurn(3, call)).toEqual(passed(3));
		const before = fresh.seen.length;
		const answer = await call();
		expectRefusal(answer, LIMITED, 1);
		const { limit, retry_after: seconds } = answer.json.error.data;
		expect(limit).toBe('workspace');
		expect(seconds).toBeGreaterThan(50);
		expect(seconds).toBeLessThanOrEqual(60);
		expect(answer.headers.get('retry-after')).toBe(String(seconds));
		expect(fresh.seen).toHaveLength(before);
		const [line, ...more] = auditOf(gateway, answer);
		expect(line).toMatchObject({
			...{ kind: 'outcome', outcome: 'refused', code: LIMITED, stage: 'limits', detail: 'workspace' },
			...{ workspace: 'google', server: 'fresh', tool: 'echo' },
		});
		expect(more).toEqual([]);
		expect(await metric(gateway, 'portcullis_limited_total{limit="workspace"}')).toBe(1);
	});

	it('of persons is each one’s own', async () => {
		await start({ principal: { ...SLOWLY, burst: 2 } });
		expect(await inTurn(3, () => call('ann'))).toEqual([...passed(2), LIMITED]);
		expect(await inTurn(3, () => call('bob'))).toEqual([...passed(2), LIMITED]);
	});

	it('of tools is each one’s own, for all persons together, with limits for some by name', async () => {
		await start({ tool: { ...SLOWLY, burst: 2 }, tools: { 'fresh/whoami': { ...SLOWLY, burst: 1 } } });
		const tools = await ask(FRESH, 'tools/list');
		const names = tools.json.result.tools.map(({ name }: { name: string }) => name);
		expect(names).toEqual(expect.arrayContaining(['echo', 'whoami']));
		expect(await inTurn(2, () => call('ann', 'whoami'))).toEqual(['ok', LIMITED]);
		expect([codeOf(await call('ann')), codeOf(await call('bob')), codeOf(await call('bob'))]).toEqual([
			...passed(2),
			LIMITED,
		]);
	});

	it('by the day is told with the time until midnight', async () => {
		await start({ daily: { workspace: 5, principal: 2 } });
		expect(await inTurn(3, () => call('ann'))).toEqual([...passed(2), LIMITED]);
		const answer = await call('ann');
		const midnight = Math.ceil((86_400_000 - (Date.now() % 86_400_000)) / 1_000);
		expect(answer.json.error.data.limit).toBe('principal-daily');
		expect(Math.abs(Number(answer.headers.get('retry-after')) - midnight)).toBeLessThan(60);
		expect(await inTurn(2, () => call('bob'))).toEqual(passed(2));
		expect(await inTurn(2, () => call('eve'))).toEqual(['ok', LIMITED]);
		expect((await call('eve')).json.error.data.limit).toBe('workspace-daily');
	});

	it('that refuses costs nothing of the others', async () => {
		await start({ workspace: { ...SLOWLY, burst: 5 }, principal: { ...SLOWLY, burst: 2 } });
		expect(await inTurn(20, () => call('ann'))).toEqual([...passed(2), ...Array.from({ length: 18 }, () => LIMITED)]);
		expect(await inTurn(2, () => call('bob'))).toEqual(passed(2));
		expect(await inTurn(2, () => call('eve'))).toEqual(['ok', LIMITED]);
	});

	it('is never passed by calls that come at once', async () => {
		await start({ workspace: { ...SLOWLY, burst: 20 }, principal: { ...SLOWLY, burst: 50 } });
		const answers = await Promise.all(Array.from({ length: 60 }, () => call()));
		expect(answers.filter((answer) => codeOf(answer) === 'ok')).toHaveLength(20);
	});

	it('of one workspace is nothing to another', async () => {
		await start({ workspace: { ...SLOWLY, burst: 1 } });
		expect(await inTurn(2, call)).toEqual(['ok', LIMITED]);
		expect(await inTurn(5, () => call('ann', 'echo', '/w/microsoft/s/fresh/mcp'))).toEqual(passed(5));
	});

	it('counts whatever a server is asked, on every way, and each message of a batch', async () => {
		await start({ workspace: { ...SLOWLY, burst: 6 } });
		const uri = 'test://static-text';
		expect(codeOf(await ask(FRESH, 'resources/read', { uri }))).toBe('ok');
		expect(codeOf(await ask('/w/google/mcp', 'tools/call', { name: 'fresh__echo', arguments: { text: 'x' } }))).toBe(
			'ok',
		);
		expect(codeOf(await ask('/mcp', 'tools/call', { name: 'google__fresh__echo', arguments: { text: 'x' } }))).toBe(
			'ok',
		);
		const batch = [1, 2, 3, 4].map((id) => legacy('tools/call', { name: 'echo', arguments: { text: 'x' } }, id));
		const answers = await post(`${gateway.url}/w/google/s/old/mcp`, batch, {
			...bearer(),
			'mcp-protocol-version': '2025-03-26',
		});
		const codes = answers.json.map((json: unknown) => codeOf({ ...answers, json }));
		expect(codes.sort()).toEqual([LIMITED, ...passed(3)]);
		expect(codeOf(await ask(FRESH, 'prompts/get', { name: 'test_simple_prompt' }))).toBe(LIMITED);
	});

	it('does not count what the gateway answers by itself', async () => {
		await start({ workspace: { ...SLOWLY, burst: 1 } });
		await call();
		expect(await inTurn(3, () => ask(FRESH, 'tools/list'))).toEqual(passed(3));
		expect(await inTurn(3, () => ask('/w/google/mcp', 'resources/list'))).toEqual(passed(3));
		expect(await inTurn(3, () => ask('/w/google/mcp', 'server/discover'))).toEqual(passed(3));
		expect(codeOf(await call())).toBe(LIMITED);
	});

	it('that is changed holds from the next call on', async () => {
		await start({ workspace: { ...SLOWLY, burst: 1 } });
		expect(await inTurn(2, call)).toEqual(['ok', LIMITED]);
		await gateway.reconfigure(configOf({}));
		expect(await inTurn(3, call)).toEqual(passed(3));
		await gateway.reconfigure(configOf({ workspace: { perMinute: 60_000, burst: 50 } }));
		await until(async () => codeOf(await call()) === 'ok');
		await gateway.reconfigure(configOf({ workspace: { ...SLOWLY, burst: 2 } }));
		const codes = await inTurn(4, call);
		expect(codes.filter((code) => code === 'ok').length).toBeLessThanOrEqual(2);
		expect(codes.at(-1)).toBe(LIMITED);
	});

	it('of all workspaces holds where a workspace says nothing else', async () => {
		await start(
			{ principal: { ...SLOWLY, burst: 3 } },
			{ rate: { principal: { ...SLOWLY, burst: 1 }, tool: { ...SLOWLY, burst: 2 } } },
		);
		expect(await inTurn(3, () => call('ann', 'echo', '/w/microsoft/s/fresh/mcp'))).toEqual(['ok', LIMITED, LIMITED]);
		expect(await inTurn(3, call)).toEqual([...passed(2), LIMITED]);
	});
});
