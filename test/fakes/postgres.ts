import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { installPrograms, programsIn } from '../../src/store/embedded/install-programs.ts';
import { databaseStatements } from '../../src/store/embedded/roles.ts';
import { type Cluster, type PgConnection, startCluster } from '../../src/store/embedded/start-cluster.ts';

/** Connections to one fresh database, owned by `portcullis_owner` and empty. */
export type TestDatabase = Cluster['connections'];

/** A PostgreSQL of the tests, in a temporary folder. The three roles of the gateway exist. */
export interface TestPostgres {
	/** Such as `15.18`. */
	readonly version: string;
	readonly superuser: PgConnection;
	createDatabase(): Promise<TestDatabase>;
	close(): Promise<void>;
}

/** `embedded`: the programs that are installed with the gateway; `machine`: those of this machine, for another version. */
export type PostgresKind = 'embedded' | 'machine';

const OLDEST = 15;
const DEBIAN = '/usr/lib/postgresql';

/** Folder of the PostgreSQL server programs of this machine, not newer than what the embedded ones already test. */
export function machinePostgres(): string | undefined {
	if (!existsSync(DEBIAN)) return undefined;
	const versions = readdirSync(DEBIAN)
		.map(Number)
		.filter((major) => major >= OLDEST && existsSync(join(DEBIAN, String(major), 'bin', 'initdb')))
		.sort((a, b) => Math.max(0, a - 17) - Math.max(0, b - 17) || b - a);
	return versions[0] === undefined ? undefined : join(DEBIAN, String(versions[0]), 'bin');
}

/** A temporary folder that every account may pass, so that PostgreSQL needs no help when root runs the tests. */
export function openFolder(prefix: string): string {
	const folder = mkdtempSync(join(tmpdir(), prefix));
	chmodSync(folder, 0o711);
	return folder;
}

/** Starts a server that waits for no disk; start one per test file and a database per test. */
export async function startTestPostgres(kind: PostgresKind): Promise<TestPostgres> {
	const folder = openFolder('portcullis-pg-');
	const bin = machinePostgres();
	if (kind === 'machine' && bin === undefined) throw new Error('this machine has no PostgreSQL; ask machinePostgres()');
	const programs = kind === 'machine' && bin !== undefined ? () => programsIn(bin) : installPrograms;
	const cluster = await startCluster({ folder, programs, durability: 'fast' });
	let made = 0;
	return {
		version: cluster.version,
		superuser: cluster.connections.superuser,
		async createDatabase() {
			made += 1;
			const database = `test_${made}`;
			await runAll(cluster.connections.superuser, databaseStatements(database));
			const { owner, app, platform, superuser } = cluster.connections;
			return {
				owner: { ...owner, database },
				app: { ...app, database },
				platform: { ...platform, database },
				superuser: { ...superuser, database },
			};
		},
		async close() {
			await cluster.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

async function runAll(connection: PgConnection, statements: readonly string[]): Promise<void> {
	const client = new pg.Client(connection);
	await client.connect();
	for (const statement of statements) await client.query(statement);
	await client.end();
}
