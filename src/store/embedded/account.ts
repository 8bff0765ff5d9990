import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../start-error.ts';

/** An account of this machine. */
export interface Account {
	readonly name: string;
	readonly uid: number;
	readonly gid: number;
}

/** In this order; PostgreSQL asks for an entry in /etc/passwd. */
const UNPRIVILEGED = ['postgres', 'nobody'];

/**
 * The account PostgreSQL runs under: `undefined` means ours. PostgreSQL refuses to run as root, so root takes whoever owns
 * the data already, else an unprivileged account of the machine.
 */
export function chooseAccount(dataFolder: string): Account | undefined {
	if (process.getuid?.() !== 0) return undefined;
	const accounts = readAccounts();
	const owner = statSync(dataFolder, { throwIfNoEntry: false })?.uid;
	const chosen =
		accounts.find(({ uid }) => uid === owner) ??
		UNPRIVILEGED.map((name) => accounts.find((account) => account.name === name)).find(Boolean);
	if (chosen !== undefined) return chosen;
	throw new StartError(
		'PC_STORE_START_FAILED',
		'PostgreSQL does not run as root and this machine has no account postgres or nobody; start the gateway under an account of its own, or set DATABASE_URL.',
	);
}

function readAccounts(): readonly Account[] {
	return readFileSync('/etc/passwd', 'utf8')
		.split('\n')
		.map((line) => line.split(':'))
		.map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
		.filter(({ uid, gid }) => uid > 0 && gid >= 0);
}

/** Whether the mode bits let the account pass through a folder. */
export function mayEnter(folder: Stats, account: Account): boolean {
	if (folder.uid === account.uid) return (folder.mode & 0o100) !== 0;
	if (folder.gid === account.gid) return (folder.mode & 0o010) !== 0;
	return (folder.mode & 0o001) !== 0;
}

/** The outermost folder on the way to `path` that the account cannot pass. */
export function closedFolder(path: string, account: Account): string | undefined {
	const parent = dirname(path);
	const above = parent === path ? undefined : closedFolder(parent, account);
	return above ?? (mayEnter(statSync(path), account) ? undefined : path);
}
