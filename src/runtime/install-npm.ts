import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type InstallRecord, platformText, RECORD_FILE, readRecord } from './install-record.ts';
import { npmFailure } from './npm-failure.ts';
import { readPackage } from './read-package.ts';
import { runToEnd } from './run-to-end.ts';
import { RuntimeError } from './runtime-error.ts';
import { digestTree } from './tree-digest.ts';

/** An npm package to be installed. */
export interface NpmWish {
	/** Folder of all runtimes. */
	readonly root: string;
	/** Name of the package's own folder in it. */
	readonly folderName: string;
	readonly package: string;
	/** Exact. */
	readonly version: string;
	/** Whether scripts of packages run while they are installed: code of others, as this user, at once. */
	readonly scripts: boolean;
	/** Program to install with, and the variables it gets. */
	readonly npm: string;
	readonly env: Readonly<Record<string, string>>;
	readonly signal?: AbortSignal | undefined;
}

/** Begins the names of folders that are not done, or no longer. */
export const HALF_DONE = '.new-';
/** No installation takes that long. */
const FORGOTTEN_MS = 60 * 60_000;
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/**
 * Installs a package into a folder of its own, which appears as a whole or not at all. Two at once are two installations,
 * of which the first to finish stays. Throws `RuntimeError`.
 */
export async function installNpm(wish: NpmWish): Promise<InstallRecord> {
	const { root, folderName, package: name, version } = wish;
	if (!EXACT_VERSION.test(version) || !PACKAGE_NAME.test(name)) {
		throw new RuntimeError('wrong-package', `${name} ${version} is no package with an exact version.`);
	}
	mkdirSync(root, { recursive: true, mode: 0o700 });
	sweep(root);
	const temporary = join(root, `${HALF_DONE}${process.pid}-${randomBytes(6).toString('hex')}`);
	mkdirSync(temporary, { mode: 0o700 });
	try {
		await runNpm(wish, temporary);
		const record = await recordOf(wish, temporary);
		writeFileSync(join(temporary, RECORD_FILE), `${JSON.stringify(record, null, '\t')}\n`, { mode: 0o600 });
		return place(temporary, join(root, folderName), record);
	} finally {
		rmSync(temporary, { recursive: true, force: true });
	}
}

async function runNpm(wish: NpmWish, cwd: string): Promise<void> {
	const manifest = { private: true, dependencies: { [wish.package]: wish.version } };
	writeFileSync(join(cwd, 'package.json'), `${JSON.stringify(manifest)}\n`);
	const args = [
		'install',
		'--no-audit',
		'--no-fund',
		'--omit=dev',
		'--package-lock=true',
		'--install-strategy=hoisted',
	];
	const scripts = wish.scripts ? '--ignore-scripts=false' : '--ignore-scripts';
	const end = await runToEnd({
		command: wish.npm,
		args: [...args, '--update-notifier=false', '--global=false', scripts],
		cwd,
		env: wish.env,
		signal: wish.signal,
	});
	if (wish.signal?.aborted)
		throw new RuntimeError('cancelled', 'The installation was cancelled; nothing is left of it.');
	if (end.code !== 0) throw npmFailure(end, `${wish.package} ${wish.version}`);
}

async function recordOf(wish: NpmWish, folder: string): Promise<InstallRecord> {
	const { integrity, programs, engines } = readPackage(folder, wish.package, wish.version);
	const { content, stamp, files, bytes } = await digestTree(folder, RECORD_FILE);
	return {
		format: 1,
		runner: 'npm',
		package: wish.package,
		version: wish.version,
		integrity,
		programs,
		...(engines !== undefined && { engines }),
		scripts: wish.scripts,
		...{ content, stamp, files, bytes },
		platform: platformText(),
		installedAt: new Date().toISOString(),
	};
}

// A folder cannot be renamed onto one that holds anything: whoever is second finds the work done.
function place(temporary: string, final: string, record: InstallRecord): InstallRecord {
	try {
		renameSync(temporary, final);
		chmodSync(final, 0o700);
		return record;
	} catch (error) {
		const theirs = readRecord(final);
		if (theirs !== undefined) return theirs;
		if (!existsSync(final)) throw error;
		// Something without a record stands there: nothing that we have made.
		rmSync(final, { recursive: true, force: true });
		renameSync(temporary, final);
		return record;
	}
}

// What a killed installation left behind; one that goes on is younger, or its process lives.
function sweep(root: string): void {
	for (const name of readdirSync(root).filter((each) => each.startsWith(HALF_DONE))) {
		const pid = Number(name.slice(HALF_DONE.length).split('-')[0]);
		const path = join(root, name);
		const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
		if (!isAlive(pid) || age > FORGOTTEN_MS) rmSync(path, { recursive: true, force: true });
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}
