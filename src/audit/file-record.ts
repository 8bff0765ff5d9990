import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Keeps records; a record that cannot be kept is an error, never a silence. */
export interface RecordKeeper {
	/** Appends one line at once; returns when the operating system has it. Throws the system's error. */
	keep(line: string): void;
	/** Appends one line with all others of this turn of the event loop; rejects with the system's error. */
	keepTogether(line: string): Promise<void>;
	/** Opens the file anew, after it was rotated away. Throws the system's error, and goes on with the old one. */
	reopen(): void;
	close(): void;
}

interface Turn {
	text: string;
	readonly written: Promise<void>;
}

/**
 * Appends lines to a file of mode 0600. Writes are synchronous on purpose (docs/adr/0002): one costs 5 µs in
 * the page cache, a third of an asynchronous one, and while the disk hangs no call may be answered anyway.
 */
export function createFileRecord(path: string): RecordKeeper {
	mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	let fd = openSync(path, 'a+', 0o600);
	let torn = endsTorn(fd);
	let turn: Turn | undefined;

	const write = (text: string): void => {
		// After a failed write a half line may stand at the end: the next record starts on a line of its own.
		const bytes = Buffer.from(torn ? `\n${text}` : text);
		torn = true;
		for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
		torn = false;
	};

	// The lines of one turn stand or fall together: a half-written group is a loss to each of its callers.
	const endTurn = (): void => {
		const text = turn?.text ?? '';
		turn = undefined;
		write(text);
	};
	const beginTurn = (): Turn => {
		const written = new Promise<void>((resolve, reject) => {
			setImmediate(() => {
				try {
					resolve(endTurn());
				} catch (error) {
					reject(error);
				}
			});
		});
		return { text: '', written };
	};

	return {
		keep: (line) => write(`${line}\n`),
		keepTogether(line) {
			turn ??= beginTurn();
			turn.text += `${line}\n`;
			return turn.written;
		},
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
