import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type App, createApp } from '../../src/app.ts';
import type { AppParts } from '../../src/app-parts.ts';
import { createShipper, type Shipper } from '../../src/audit/ship-records.ts';
import { createSpool } from '../../src/audit/spool.ts';
import { createStoreRecords } from '../../src/audit/store-records.ts';
import { declaredOf } from '../../src/config/declared-file.ts';
import { readConfig } from '../../src/config/parse-config.ts';
import { createKeyRing } from '../../src/credentials/keys/key-ring.ts';
import type { WrappingKeys } from '../../src/credentials/keys/wrapping-keys.ts';
import { createSealing } from '../../src/credentials/sealing/create-sealing.ts';
import type { SecretSource } from '../../src/credentials/sources/secret-source.ts';
import { createLog } from '../../src/observe/log.ts';
import { applyConfig } from '../../src/store/apply-config.ts';
import { type Configuration, openConfiguration } from '../../src/store/configuration.ts';
import { createStoredTokens } from '../../src/store/lease-tokens.ts';
import { migrate } from '../../src/store/migrate.ts';
import { prepareAudit } from '../../src/store/prepare-audit.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { type FakeDirectory, startFakeDirectory } from './directory.ts';
import type { ConfigInput } from './gateway.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from './postgres.ts';

/** A gateway in this process over a real database, with its management API; its configuration is nobody's file. */
export interface ManagedGateway {
	readonly url: string;
	readonly operatorUrl: string;
	readonly app: App;
	readonly store: Store;
	readonly database: TestDatabase;
	readonly directory: FakeDirectory;
	readonly configuration: Configuration;
	/** Where it keeps what waits for the database. */
	readonly folder: string;
	/** What its secrets are sealed with. */
	readonly keys: WrappingKeys;
	/** A token of somebody in these groups; the same `oid` is the same person. */
	tokenFor(groups: readonly string[], claims?: Readonly<Record<string, unknown>>): string;
	/** Waits until every record that was kept is in the database. */
	shipped(): Promise<void>;
	close(): Promise<void>;
}

/** What a managed gateway may share with others. */
export interface ManagedOptions {
	/** A server that is running already; one is started and stopped otherwise. */
	readonly postgres?: TestPostgres;
	/** Another gateway whose database and directory it shares; nothing is applied then. */
	readonly beside?: ManagedGateway;
	/** What secrets are sealed with; a key of its own, or that of `beside`, unless given. */
	readonly keys?: WrappingKeys;
	/** What others may name although it is not public. */
	readonly egressAllow?: readonly string[];
	/** Stores of secrets outside. */
	readonly sources?: ReadonlyMap<string, SecretSource>;
	/** What `${env:…}` reads. */
	readonly secrets?: NodeJS.ProcessEnv;
	/** Another way to the same database, for the gateway alone. */
	readonly by?: (connection: TestDatabase['app']) => TestDatabase['app'];
	/** Most bytes of records that wait for the database. */
	readonly spoolBytes?: number;
	/** How limits are kept; in the database, unless told. */
	readonly limiting?: AppParts['limiting'];
	/** Programs that servers may run, and the services they are made of. */
	readonly offered?: Pick<AppParts, 'programs' | 'catalogue'>;
	/** After how long without its database the gateway serves nobody, milliseconds. */
	readonly staleMs?: number;
}

/** Starts a gateway over a fresh database into which this configuration was applied. */
export async function startManagedGateway(config: ConfigInput, options: ManagedOptions = {}): Promise<ManagedGateway> {
	const { secrets = {}, by = (connection) => connection, spoolBytes = 1_000_000_000, staleMs = 3_600_000 } = options;
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-managed-'));
	const { beside } = options;
	const own = (options.postgres ?? beside) ? undefined : await startTestPostgres('embedded');
	const database = beside?.database ?? (await createMigrated((options.postgres ?? own) as TestPostgres));
	const store = createStore({ connections: { app: by(database.app), platform: by(database.platform) } });
	await prepareAudit(store);
	const directory = beside?.directory ?? (await startFakeDirectory());
	const text = stringify({ directories: [directory.directory], ...config });
	const { declared } = readConfig(text, { file: join(folder, 'x.yaml'), env: secrets, version: 1 });
	const wanted = declaredOf(declared as never);
	if (beside === undefined)
		await applyConfig(store, { wanted, actor: 'operator', managedBy: 'api', prune: 'nothing', takesOver: 'nothing' });
	const keys = options.keys ?? beside?.keys ?? createKeyRing([{ id: 'test', key: randomBytes(32) }]);
	const log = createLog(process.env['TEST_LOG'] ?? 'silent');
	const opened = { store, listenAt: by(database.app) };
	const configuration = await openConfiguration({ opened, file: undefined, env: secrets, log });
	const { snapshots } = configuration;
	const records = createSpool({ folder: join(folder, 'spool'), limitBytes: spoolBytes, now: Date.now });
	const ship = createStoreRecords(store, () => undefined);
	const shipper = createShipper({ spool: records, ship, onTrouble: (trouble) => log.error(trouble), retryMs: 50 });
	const limiting = { tokens: createStoredTokens(store), ...options.limiting };
	const sealing = createSealing(keys);
	const sources = options.sources ?? new Map();
	const refresh = (): Promise<void> => snapshots.refresh().catch(() => undefined);
	const managed = { store, refresh, sealing, sources };
	const isStale = (): boolean => snapshots.ageMs() > staleMs;
	const childEnv = { PATH: process.env['PATH'] ?? '' };
	const { offered, egressAllow = [] } = options;
	const parts = { snapshots, records, managed, limiting, isStale, childEnv, log, egressAllow };
	const app = createApp({ ...offered, ...parts });
	const loopback = { host: '127.0.0.1', port: 0 };
	const { front, operator } = await app.listen({ public: loopback, operator: loopback });
	return {
		url: `http://127.0.0.1:${front.port}`,
		operatorUrl: `http://127.0.0.1:${operator.port}`,
		app,
		store,
		database,
		directory,
		configuration,
		folder,
		keys,
		tokenFor: (groups, claims = {}) => directory.token({ groups, ...claims }),
		shipped: () => shipAll(shipper),
		async close() {
			app.beginDrain();
			await front.drain(AbortSignal.timeout(200));
			await app.close();
			await operator.drain(AbortSignal.abort());
			await shipper.close();
			records.close();
			await configuration.close();
			await store.close();
			if (beside === undefined) await directory.close();
			await own?.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

async function createMigrated(postgres: TestPostgres): Promise<TestDatabase> {
	const database = await postgres.createDatabase();
	await migrate(database.owner);
	return database;
}

async function shipAll(shipper: Shipper): Promise<void> {
	const isDone = await shipper.flush(AbortSignal.timeout(10_000));
	if (!isDone) throw new Error('records were not shipped');
}
