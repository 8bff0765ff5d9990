import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../observe/log.ts';
import { StartError } from '../start-error.ts';
import { type Account, chooseAccount, closedFolder, mayEnter } from './account.ts';
import { checkVersion, createData, createPrivateFolder } from './create-data.ts';
import type { Programs } from './install-programs.ts';
import { DATABASE, ROLES, type RoleName } from './roles.ts';
import { type Trial, tryGround } from './run-program.ts';
import { scramVerifier } from './scram-verifier.ts';
import { ACCESS_RULES, type Durability, SOCKET_PORT, serverSettings } from './settings.ts';
import { runSingleUser } from './single-user.ts';
import { fault } from './start-fault.ts';
import { startServer } from './start-server.ts';
import { stopOrphan } from './stop-orphan.ts';

/** What a client needs to connect, as `pg` takes it. Holds a password: never log it. */
export interface PgConnection {
	/** Folder of the Unix socket. */
	readonly host: string;
	readonly port: number;
	readonly user: string;
	readonly password: string;
	readonly database: string;
}

/** A PostgreSQL that this process runs and nobody else can reach. */
export interface Cluster {
	readonly connections: Readonly<Record<RoleName, PgConnection>>;
	/** Such as `18.4`. */
	readonly version: string;
	/** Process id of the server. */
	readonly pid: number;
	/** Resolves when the server has ended, for whatever reason. */
	readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
	/** Ends the server in order. */
	close(): Promise<void>;
}

/** What to start, and where. */
export interface ClusterOptions {
	/** The data folder of the gateway; everything is kept in its `postgres/`. */
	readonly folder: string;
	/** Finds the programs, or puts them into the folder it is given. */
	readonly programs: (home: string) => Programs;
	readonly durability?: Durability | undefined;
	readonly log?: Log | undefined;
	readonly signal?: AbortSignal | undefined;
}

// The name of a socket may have 103 bytes on some systems; "/.s.PGSQL.5432.lock" is added.
const LONGEST_RUN_FOLDER = 80;

/** Starts a server on `<folder>/postgres`, making its database on the first start. The caller owns the folder. */
export async function startCluster({ programs: find, log, signal, ...options }: ClusterOptions): Promise<Cluster> {
	const account = chooseAccount(join(options.folder, 'postgres', 'data'));
	const home = openHome(options.folder, account);
	const programs = find(home);
	const { ground, version } = await findGround(programs.postgres, home, account, signal);
	const data = join(home, 'data');
	await stopOrphan(data, signal);
	const run = createRunFolder(home, account);
	const accessFile = join(home, 'pg_hba.conf');
	writeFileSync(accessFile, ACCESS_RULES, { mode: 0o644 });
	const settings = serverSettings({ run, accessFile, durability: options.durability ?? 'safe' });
	const database = { postgres: programs.postgres, data, settings, ground, signal };
	await createData(database, programs.initdb);
	checkVersion(data, version);
	const connections = freshConnections(run);
	await runSingleUser(database, Object.values(connections).map(passwordStatement));
	const server = await startServer(database, log);
	log?.info({ version, folder: home }, 'the database runs');
	return {
		connections,
		version,
		pid: server.pid,
		exited: server.exited.then(({ code, signal }) => ({ code, signal })),
		async close() {
			await server.stop();
			rmSync(run, { recursive: true, force: true });
		},
	};
}

/** `<folder>/postgres`, which the account may pass but not change. */
function openHome(folder: string, account: Account | undefined): string {
	const home = join(folder, 'postgres');
	mkdirSync(home, { recursive: true, mode: 0o700 });
	if (account === undefined) return realpathSync(home);
	for (const path of [folder, home]) letPass(path, account);
	const real = realpathSync(home);
	const closed = closedFolder(real, account);
	if (closed === undefined) return real;
	throw new StartError(
		'PC_STORE_START_FAILED',
		`PostgreSQL does not run as root but under the account ${account.name}, which cannot pass the folder ${closed}; set PORTCULLIS_DATA to a folder elsewhere, such as /var/lib/portcullis, start the gateway under an account of its own, or set DATABASE_URL.`,
	);
}

function letPass(path: string, account: Account): void {
	const folder = statSync(path);
	if (mayEnter(folder, account)) return;
	chownSync(path, folder.uid, account.gid);
	chmodSync(path, folder.mode | 0o010);
}

async function findGround(
	postgres: string,
	cwd: string,
	account: Account | undefined,
	signal: AbortSignal | undefined,
): Promise<Trial> {
	const trial = await tryGround(postgres, { account, cwd }, signal);
	if ('ground' in trial) return trial;
	throw fault('The programs of PostgreSQL do not run on this machine; set DATABASE_URL', postgres, trial);
}

/** A fresh folder for the socket: in `home`, or where that name would be too long for a socket, among the temporary ones. */
function createRunFolder(home: string, account: Account | undefined): string {
	const run = join(home, 'run');
	rmSync(run, { recursive: true, force: true });
	if (Buffer.byteLength(run) <= LONGEST_RUN_FOLDER) {
		createPrivateFolder(run, account);
		return run;
	}
	const elsewhere = mkdtempSync(join(realpathSync(tmpdir()), 'portcullis-'));
	if (account !== undefined) chownSync(elsewhere, account.uid, account.gid);
	return elsewhere;
}

/**
 * Passwords of this start only. They exist nowhere but in this process: programs it starts may run under its account, and
 * a file, or asking the system who they are, would let them in.
 */
function freshConnections(run: string): Cluster['connections'] {
	const as = (role: RoleName, database: string): PgConnection => ({
		host: run,
		port: SOCKET_PORT,
		user: ROLES[role],
		password: randomBytes(32).toString('base64url'),
		database,
	});
	return {
		owner: as('owner', DATABASE),
		app: as('app', DATABASE),
		platform: as('platform', DATABASE),
		superuser: as('superuser', DATABASE),
	};
}

const passwordStatement = ({ user, password }: PgConnection): string =>
	`ALTER ROLE ${user} PASSWORD '${scramVerifier(password)}'`;
