import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readRecord } from './install-record.ts';

/** A Node to run programs with. */
export interface FoundNode {
	readonly path: string;
	readonly version: string;
}

/** Package that holds nothing but Node, for this machine. */
export const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;

/** Version of it that `runtime install` takes where a package needs a newer Node than the one that runs. */
export const NODE_VERSION = '24.21.0';

/** Whether a version is at least another one; parts that are left out are 0. */
export function isAtLeast(version: string, least: string): boolean {
	const [have, want] = [version, least].map((text) => text.replace(/^v/, '').split('.').map(Number));
	for (let index = 0; index < 3; index++) {
		const difference = (have?.[index] ?? 0) - (want?.[index] ?? 0);
		if (difference !== 0) return difference > 0;
	}
	return true;
}

/** The lowest version that a range such as `>=22.13` or `^20 || >=22` begins with; `undefined` where it says none. */
export function leastOf(range: string | undefined): string | undefined {
	const starts = (range ?? '').split('||').flatMap((part) => /(\d+(?:\.\d+){0,2})/.exec(part)?.[1] ?? []);
	return starts.toSorted((a, b) => (isAtLeast(a, b) ? 1 : -1))[0];
}

/** The Node that runs this process if it is new enough, else the lowest other one that is. */
export function findNode(least: string | undefined, runtimeFolder: string): FoundNode | undefined {
	const own = { path: process.execPath, version: process.versions.node };
	if (least === undefined || isAtLeast(own.version, least)) return own;
	return othersIn(runtimeFolder)
		.filter(({ version, path }) => isAtLeast(version, least) && existsSync(path))
		.toSorted((a, b) => (isAtLeast(a.version, b.version) ? 1 : -1))[0];
}

function othersIn(runtimeFolder: string): readonly FoundNode[] {
	const names = existsSync(runtimeFolder) ? readdirSync(runtimeFolder) : [];
	const installed = names
		.filter((name) => name.startsWith(`${NODE_PACKAGE}@`))
		.flatMap((name): FoundNode[] => {
			const folder = join(runtimeFolder, name);
			const version = readRecord(folder)?.version;
			return version === undefined ? [] : [{ version, path: nodeIn(join(folder, 'node_modules', NODE_PACKAGE)) }];
		});
	return [...installed, ...besideUs()];
}

// Where the gateway itself was installed with the package.
function besideUs(): readonly FoundNode[] {
	try {
		const require = createRequire(import.meta.url);
		const manifest = require.resolve(`${NODE_PACKAGE}/package.json`);
		const { version } = require(manifest) as { version: string };
		return [{ version, path: nodeIn(dirname(manifest)) }];
	} catch {
		return [];
	}
}

function nodeIn(folder: string): string {
	return process.platform === 'win32' ? join(folder, 'bin', 'node.exe') : join(folder, 'bin', 'node');
}
