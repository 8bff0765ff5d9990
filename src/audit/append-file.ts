import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

/** A file of lines that only grows. */
export interface AppendFile {
	/** Appends whole lines at once. Throws the system's error; then none of them is there, if the system lets us. */
	append(text: string): void;
	/** Bytes in the file. */
	size(): number;
	close(): void;
}

const CLOSED = -1;

/** Opens or makes a file of mode 0600. Throws the system's error. */
export function openAppendFile(path: string): AppendFile {
	let fd = openSync(path, 'a+', 0o600);
	let size = fstatSync(fd).size;
	let torn = endsTorn(fd, size);

	// Lines that were told to be lost must not be found later: an intent among them would wait for its outcome for ever.
	const takeBack = (bytes: number): void => {
		if (bytes === 0) return;
		try {
			const grown = fstatSync(fd).size;
			// Somebody else writes to it too: then it is not ours to cut.
			if (grown === size + bytes) ftruncateSync(fd, size);
			else torn = true;
		} catch {
			torn = true;
		}
		size = fstatSync(fd).size;
	};

	return {
		append(text) {
			// Half a line may stand at the end: the next record starts on a line of its own.
			const bytes = Buffer.from(torn ? `\n${text}` : text);
			let at = 0;
			try {
				while (at < bytes.length) at += writeSync(fd, bytes, at);
			} catch (error) {
				takeBack(at);
				throw error;
			}
			size += at;
			torn = false;
		},
		size: () => size,
		close() {
			const open = fd;
			// The number may be given to a socket next; a late record must not go there.
			fd = CLOSED;
			closeSync(open);
		},
	};
}

function endsTorn(fd: number, size: number): boolean {
	if (size === 0) return false;
	const last = Buffer.alloc(1);
	readSync(fd, last, 0, 1, size - 1);
	return last[0] !== 10;
}
