import { existsSync, readFileSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { RuntimeError } from './runtime-error.ts';

/** An npm package as it lies in its folder. */
export interface ReadPackage {
	/** The registry's digest of the package, from the lock file. */
	readonly integrity: string;
	/** Paths of its programs below the folder, by name. */
	readonly programs: Readonly<Record<string, string>>;
	readonly engines: string | undefined;
}

interface Manifest {
	readonly bin?: string | Readonly<Record<string, string>>;
	readonly engines?: { readonly node?: string };
}

interface Lock {
	readonly packages?: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
}

/** What npm has put into a folder. Throws `RuntimeError` when that is not the package that was asked for. */
export function readPackage(folder: string, name: string, version: string): ReadPackage {
	const place = `node_modules/${name}`;
	const locked = read<Lock>(folder, 'package-lock.json').packages?.[place];
	if (locked?.version !== version || locked.integrity?.startsWith('sha512-') !== true) {
		throw new RuntimeError(
			'wrong-package',
			`The registry gave ${name} ${locked?.version ?? 'without a version'} for ${name} ${version}, or gave it without a sha512 digest; it was not installed.`,
		);
	}
	const { bin = {}, engines } = read<Manifest>(folder, `${place}/package.json`);
	const named = typeof bin === 'string' ? { [basename(name)]: bin } : bin;
	const programs = Object.entries(named).map(([program, path]) => [program, within(folder, place, path)] as const);
	return { integrity: locked.integrity, programs: Object.fromEntries(programs), engines: engines?.node };
}

function read<T>(folder: string, path: string): T {
	return JSON.parse(readFileSync(join(folder, path), 'utf8')) as T;
}

// A package that names a file of another folder as its program is refused.
function within(folder: string, place: string, path: string): string {
	const root = resolve(folder, place);
	const full = resolve(root, path);
	if (!full.startsWith(root + sep) || !existsSync(full)) {
		throw new RuntimeError('no-program', `The package names a program that it does not hold: ${basename(path)}.`);
	}
	return relative(folder, full);
}

/** The program to run: the one that is named, the one named like the package, or the only one. */
export function programIn(
	programs: Readonly<Record<string, string>>,
	{ package: name, program }: { readonly package: string; readonly program?: string | undefined },
): string | undefined {
	if (program !== undefined) return programs[program];
	const paths = [...new Set(Object.values(programs))];
	return programs[basename(name)] ?? (paths.length === 1 ? paths[0] : undefined);
}
