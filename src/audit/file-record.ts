import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Keeps records; a record that cannot be kept is an error, never a silence. */
export interface RecordKeeper {
	/** Appends one line at once; returns when the operating system has it. Throws the system's error. */
	keep(line: string): void;
	/** Opens the file anew, after it was rotated away. Throws the system's error, and goes on with the old one. */
	reopen(): void;
	close(): void;
}

/**
 * Appends lines to a file of mode 0600. Writes are synchronous on purpose (docs/adr/0002): one costs 5 µs in
 * the page cache, a third of an asynchronous one, and while the disk hangs no call may be answered anyway.
 */
export function createFileRecord(path: string): RecordKeeper {
	mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	let fd = openSync(path, 'a+', 0o600);
	let torn = endsTorn(fd);

	const write = (text: string): void => {
		// After a failed write a half line may stand at the end: the next record starts on a line of its own.
		const bytes = Buffer.from(torn ? `\n${text}` : text);
		torn = true;
		for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
		torn = false;
	};

	return {
		keep: (line) => write(`${line}\n`),
		reopen() {
			// Opened before the old one is closed: a number that stands for nothing may be given to a socket next.
			const opened = openSync(path, 'a+', 0o600);
			closeSync(fd);
			fd = opened;
			torn = endsTorn(fd);
		},
		close: () => closeSync(fd),
	};
}

function endsTorn(fd: number): boolean {
	const { size } = fstatSync(fd);
	if (size === 0) return false;
	const last = Buffer.alloc(1);
	readSync(fd, last, 0, 1, size - 1);
	return last[0] !== 10;
}
