import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Absolute path of a program that is on the PATH; `undefined` where it is not. */
export function onPath(name: string, path: string): string | undefined {
	if (name.includes('/')) return isAbsolute(name) && isProgram(name) ? name : undefined;
	const places = path.split(delimiter).filter((folder) => isAbsolute(folder));
	return places.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

/** Programs that run containers, the preferred one first. */
export const CONTAINER_RUNNERS = ['docker', 'podman'] as const;
