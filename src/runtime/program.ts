import type { RuntimeProgram } from '../config/snapshot.ts';

/** A program as the name of a folder: no part of it can leave the folder it stands in, and no two share one. */
export function folderNameOf({ runner, package: name, version }: RuntimeProgram): string {
	const plain = name.replaceAll('/', '+').replace(/[^A-Za-z0-9@+._-]/g, '_');
	const pinned = version === undefined ? plain : `${plain}@${version.replace(/[^A-Za-z0-9+._-]/g, '_')}`;
	return runner === 'npm' ? pinned : `${runner}+${pinned}`;
}

/** A program as people read it: `@scope/name 1.2.3`. */
export function programText({ package: name, version }: Pick<RuntimeProgram, 'package' | 'version'>): string {
	return version === undefined ? name : `${name} ${version}`;
}
