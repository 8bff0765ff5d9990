import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CutDatabase, openCutDatabase } from '../fakes/cut-database.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import { withClient } from './migrated-database.ts';

let postgres: TestPostgres;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;
let line: CutDatabase;
let gateway: ManagedGateway;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'RESULT' });
});
afterAll(async () => {
	await upstream.close();
	await postgres.close();
});
beforeEach(async () => {
	line = await openCutDatabase(postgres.superuser);
});
afterEach(async () => {
	await gateway.close();
	await line.close();
});

async function start(rateLimits: object): Promise<void> {
	const servers = { tools: { transport: 'http', url: upstream.url } };
	gateway = await startManagedGateway(
		{
			workspaces: { google: { servers, rateLimits } },
			grants: [
				{ group: 'G', workspace: 'google', access: 'admin' },
				{ group: 'W', workspace: 'google', access: 'write' },
			],
		},
		{ postgres, by: line.through },
	);
}

const bearer = (group = 'G') => ({ authorization: `Bearer ${gateway.tokenFor([group])}` });
const call = async (): Promise<number> => {
	const params = { name: 'tools__echo', arguments: { text: 'hello' } };
	return (await post(`${gateway.url}/w/google/mcp`, legacy('tools/call', params), bearer())).status;
};
const buckets = (): Promise<readonly { key: string; tokens: number; leases: object }[]> =>
	withClient(gateway.database.superuser, async (client) => {
		return (await client.query('select key, tokens, leases from portcullis.rate_bucket order by key')).rows;
	});

async function change(rateLimits: object, group = 'G'): Promise<number> {
	const response = await fetch(`${gateway.url}/api/v1/workspaces/google`, {
		method: 'PATCH',
		headers: { ...bearer(group), 'content-type': 'application/json', 'if-match': await versionOf() },
		body: JSON.stringify({ rateLimits }),
	});
	await response.text();
	return response.status;
}

async function versionOf(): Promise<string> {
	const response = await fetch(`${gateway.url}/api/v1/workspaces/google`, { headers: bearer() });
	await response.text();
	return response.headers.get('etag') ?? '';
}

describe('calls of a workspace with limits', () => {
	it('ask the database nothing while there are tokens at hand', async () => {
		const wide = { perMinute: 60_000, burst: 2_000 };
		await start({ workspace: wide, principal: wide, tool: wide, daily: { workspace: 2_000, principal: 2_000 } });
		expect(await call()).toBe(200);
		expect((await buckets()).map(({ key }) => key.replace(/:.*/, '')).sort()).toEqual([
			...['principal', 'principal-daily', 'tool', 'workspace', 'workspace-daily'],
		]);
		await gateway.shipped();
		await line.cut();
		const sent = line.sentBytes();
		const statuses = await Promise.all(Array.from({ length: 80 }, call));
		expect(statuses.every((status) => status === 200)).toBe(true);
		expect(line.sentBytes()).toBe(sent);
		await line.restore();
	});

	it('leave no name of a person in the database', async () => {
		await start({ principal: { perMinute: 60 } });
		await call();
		const [bucket] = await buckets();
		expect(bucket?.key).toMatch(/^principal:#[\w-]{43}$/);
	});

	it('give back what nobody has wanted for a while', async () => {
		await start({ workspace: { perMinute: 1, burst: 400 } });
		await call();
		expect((await buckets())[0]?.leases).not.toEqual({});
		await expect.poll(async () => (await buckets())[0]?.leases, { timeout: 20_000 }).toEqual({});
		expect(Math.floor((await buckets())[0]?.tokens ?? 0)).toBe(399);
	});

	it('are limited from the moment an administrator says so, until one takes it back', async () => {
		await start({});
		expect([await call(), await call(), await call()]).toEqual([200, 200, 200]);
		expect(await buckets()).toEqual([]);
		expect(await change({ workspace: { perMinute: 1, burst: 2 } }, 'W')).toBe(403);
		expect(await change({ workspace: { perMinute: 0 } })).toBe(400);
		expect(await change({ workspace: { perMinute: 1, burst: 2 } })).toBe(200);
		expect([await call(), await call(), await call()]).toEqual([200, 200, 429]);
		expect(await change({})).toBe(200);
		expect([await call(), await call()]).toEqual([200, 200]);
	});
});
