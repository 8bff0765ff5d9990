import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseAccount } from '../../src/store/embedded/account.ts';
import type { PgConnection } from '../../src/store/embedded/start-cluster.ts';

/** A PgBouncer in transaction mode before a test database. */
export interface TestPgBouncer<Connections> {
	/** The connections it was given, now through it. */
	readonly connections: Connections;
	close(): Promise<void>;
}

const PROGRAM = '/usr/sbin/pgbouncer';
const PORT = 6432;
const READY_MS = 10_000;

/** Whether this machine has a PgBouncer. */
export function hasPgBouncer(): boolean {
	return existsSync(PROGRAM);
}

/** Starts PgBouncer before these connections (of one server); `undefined` when this machine has none. */
export async function startPgBouncer<Connections extends Readonly<Record<string, PgConnection>>>(
	connections: Connections,
	{ poolSize = 2 }: { readonly poolSize?: number } = {},
): Promise<TestPgBouncer<Connections> | undefined> {
	if (!hasPgBouncer()) return undefined;
	const all = Object.values(connections);
	const server = all[0]!;
	// The folder of the server's socket is open to its account only.
	const account = chooseAccount(server.host);
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-bouncer-'));
	writeFileSync(join(folder, 'users.txt'), all.map(({ user, password }) => `"${user}" "${password}"\n`).join(''));
	writeFileSync(join(folder, 'pgbouncer.ini'), configuration(folder, server, poolSize));
	if (account !== undefined) {
		for (const name of ['.', ...readdirSync(folder)]) chownSync(join(folder, name), account.uid, account.gid);
	}
	const child = spawn(PROGRAM, ['-q', join(folder, 'pgbouncer.ini')], {
		cwd: folder,
		env: {},
		stdio: ['ignore', 'ignore', 'pipe'],
		...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
	});
	let said = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		said += text;
	});
	const exited = once(child, 'exit');
	const close = async (): Promise<void> => {
		child.kill('SIGKILL');
		await exited;
		rmSync(folder, { recursive: true, force: true });
	};
	for (const deadline = Date.now() + READY_MS; !(await isOpen(join(folder, `.s.PGSQL.${PORT}`))); ) {
		if (Date.now() < deadline && child.exitCode === null) await sleep(10);
		else throw new Error(`pgbouncer did not start: ${said} ${await close()}`);
	}
	const through = Object.entries(connections).map(([name, each]) => [name, { ...each, host: folder, port: PORT }]);
	return { connections: Object.fromEntries(through) as Connections, close };
}

/** Whether somebody listens on a socket; its file is there a little earlier. */
function isOpen(path: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(path, () => {
			socket.destroy();
			resolve(true);
		}).on('error', () => resolve(false));
	});
}

function configuration(folder: string, { host, port }: PgConnection, poolSize: number): string {
	return `[databases]
* = host=${host} port=${port}
[pgbouncer]
listen_addr =
listen_port = ${PORT}
unix_socket_dir = ${folder}
auth_type = scram-sha-256
auth_file = ${join(folder, 'users.txt')}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200
`;
}
