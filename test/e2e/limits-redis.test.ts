import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BucketState, type LeaseAsk, leaseFrom } from '../../src/lib/bucket.ts';
import { openRedisTokens, type RedisTokens } from '../../src/limits/redis-tokens.ts';
import { machineRedis, startTestRedis, type TestRedis } from '../fakes/redis.ts';
import { until } from './failure-calls.ts';

const hasRedis = machineRedis() !== undefined;
if (!hasRedis) process.stdout.write('SKIPPED: buckets in Redis: this machine has no redis-server\n');

const STILL = { capacity: 40, perMs: 1e-12 };
const askOf = (parts: Partial<LeaseAsk> = {}): LeaseAsk => {
	return { key: 'workspace', shape: STILL, held: 0, returned: 0, least: 0, most: 0, ...parts };
};

describe.skipIf(!hasRedis)('buckets in Redis', () => {
	let redis: TestRedis;
	let tokens: RedisTokens;
	let beside: Redis;

	beforeAll(async () => {
		redis = await startTestRedis();
		tokens = openRedisTokens(redis.url);
		beside = new Redis(redis.url);
		await until(async () => (await granted('warm', askOf())) === 0);
	});
	afterAll(async () => {
		await tokens.close();
		beside.disconnect();
		await redis.close();
	});
	beforeEach(() => beside.flushall().then(() => undefined));

	const granted = async (workspaceId: string, ask: LeaseAsk, holder = 'p'): Promise<number> => {
		const [reply] = await tokens.lease(workspaceId, holder, [ask]).catch(() => []);
		return reply?.granted ?? -1;
	};

	it('give what the rule of all buckets gives, whatever is asked in whatever order', async () => {
		const amount = fc.integer({ min: 0, max: 15 });
		const step = fc.record({
			holder: fc.constantFrom('a', 'b'),
			held: amount,
			returned: amount,
			least: amount,
			most: amount,
		});
		const capacity = fc.integer({ min: 1, max: 50 });
		let run = 0;
		await fc.assert(
			fc.asyncProperty(capacity, fc.boolean(), fc.array(step, { maxLength: 25 }), async (size, isDaily, steps) => {
				run += 1;
				const shape = { capacity: size, perMs: isDaily ? 0 : 1e-12 };
				let state: BucketState | undefined;
				for (const { holder, ...parts } of steps) {
					const ask = askOf({ shape, ...parts });
					const expected = leaseFrom(state, ask, { holder, now: 1_000 });
					state = expected.state;
					expect(await granted(`run-${run}`, ask, holder)).toBe(expected.reply.granted);
				}
			}),
			{ numRuns: 60 },
		);
	});

	it('give forty askers at once no more than there is', async () => {
		const asked = Array.from({ length: 40 }, (_, index) => granted('w', askOf({ least: 3 }), `p-${index % 3}`));
		expect((await Promise.all(asked)).reduce((sum, count) => sum + count, 0)).toBe(40);
	});

	it('of two workspaces are two, each below a key that names it', async () => {
		expect(await granted('one', askOf({ least: 40 }))).toBe(40);
		expect(await granted('one', askOf({ least: 1 }))).toBe(0);
		expect(await granted('two', askOf({ least: 40 }))).toBe(40);
		expect((await beside.keys('*')).sort()).toEqual(['portcullis:rate:one:workspace', 'portcullis:rate:two:workspace']);
	});

	it('fill by the clock of Redis, and go by themselves when they are full', async () => {
		const shape = { capacity: 10, perMs: 0.02 };
		expect(await granted('w', askOf({ shape, least: 10 }))).toBe(10);
		await until(async () => (await granted('w', askOf({ shape, least: 1 }))) === 1);
		const left = await beside.pttl('portcullis:rate:w:workspace');
		expect(left).toBeGreaterThan(500);
		expect(left).toBeLessThanOrEqual(40_500);
	});

	it('say when there is a token, by the day at midnight', async () => {
		const [slow] = await tokens.lease('w', 'p', [askOf({ shape: { capacity: 1, perMs: 1 / 60_000 }, least: 2 })]);
		expect(slow?.waitMs).toBeGreaterThan(59_000);
		expect(slow?.waitMs).toBeLessThanOrEqual(60_000);
		const [daily] = await tokens.lease('v', 'p', [askOf({ shape: { capacity: 1, perMs: 0 }, least: 2 })]);
		expect(daily?.granted).toBe(1);
		expect(daily?.waitMs).toBeGreaterThan(0);
		expect(daily?.waitMs).toBeLessThanOrEqual(86_400_000);
	});

	it('tell nobody the address when Redis is gone', async () => {
		await redis.kill();
		const error: unknown = await tokens.lease('w', 'p', [askOf()]).catch((reason: unknown) => reason);
		await redis.start();
		expect(error).toMatchObject({ code: 'PC_STORE_UNAVAILABLE', facts: { detail: 'redis' } });
		await until(async () => (await granted('w', askOf({ least: 1 }))) === 1);
	});
});
