import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyText, keyDigest, keyPrefix } from '../../src/lib/api-key-text.ts';
import { insertApiKey } from '../../src/store/queries/api-key.ts';
import { listAuditEvents } from '../../src/store/queries/audit-event.ts';
import { insertServer } from '../../src/store/queries/server.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { type CutDatabase, openCutDatabase } from '../fakes/cut-database.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { type ManagedGateway, type ManagedOptions, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { startModernHttp } from '../fakes/upstream.ts';

let postgres: TestPostgres;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;
let line: CutDatabase;
let gateway: ManagedGateway;
/** The database as somebody else sees it, who has a way of their own. */
let beside: Store;

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
	await beside.close();
	await gateway.close();
	await line.close();
});

async function start(options: ManagedOptions = {}): Promise<void> {
	gateway = await startManagedGateway(
		{
			workspaces: {
				google: {
					servers: {
						tools: { transport: 'http', url: upstream.url },
						kept: { transport: 'http', url: upstream.url, headers: { 'x-api-key': '${secret:key}' } },
					},
				},
			},
			grants: [
				{ group: 'G', workspace: 'google', access: 'write' },
				{ group: 'A', workspace: 'google', access: 'admin' },
			],
		},
		{ postgres, by: line.through, ...options },
	);
	beside = createStore({ connections: gateway.database });
}

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${gateway.tokenFor(['G'])}` });
const call = (headers = bearer(), server = 'tools') =>
	post(
		`${gateway.url}/w/google/mcp`,
		legacy('tools/call', { name: `${server}__echo`, arguments: { text: 'hello' } }),
		headers,
	);
const workspaceId = (): string => gateway.configuration.snapshots.current().workspaces.get('google')?.id ?? '';
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
	promise.then(
		() => 'done',
		(error: { code?: unknown }) => error.code,
	);

/** Waits for a swap that satisfies. */
function swapped(isThere: () => boolean): Promise<void> {
	return new Promise((resolve) => {
		if (isThere()) resolve();
		gateway.configuration.snapshots.onChange(() => {
			if (isThere()) resolve();
		});
	});
}

const addServer = (slug: string): Promise<string> =>
	beside.withWorkspace(workspaceId(), 'test', (tx) =>
		insertServer(tx, {
			slug,
			title: null,
			transport: 'http',
			endpoint: { url: upstream.url },
			era: 'auto',
			isolation: 'shared',
			credential: 'workspace',
			clientFeatures: null,
			limits: {},
			toolsDefault: 'enabled',
			enabled: true,
			catalogueId: null,
			managedBy: 'api',
		}),
	);

/** Makes a key beside the gateway, and waits until the gateway knows it. */
async function addKey(): Promise<Record<string, string>> {
	const key = createKeyText();
	const digest = keyDigest(key);
	await beside.withWorkspace(workspaceId(), 'test', (tx) =>
		insertApiKey(tx, {
			...{ kind: 'service', name: 'Nightly', level: 'write', servers: null, networks: null, settings: {} },
			...{ digest, prefix: keyPrefix(key), owner: undefined, expiresAt: null, createdBy: 'operator' },
		}),
	);
	await swapped(() => gateway.configuration.snapshots.current().apiKeys.has(digest));
	return { authorization: `Bearer ${key}` };
}

describe('a gateway whose database is gone', () => {
	it('serves calls by what it knows, asking the database nothing, and records them when it is back', async () => {
		await start();
		const withKey = await addKey();
		const before = await call();
		expect(before.text).toContain('hello');
		await gateway.shipped();
		await line.cut();
		const sent = line.sentBytes();
		const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => call(n % 2 === 0 ? withKey : bearer())));
		expect(answers.every(({ status, text }) => status === 200 && text.includes('hello'))).toBe(true);
		expect(line.sentBytes()).toBe(sent);
		await line.restore();
		await gateway.shipped();
		const events = await beside.withWorkspace(workspaceId(), 'test', (tx) => listAuditEvents(tx, { limit: 1_000 }));
		expect(events.filter(({ kind, tool }) => kind === 'intent' && tool === 'echo')).toHaveLength(201);
		expect(events.filter(({ kind, tool }) => kind === 'outcome' && tool === 'echo')).toHaveLength(201);
	});

	it('serves calls with a secret that it keeps, asking the database nothing once it is in use', async () => {
		await start();
		const kept = await fetch(`${gateway.url}/api/v1/workspaces/google/servers/kept/credential`, {
			method: 'PUT',
			headers: {
				authorization: `Bearer ${gateway.tokenFor(['A'])}`,
				'content-type': 'application/json',
				'if-none-match': '*',
			},
			body: JSON.stringify({ values: { key: 'kept-key' } }),
		});
		expect(kept.status).toBe(201);
		expect((await call(bearer(), 'kept')).text).toContain('hello');
		await gateway.shipped();
		await line.cut();
		const sent = line.sentBytes();
		const answers = await Promise.all(Array.from({ length: 100 }, () => call(bearer(), 'kept')));
		expect(answers.every(({ status, text }) => status === 200 && text.includes('hello'))).toBe(true);
		expect(line.sentBytes()).toBe(sent);
		expect(upstream.seen.at(-1)?.headers['x-api-key']).toBe('kept-key');
	});

	it('refuses changes, and takes up by itself what changed meanwhile', async () => {
		await start();
		await line.cut();
		const change = gateway.store.withWorkspace(workspaceId(), 'test', async () => undefined);
		expect(await codeOf(change)).toBe('PC_STORE_UNAVAILABLE');
		expect(await codeOf(gateway.store.asPlatform({ reason: 'test', actor: 'test' }, async () => undefined))).toBe(
			'PC_STORE_UNAVAILABLE',
		);
		await addServer('added');
		await line.restore();
		await swapped(
			() => gateway.configuration.snapshots.current().workspaces.get('google')?.servers.has('added') ?? false,
		);
		expect(await codeOf(gateway.store.withWorkspace(workspaceId(), 'test', async () => undefined))).toBe('done');
	});

	it('serves nobody by a configuration that is too old, and everybody as soon as it is confirmed', async () => {
		await start({ staleMs: 1_500 });
		expect((await call()).status).toBe(200);
		await line.cut();
		const until = async (status: number): Promise<void> => {
			for (let answer = await call(); answer.status !== status; answer = await call()) {
				await new Promise((resolve) => setTimeout(resolve, 50));
			}
		};
		await until(503);
		const refused = await call();
		expect(refused.json.error.data.code).toBe('PC_CONFIGURATION_STALE');
		expect((await fetch(`${gateway.operatorUrl}/readyz`)).status).toBe(503);
		await line.restore();
		await until(200);
	});

	it('refuses calls once more records wait than it may keep, and goes on when they are shipped', async () => {
		await start({ spoolBytes: 20_000 });
		await call();
		await gateway.shipped();
		await line.cut();
		let refused = await call();
		for (let calls = 0; refused.status === 200 && calls < 200; calls++) refused = await call();
		expect(refused.json.error.data.code).toBe('PC_AUDIT_UNAVAILABLE');
		const executed = upstream.seen.length;
		await call();
		expect(upstream.seen.length).toBe(executed);
		await line.restore();
		await gateway.shipped();
		expect((await call()).status).toBe(200);
	});
});
