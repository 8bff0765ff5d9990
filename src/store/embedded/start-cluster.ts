import { randomBytes } from 'node:crypto';
import {
	chmodSync,
	chownSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	realpathSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Log } from '../../observe/log.ts';
import { StartError } from '../start-error.ts';
import { type Account, chooseAccount, closedFolder, mayEnter } from './account.ts';
import { checkVersion, createData } from './create-data.ts';
import type { Programs } from './install-programs.ts';
import { keepRunning } from './keep-running.ts';
import { DATABASE, ROLES, type RoleName } from './roles.ts';
import { type Place, type Trial, tryGrounds } from './run-program.ts';
import { scramVerifier } from './scram-verifier.ts';
import { ACCESS_RULES, type Durability, SOCKET_PORT, serverSettings } from './settings.ts';
import { runSingleUser } from './single-user.ts';
import { fault } from './start-fault.ts';
import { type RunningServer, startServer } from './start-server.ts';
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
	/** Process id of the server; another one after a restart. */
	readonly pid: number;
	/** Resolves when the server has ended for good: one that dies is started again until this is closed. */
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

// The name of a socket may have 103 bytes on some systems; "/run-XXXXXX/.s.PGSQL.5432" is added.
const LONGEST_HOME = 70;
// initdb runs postgres through a shell, with its path between double quotes.
const SHELL_SIGNS = /["$`\\\n]/;

/**
 * Starts a server on `<folder>/postgres`, making its database on the first start. The caller owns the folder. To be called
 * on the main thread, with whose end the server ends.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
	const { folder, signal } = options;
	const account = chooseAccount(join(folder, 'postgres', 'data'));
	const home = openHome(folder, account);
	const programs = options.programs(home);
	const { ground, version } = await findGround(programs.postgres, { cwd: home, account }, signal);
	await stopOrphan(join(home, 'data'), signal);
	const run = createRunFolder(home, account);
	const removeRun = (): void => rmSync(run, { recursive: true, force: true });
	try {
		const [connections, server] = await startOn({ home, run, programs, ground, version }, options);
		return {
			connections,
			version,
			get pid() {
				return server.pid;
			},
			exited: server.exited.then(({ code, signal }) => ({ code, signal })),
			close: () => server.stop().then(removeRun),
		};
	} catch (error) {
		removeRun();
		throw error;
	}
}

interface Prepared extends Trial {
	readonly home: string;
	readonly run: string;
	readonly programs: Programs;
}

async function startOn(
	{ home, run, programs, ground, version }: Prepared,
	{ durability = 'safe', log, signal }: ClusterOptions,
): Promise<[Cluster['connections'], RunningServer]> {
	const data = join(home, 'data');
	const accessFile = join(home, 'pg_hba.conf');
	writeFileSync(accessFile, ACCESS_RULES);
	chmodSync(accessFile, 0o644);
	const settings = serverSettings({ run, accessFile, durability });
	const database = { postgres: programs.postgres, data, settings, durability, ground, signal };
	await createData(database, programs.initdb);
	checkVersion(data, version);
	const connections = freshConnections(run);
	await runSingleUser(database, Object.values(connections).map(passwordStatement));
	const first = await startServer(database, log);
	log?.info({ version, folder: home }, 'the database runs');
	// The data keeps the passwords, and the folder of the socket stays: connections find the next server as they are.
	const start = async (stopping: AbortSignal): Promise<RunningServer> => {
		await stopOrphan(data, stopping);
		return startServer({ ...database, signal: stopping }, log);
	};
	return [connections, keepRunning({ first, start, log })];
}

const nameRefused = (folder: string): StartError =>
	new StartError(
		'PC_STORE_START_FAILED',
		`PostgreSQL cannot live in ${folder}: its name holds one of the signs " $ \` \\ or a line break; set PORTCULLIS_DATA to another folder.`,
	);

/** `<folder>/postgres`, which the account may pass but not change. */
function openHome(folder: string, account: Account | undefined): string {
	const home = join(folder, 'postgres');
	if (SHELL_SIGNS.test(resolve(home))) throw nameRefused(folder);
	mkdirSync(home, { recursive: true, mode: 0o700 });
	if (account === undefined) return realpathSync(home);
	for (const path of [folder, home]) letPass(path, account);
	return realpathSync(home);
}

function letPass(path: string, account: Account): void {
	const folder = statSync(path);
	if (mayEnter(folder, account)) return;
	chownSync(path, folder.uid, account.gid);
	chmodSync(path, folder.mode | 0o010);
}

async function findGround(
	postgres: string,
	place: Pick<Place, 'account' | 'cwd'>,
	signal: AbortSignal | undefined,
): Promise<Trial> {
	const { account, cwd } = place;
	const closed = account === undefined ? undefined : closedFolder(cwd, account);
	const trial = await tryGrounds(postgres, { ...place, isClosed: closed !== undefined }, signal);
	if ('ground' in trial) return trial;
	if (account !== undefined && closed !== undefined) throw closedFault(closed, account);
	throw fault('The programs of PostgreSQL do not run on this machine; set DATABASE_URL', postgres, trial);
}

const closedFault = (closed: string, { name }: Account): StartError =>
	new StartError(
		'PC_STORE_START_FAILED',
		`PostgreSQL does not run as root but under the account ${name}, which cannot pass the folder ${closed}; set PORTCULLIS_DATA to a folder elsewhere, such as /var/lib/portcullis, start the gateway under an account of its own, or set DATABASE_URL.`,
	);

/**
 * A fresh folder for the socket, in `home`, or where that name would be too long for a socket, among the temporary ones. No
 * two starts share one: a server that is closed late takes no socket but its own away.
 */
function createRunFolder(home: string, account: Account | undefined): string {
	for (const name of readdirSync(home)) {
		if (name.startsWith('run-')) rmSync(join(home, name), { recursive: true, force: true });
	}
	const inHome = Buffer.byteLength(home) <= LONGEST_HOME;
	const run = mkdtempSync(inHome ? join(home, 'run-') : join(realpathSync(tmpdir()), 'portcullis-run-'));
	if (account !== undefined) chownSync(run, account.uid, account.gid);
	return run;
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
