import {
	chownSync,
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readFileSync,
	renameSync,
	rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { StartError } from '../start-error.ts';
import type { Account } from './account.ts';
import { clusterStatements, ROLES } from './roles.ts';
import { runProgram } from './run-program.ts';
import { runSingleUser, type StillDatabase } from './single-user.ts';
import { fault } from './start-fault.ts';

/** Makes a folder that is closed to all but the account. */
export function createPrivateFolder(path: string, account: Account | undefined): void {
	mkdirSync(path, { mode: 0o700 });
	if (account !== undefined) chownSync(path, account.uid, account.gid);
}

/**
 * Makes the database, with its roles, on the first start. It is made under another name: whatever stands at `data` is
 * complete, wherever an earlier start was killed.
 */
export async function createData(database: StillDatabase, initdb: string): Promise<void> {
	const { data, ground, signal } = database;
	const making = `${data}.making`;
	rmSync(making, { recursive: true, force: true });
	if (existsSync(data)) return;
	createPrivateFolder(making, ground.account);
	const end = await runProgram({ path: initdb, args: initdbArgs(making), dyingWith: 'TERM' }, ground, { signal });
	if (end.code !== 0) throw fault('PostgreSQL could not make its data folder', making, end);
	await runSingleUser({ ...database, data: making }, clusterStatements());
	renameSync(making, data);
	syncFolder(dirname(data));
}

// pg_hba.conf of the data folder is never read (the server is given one beside it), so nobody may enter by it.
function initdbArgs(data: string): readonly string[] {
	const text = ['--encoding=UTF8', '--locale=C'];
	return ['-D', data, '-U', ROLES.superuser, '--auth=reject', ...text, '--data-checksums', '--no-instructions'];
}

// The name must be on the disk before the first row that somebody was told is safe.
function syncFolder(folder: string): void {
	const fd = openSync(folder, 'r');
	fsyncSync(fd);
	closeSync(fd);
}

/** Refuses data that another major version of PostgreSQL has written. */
export function checkVersion(data: string, version: string): void {
	const written = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
	if (version.split('.')[0] === written) return;
	throw new StartError(
		'PC_STORE_START_FAILED',
		`The data in ${data} is of PostgreSQL ${written}, which PostgreSQL ${version} cannot read; run the gateway of that time, or restore a back-up.`,
	);
}
