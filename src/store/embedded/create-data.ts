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
import { clusterStatements, ROLES } from './roles.ts';
import { runProgram } from './run-program.ts';
import type { Durability } from './settings.ts';
import { runSingleUser, type StillDatabase } from './single-user.ts';
import { fault } from './start-fault.ts';

/**
 * Makes the database, with its roles, on the first start. It is made under another name: whatever stands at `data` is
 * complete, wherever an earlier start was killed.
 */
export async function createData(database: StillDatabase, initdb: string): Promise<void> {
	const { data, durability, ground, signal } = database;
	const making = `${data}.making`;
	rmSync(making, { recursive: true, force: true });
	if (existsSync(data)) return;
	mkdirSync(making, { mode: 0o700 });
	if (ground.account !== undefined) chownSync(making, ground.account.uid, ground.account.gid);
	const args = initdbArgs(making, durability);
	const end = await runProgram({ path: initdb, args, dyingWith: 'TERM' }, ground, { signal });
	if (end.code !== 0) throw fault('PostgreSQL could not make its data folder', making, end);
	await runSingleUser({ ...database, data: making }, clusterStatements());
	renameSync(making, data);
	// The name must be on the disk before the first row that somebody was told is safe.
	syncFolder(dirname(data));
}

// pg_hba.conf of the data folder is never read (the server is given one beside it), so nobody may enter by it.
function initdbArgs(data: string, durability: Durability): readonly string[] {
	const text = ['--encoding=UTF8', '--locale=C'];
	const disk = ['--data-checksums', ...(durability === 'fast' ? ['--no-sync'] : [])];
	return ['-D', data, '-U', ROLES.superuser, '--auth=reject', ...text, ...disk, '--no-instructions'];
}

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
