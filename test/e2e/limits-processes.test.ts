import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FleetOptions, type LimitedFleet, startLimitedFleet } from '../fakes/limited-fleet.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { machineRedis, startTestRedis, type TestRedis } from '../fakes/redis.ts';
import { withClient } from '../store/migrated-database.ts';

const LOAD_MS = 4_000;
/** Five calls a second, after forty at once. */
const FEW = { perMinute: 300, burst: 40 };
const SLOWEST = { perMinute: 1, burst: 400 };

let postgres: TestPostgres;
let fleet: LimitedFleet;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
});
afterAll(() => postgres.close());
afterEach(() => fleet.close());

async function start(options: Omit<FleetOptions, 'postgres'>): Promise<void> {
	fleet = await startLimitedFleet({ postgres, ...options });
}

const mostOf = ({ perMinute, burst }: typeof FEW, ms: number): number => burst + (perMinute * ms) / 60_000;

const leasesInDatabase = () =>
	withClient(fleet.database.superuser, async (client) => {
		const { rows } = await client.query('select key, tokens, leases from portcullis.rate_bucket order by key');
		return rows as readonly { readonly key: string; readonly tokens: number; readonly leases: object }[];
	});

/** What must hold, whatever keeps the buckets. */
function describeStore(
	name: string,
	env: () => Readonly<Record<string, string>>,
	lose: Record<'cut' | 'restore', () => unknown>,
) {
	describe(`three processes over ${name}`, () => {
		it('let pass what the limit lets pass and not one call more, at ten times of it and more', async () => {
			await start({ rateLimits: { google: { workspace: FEW } }, env: env() });
			const { admitted, refused, codes, windowMs } = await fleet.load(LOAD_MS);
			expect(admitted).toBeLessThanOrEqual(mostOf(FEW, windowMs));
			expect(admitted).toBeGreaterThan(0.8 * mostOf(FEW, LOAD_MS));
			expect(admitted + refused).toBeGreaterThan((10 * FEW.perMinute * windowMs) / 60_000);
			expect([...codes]).toEqual(['PC_RATE_LIMITED']);
		});

		it('let pass a small limit to the last call, and keep workspaces apart', async () => {
			const small = { principal: { perMinute: 1, burst: 5 } };
			await start({ rateLimits: { google: small, microsoft: small }, env: env() });
			const statuses: number[] = [];
			for (let index = 0; index < 9; index++) statuses.push((await fleet.call(index % 3, 'google')).status);
			expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429, 429]);
			expect((await fleet.call(0, 'microsoft')).status).toBe(200);
		});

		it('spend what they have leased when the store is gone, then refuse, and go on when it is back', async () => {
			await start({ rateLimits: { google: { workspace: { perMinute: 60_000, burst: 1_000 } } }, env: env() });
			expect((await fleet.call(0)).status).toBe(200);
			await lose.cut();
			const { admitted, codes } = await fleet.load(1_000);
			expect(admitted).toBeGreaterThan(0);
			expect(admitted).toBeLessThan(1_000);
			expect([...codes]).toEqual(['PC_LIMITS_UNAVAILABLE']);
			await lose.restore();
			await expect.poll(async () => (await fleet.call(0)).status, { timeout: 5_000, interval: 200 }).toBe(200);
		});
	});
}

describeStore('PostgreSQL', () => ({}), { cut: () => fleet.cut(), restore: () => fleet.restore() });

describe('processes that stop', () => {
	it('give back what they have not spent', async () => {
		await start({ rateLimits: { google: { workspace: SLOWEST } } });
		for (const index of [0, 1, 2]) expect((await fleet.call(index)).status).toBe(200);
		const [before] = await leasesInDatabase();
		expect(Object.keys(before?.leases ?? {})).toHaveLength(3);
		expect(before?.tokens).toBeLessThan(300);
		await fleet.stop();
		const [after] = await leasesInDatabase();
		expect(after?.leases).toEqual({});
		expect(Math.floor(after?.tokens ?? 0)).toBe(397);
	});
});

describe('processes that share limits while the store is gone', () => {
	it('let pass no more than the limit together', async () => {
		const env = { PORTCULLIS_LIMITS_WITHOUT_STORE: 'share', PORTCULLIS_PROCESSES: '3' };
		await start({ rateLimits: { google: { workspace: { perMinute: 1, burst: 90 } } }, env });
		fleet.cut();
		const { admitted, codes } = await fleet.load(3_000);
		expect(admitted).toBe(90);
		expect([...codes]).toEqual(['PC_RATE_LIMITED']);
	});
});

const hasRedis = machineRedis() !== undefined;
if (!hasRedis) process.stdout.write('SKIPPED: limits over Redis: this machine has no redis-server\n');

describe.skipIf(!hasRedis)('with a Redis', () => {
	let redis: TestRedis;
	beforeAll(async () => {
		redis = await startTestRedis();
	});
	afterAll(() => redis.close());

	describeStore('Redis', () => ({ REDIS_URL: redis.url }), { cut: () => redis.kill(), restore: () => redis.start() });

	it('no process tells the address of Redis, whatever happens to that', async () => {
		await start({ rateLimits: { google: { workspace: FEW } }, env: { REDIS_URL: redis.url }, processes: 1 });
		await redis.kill();
		expect((await fleet.call(0)).json.error.data.code).toBe('PC_LIMITS_UNAVAILABLE');
		await redis.start();
		await expect.poll(async () => (await fleet.call(0)).status, { timeout: 5_000, interval: 200 }).toBe(200);
		expect(fleet.output()).toContain('the store of the limits cannot be reached');
		expect(fleet.output()).not.toContain(redis.password);
	});
});
