import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import { expectRefusal } from './edge-refusal.ts';
import { metric } from './failure-calls.ts';

let upstream: Awaited<ReturnType<typeof startModernHttp>>;
let gateway: TestGateway;

beforeEach(async () => {
	upstream = await startModernHttp({ canary: 'RESULT' });
	gateway = await startGateway(
		{
			workspaces: { google: { servers: { tools: { transport: 'http', url: upstream.url } } } },
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
		},
		{},
		{ limiting: { perMinute: 4 } },
	);
});
afterEach(async () => {
	await gateway.close();
	await upstream.close();
});

const list = (token: string | undefined): Promise<PlainAnswer> =>
	post(
		`${gateway.url}/w/google/mcp`,
		legacy('tools/list'),
		token === undefined ? {} : { authorization: `Bearer ${token}` },
	);
const forged = (index: number): string => `${gateway.tokenFor(['G'], { oid: `forged-${index}` })}AA`;

async function fail(count: number): Promise<readonly number[]> {
	const statuses: number[] = [];
	for (let index = 0; index < count; index++) statuses.push((await list(forged(index))).status);
	return statuses;
}

describe('sign-ins that fail', () => {
	it('are refused unseen beyond what one address may get wrong: limit - 1, limit, limit + 1', async () => {
		expect(await fail(4)).toEqual([401, 401, 401, 401]);
		const answer = await list(forged(4));
		expectRefusal(answer, 'PC_TOO_MANY_FAILURES');
		expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
		expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(15);
		expect(await metric(gateway, 'portcullis_limited_total{limit="failures"}')).toBe(1);
	});

	it('shut out nobody who has signed in before, but whoever is new', async () => {
		const known = gateway.tokenFor(['G'], { oid: 'ann' });
		expect((await list(known)).status).toBe(200);
		await fail(5);
		expect((await list(known)).status).toBe(200);
		const unknown = gateway.tokenFor(['G'], { oid: 'bob' });
		expect((await list(unknown)).status).toBe(429);
	});

	it('are not those without a token: clients begin like that', async () => {
		for (let index = 0; index < 10; index++) expect((await list(undefined)).status).toBe(401);
		expect((await list(gateway.tokenFor(['G']))).status).toBe(200);
	});

	it('are counted at the management API too', async () => {
		const me = (token: string): Promise<Response> =>
			fetch(`${gateway.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } });
		for (let index = 0; index < 4; index++) expect((await me(forged(index))).status).toBe(401);
		const refused = await me(forged(4));
		expect(refused.status).toBe(429);
		expect(refused.headers.get('retry-after')).not.toBeNull();
		expect(await refused.json()).toMatchObject({ code: 'PC_TOO_MANY_FAILURES', limit: 'failures' });
	});

	it('cost those who succeed nothing', async () => {
		const people = Array.from({ length: 30 }, (_, index) => gateway.tokenFor(['G'], { oid: `person-${index}` }));
		const answers = await Promise.all(people.map(list));
		expect(answers.every(({ status }) => status === 200)).toBe(true);
	});
});
