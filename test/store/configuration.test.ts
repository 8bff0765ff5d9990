import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { declaredOf, fileOf } from '../../src/config/declared-file.ts';
import { parseConfig, readConfig } from '../../src/config/parse-config.ts';
import { printConfig } from '../../src/config/print-config.ts';
import type { Snapshot } from '../../src/config/snapshot.ts';
import { applyConfig, planConfig, type Wish } from '../../src/store/apply-config.ts';
import { type Following, followChanges } from '../../src/store/follow-changes.ts';
import { migrate } from '../../src/store/migrate.ts';
import { readStoredConfig } from '../../src/store/read-declared.ts';
import { createStoredSnapshots, type StoredSnapshots } from '../../src/store/snapshots.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';

const FILE = {
	publicUrl: 'https://mcp.example',
	hosts: ['mcp.internal:8443'],
	limits: { bodyBytes: 2_000_000, upstream: { totalMs: 90_000 }, rate: { principal: { perMinute: 60 } } },
	directories: [
		{
			id: 'company',
			issuer: 'https://login.example/{tid}/v2.0',
			tenantId: '11111111-1111-1111-1111-111111111111',
			audiences: ['api://gateway', 'costs $${x}'],
			jwksUrl: 'https://login.example/{tid}/keys',
		},
	],
	workspaces: {
		google: {
			title: 'Google $${literal}',
			audit: 'best-effort',
			rateLimits: { workspace: { perMinute: 600, burst: 50 }, tools: { 'jira/create': { perMinute: 5 } }, daily: {} },
			openApi: { mcpo: 'strict', embeds: 'allow' },
			servers: {
				jira: {
					transport: 'http',
					url: 'https://jira.example/mcp',
					headers: { authorization: 'Bearer ${env:JIRA_KEY}' },
					limits: { totalMs: 10_000 },
					tools: {
						default: 'disabled',
						rules: {
							create: { minimumLevel: 'admin' },
							search: { enabled: true, readable: true, description: 'Looks for $${things}' },
						},
					},
				},
				files: { transport: 'stdio', command: 'node', args: ['server.js', '$${x}'], env: { TOKEN: '${env:FILES}' } },
			},
			toolsets: { daily: { title: 'Daily', tools: ['jira/search', 'files/read'] } },
			members: [{ oid: 'person-1', access: 'write', name: 'Ann' }],
		},
		microsoft: {
			servers: { jira: { transport: 'sse', url: 'https://ms.example/sse', enabled: false, era: 'legacy' } },
		},
	},
	grants: [
		{ group: 'MCP-Google', workspace: 'google', access: 'write' },
		{ role: 'Gateway.Admin', workspace: '*', access: 'admin' },
	],
};

const SECRETS = { JIRA_KEY: 'k', FILES: 'f' };
const LONG_MS = 10_000;

let server: TestPostgres;
let database: TestDatabase;
let stores: Store[];
let followings: Following[];
let folder: string;

beforeAll(async () => {
	server = await startTestPostgres('embedded');
	folder = mkdtempSync(join(tmpdir(), 'portcullis-configuration-'));
});
afterAll(async () => {
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
	database = await server.createDatabase();
	await migrate(database.owner);
	stores = [];
	followings = [];
});
afterEach(async () => {
	await Promise.all(followings.map((following) => following.close()));
	await Promise.all(stores.map((store) => store.close()));
});

function openStore(): Store {
	const store = createStore({ connections: database });
	stores.push(store);
	return store;
}

function declared(file: object = FILE) {
	const text = stringify(file);
	const path = join(folder, 'portcullis.yaml');
	writeFileSync(path, text);
	return declaredOf(readConfig(text, { file: path, env: SECRETS, version: 1 }).declared as never);
}

const wish = (file: object = FILE, more: Partial<Wish> = {}): Wish => ({
	wanted: declared(file),
	actor: 'operator',
	managedBy: 'api',
	prune: 'nothing',
	takesOver: 'nothing',
	...more,
});

