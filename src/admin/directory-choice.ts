import type { Directory, Snapshot } from '../config/snapshot.ts';
import { inputInvalid } from './input-invalid.ts';

type Known = Pick<Snapshot, 'directories'>;

/** Throws PC_INPUT_INVALID where a rule names a directory there is not, or none beside several. */
export function requireDirectory(id: string | null, { directories }: Known): void {
	if (id === null) {
		if (directories.length > 1) throw atDirectory('name the directory, since more than one is configured');
		return;
	}
	if (!directories.some((directory) => directory.id === id)) throw atDirectory('there is no such directory');
}

/** The directory that a person is of: the one that is named, or the only one. Throws PC_INPUT_INVALID. */
export function directoryOf(id: string | null, { directories }: Known): Directory {
	requireDirectory(id, { directories });
	const directory = id === null ? directories[0] : directories.find((each) => each.id === id);
	if (directory === undefined) throw atDirectory('there is no such directory');
	return directory;
}

function atDirectory(message: string) {
	return inputInvalid([{ path: 'body.directory', message }]);
}
