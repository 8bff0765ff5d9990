import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkKeys, keysInUse } from '../../src/credentials/keys/check-keys.ts';
import { createKeyRing, type RingKey } from '../../src/credentials/keys/key-ring.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';
import { withClient } from './migrated-database.ts';

const [OLD, NEW] = ['2025', '2026'].map((id): RingKey => ({ id, key: randomBytes(32) })) as [RingKey, RingKey];
const SIGNAL = new AbortController().signal;
const PEOPLE = 30;

let postgres: TestPostgres;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;
let before: ManagedGateway;
let after: ManagedGateway;

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'UP' });
	const jira = {
		...{ transport: 'http', url: upstream.url, credential: 'principal' },
		headers: { authorization: 'Bearer ${secret:token}' },
	};
	before = await startManagedGateway(
		{
			workspaces: { google: { servers: { jira } } },
			grants: [
				{ group: 'G', workspace: 'google', access: 'write' },
				{ group: 'root', workspace: '*', access: 'admin' },
			],
		},
		{ postgres, keys: createKeyRing([OLD]) },
	);
	await checkKeys(createKeyRing([OLD]), before.store, SIGNAL);
	after = await startManagedGateway({}, { beside: before, keys: createKeyRing([NEW, OLD]) });
	await checkKeys(createKeyRing([NEW, OLD]), after.store, SIGNAL);
});
afterAll(async () => {
	await after.close();
	await before.close();
	await upstream.close();
	await postgres.close();
});

const as = (oid: string, group = 'G') => ({ authorization: `Bearer ${before.tokenFor([group], { oid })}` });
const keep = (gateway: ManagedGateway, oid: string) =>
	fetch(`${gateway.url}/api/v1/workspaces/google/servers/jira/own-credential`, {
		method: 'PUT',
		headers: { ...as(oid), 'content-type': 'application/json', 'if-none-match': '*' },
		body: JSON.stringify({ values: { token: `token-of-${oid}` } }),
	});
const call = async (gateway: ManagedGateway, oid: string): Promise<string> => {
	const echo = legacy('tools/call', { name: 'whoami', arguments: {} });
	const { text } = await post(`${gateway.url}/w/google/s/jira/mcp`, echo, as(oid));
	return text;
};
const keyIds = () =>
	withClient(before.database.superuser, async (client) => {
		const { rows } = await client.query(
			'select key_id as id, count(*)::int as count from portcullis.credential group by 1',
		);
		return Object.fromEntries(rows.map(({ id, count }) => [id, count]));
	});

describe('the wrapping key', () => {
	it('is changed under load, with no call that fails, and the old one is retired when nothing needs it', async () => {
		const people = Array.from({ length: PEOPLE }, (_, index) => `person-${index}`);
		for (const oid of people) expect((await keep(before, oid)).status).toBe(201);
		expect(await keyIds()).toEqual({ 2025: PEOPLE });
		let isDone = false;
		const failures: string[] = [];
		// Each of these opens secrets anew: a person is first called for here, in the process with both keys.
		const load = people.map(async (oid) => {
			do {
				const text = await call(after, oid);
				if (!text.includes(`token-of-${oid}`)) failures.push(text);
			} while (!isDone);
		});
		const response = await fetch(`${after.url}/api/v1/platform/rewrap`, {
			method: 'POST',
			headers: as('root', 'root'),
		});
		isDone = true;
		await Promise.all(load);
		expect([response.status, (await response.json()) as unknown]).toEqual([
			200,
			{ rewrapped: PEOPLE, unreadable: 0, retired: ['2025'] },
		]);
		expect(failures).toEqual([]);
		expect(await keyIds()).toEqual({ 2026: PEOPLE });
		expect(await keysInUse(after.store)).toEqual(['2026']);
	});

	it('opens everything by itself from then on', async () => {
		const alone = await startManagedGateway({}, { beside: before, keys: createKeyRing([NEW]) });
		await checkKeys(createKeyRing([NEW]), alone.store, SIGNAL);
		expect(await call(alone, 'person-7')).toContain('token-of-person-7');
		await alone.close();
	});

	it('stays in use where a secret cannot be opened, which is told', async () => {
		expect((await keep(before, 'odd')).status).toBe(201);
		await withClient(before.database.superuser, (client) =>
			client.query("update portcullis.credential set sealed = '\\x01' where oid = 'odd'"),
		);
		await checkKeys(createKeyRing([OLD, NEW]), before.store, SIGNAL);
		const response = await fetch(`${after.url}/api/v1/platform/rewrap`, {
			method: 'POST',
			headers: as('root', 'root'),
		});
		expect(await response.json()).toEqual({ rewrapped: 0, unreadable: 1, retired: [] });
		expect(await keysInUse(after.store)).toContain('2025');
		expect(await call(after, 'odd')).toContain('A kept secret cannot be read');
	});
});