function openSnapshots(store: Store, secrets: NodeJS.ProcessEnv = SECRETS): Promise<StoredSnapshots> {
	const lookup = () => ({ folder: '.', env: secrets, readSecretFile: () => 'x', references: new Map() });
	return createStoredSnapshots({ store, lookup });
}

/** What a snapshot says, without what is the store's own: ids, revisions and names of rules. */
const shown = (snapshot: Snapshot): string => printConfig(snapshot);

describe('a file that is applied', () => {
	it('becomes the snapshot the file itself would be', async () => {
		const store = openStore();
		await applyConfig(store, wish());
		const snapshot = (await openSnapshots(store)).current();
		const fromFile = parseConfig(stringify(FILE), { file: join(folder, 'x.yaml'), env: SECRETS, version: 1 });
		const inOrder = { ...fromFile, grantRules: [...fromFile.grantRules].reverse() };
		expect(shown(snapshot)).toBe(shown(inOrder));
		expect(snapshot.memberships).toEqual(fromFile.memberships);
		expect(snapshot.workspaces.get('google')?.id).toMatch(/^[0-9a-f-]{36}$/);
	});

	it('comes out as it went in', async () => {
		const store = openStore();
		await applyConfig(store, wish());
		const { declared: stored } = await readStoredConfig(store, { reason: 'test', actor: 'test' });
		expect(stored).toEqual(declared());
		expect(declaredOf(fileOf(stored))).toEqual(stored);
	});

	it('changes nothing the second time, nor in another process at the same time', async () => {
		const [one, two] = [openStore(), openStore()];
		const plans = await Promise.all([applyConfig(one, wish()), applyConfig(two, wish())]);
		expect(plans.some(({ changes }) => changes.length > 0)).toBe(true);
		expect((await planConfig(one, wish())).changes).toEqual([]);
		expect((await readStoredConfig(one, { reason: 'test', actor: 'test' })).declared).toEqual(declared());
	});

	it('leaves what it does not name, unless it is to be pruned', async () => {
		const store = openStore();
		await applyConfig(store, wish());
		const less = {
			...FILE,
			workspaces: { google: { servers: { jira: FILE.workspaces.google.servers.jira } } },
			grants: [],
		};
		const kept = await applyConfig(store, wish(less));
		expect(kept.changes.map(({ action, kind, name }) => [action, kind, name])).toEqual([
			['update', 'workspace', 'google'],
		]);
		const pruned = await applyConfig(store, wish(less, { prune: 'all' }));
		expect(pruned.changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`).sort()).toEqual([
			'delete grant [null,"group","MCP-Google"]',
			'delete grant [null,"role","Gateway.Admin"]',
			'delete member ["https://login.example/11111111-1111-1111-1111-111111111111/v2.0","11111111-1111-1111-1111-111111111111","person-1"]',
			'delete server files',
			'delete toolset daily',
			'delete workspace microsoft',
		]);
		expect((await readStoredConfig(store, { reason: 'test', actor: 'test' })).declared).toEqual(declared(less));
	});
});

describe('a file a gateway is started with', () => {
	const byFile = { managedBy: 'file', prune: 'own' } as const;

	it('owns what it declares, takes away what it no longer does, and leaves the rest', async () => {
		const store = openStore();
		await applyConfig(store, wish({ ...FILE, workspaces: { mine: {} }, grants: [] }));
		await applyConfig(store, wish(FILE, byFile));
		const { workspaces } = FILE;
		const without = { ...FILE, workspaces: { google: workspaces.google } };
		const plan = await applyConfig(store, wish(without, byFile));
		expect(plan.changes.map(({ action, name }) => [action, name])).toEqual([['delete', 'microsoft']]);
		const stored = await readStoredConfig(store, { reason: 'test', actor: 'test' });
		expect(Object.keys(stored.declared.workspaces)).toEqual(['google', 'mine']);
		expect(stored.isFileManaged({ workspace: 'google', kind: 'server', name: 'jira' })).toBe(true);
		expect(stored.isFileManaged({ workspace: undefined, kind: 'workspace', name: 'mine' })).toBe(false);
	});

	it('is not overruled by others, unless they take over', async () => {
		const store = openStore();
		await applyConfig(store, wish(FILE, byFile));
		const other = { ...FILE, workspaces: { ...FILE.workspaces, google: { title: 'Taken' } } };
		const held = await applyConfig(store, wish(other, { prune: 'all' }));
		expect(held.changes).toEqual([]);
		expect(held.held.map(({ name }) => name)).toContain('google');
		await applyConfig(store, wish(other, { prune: 'all', takesOver: 'file-managed' }));
		expect((await readStoredConfig(store, { reason: 'test', actor: 'test' })).declared).toEqual(declared(other));
	});
});

describe('snapshots of a store', () => {
	it(
		'follow a change in every process, and keep the workspaces that did not change',
		async () => {
			const [one, two] = [openStore(), openStore()];
			await applyConfig(one, wish());
			const all = await Promise.all([openSnapshots(one), openSnapshots(two)]);
			const before = all.map((snapshots) => snapshots.current());
			for (const snapshots of all) {
				followings.push(followChanges({ connection: database.app, look: snapshots.refresh, onReach: () => undefined }));
			}
			const swapped = Promise.all(
				all.map(
					(snapshots) =>
						new Promise<void>((resolve) =>
							snapshots.onChange((next) => {
								if (next.workspaces.get('google')?.title === 'New') resolve();
							}),
						),
				),
			);
			const { google } = FILE.workspaces;
			await applyConfig(
				one,
				wish({ ...FILE, workspaces: { ...FILE.workspaces, google: { ...google, title: 'New' } } }),
			);
			await swapped;
			for (const [index, snapshots] of all.entries()) {
				const next = snapshots.current();
				expect(next.workspaces.get('microsoft')).toBe(before[index]?.workspaces.get('microsoft'));
				const jira = (snapshot: Snapshot | undefined) => snapshot?.workspaces.get('google')?.servers.get('jira');
				expect(jira(next)?.revision).toBe(jira(before[index])?.revision);
			}
		},
		LONG_MS,
	);

	it('have a server whose secret is missing, with the fault, and every other', async () => {
		const store = openStore();
		await applyConfig(store, wish());
		const { servers } = (await openSnapshots(store, { FILES: 'f' })).current().workspaces.get('google') ?? {};
		expect(servers?.get('jira')?.fault).toBe('headers.authorization: environment variable JIRA_KEY is not set');
		expect(servers?.get('files')?.fault).toBeUndefined();
	});

	it('drop a grant that names no directory once there are two', async () => {
		const store = openStore();
		await applyConfig(store, wish());

		const wanted = declared();
		const { company } = wanted.platform.directories;
		if (company === undefined) throw new Error('the file has this directory');
		const second = { ...company, issuer: 'https://second.example' };
		const platform = { ...wanted.platform, directories: { company, second } };
		await applyConfig(store, { ...wish(), wanted: { ...wanted, platform } });
		const told: string[] = [];
		const lookup = () => ({ folder: '.', env: SECRETS, readSecretFile: () => 'x', references: new Map() });
		const snapshots = await createStoredSnapshots({ store, lookup, onFaults: (_, faults) => told.push(...faults) });
		expect(snapshots.current().grantRules).toEqual([]);
		expect(told.sort()).toEqual([
			'grant for group MCP-Google: names no directory',
			'grant for role Gateway.Admin: names no directory',
		]);
	});

	it('are those of an empty database too: nobody is let in', async () => {
		const snapshot = (await openSnapshots(openStore())).current();
		expect([snapshot.directories, snapshot.grantRules, [...snapshot.workspaces]]).toEqual([[], [], []]);
	});
});
