import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { openAppendFile } from './append-file.ts';
import { createTurns } from './turns.ts';

/** Whose a record is. */
export interface RecordSubject {
	/** Slug of the workspace. */
	readonly workspace?: string;
	/** Its stable id. */
	readonly workspaceId?: string | undefined;
	readonly server?: string;
	/** Upstream's own name of the tool. */
	readonly tool?: string;
}

/** What a keeper is told of a line, so that it need not read it. */
export interface RecordMark {
	readonly kind: 'intent' | 'outcome' | 'gap';
	readonly requestId: string;
	readonly subject: RecordSubject;
}

/** Keeps records; a record that cannot be kept is an error, never a silence. */
export interface RecordKeeper {
	/** Appends one line at once; returns when the operating system has it. Throws the system's error. */
	keep(line: string, mark?: RecordMark): void;
	/** Appends one line with all others of this turn of the event loop; rejects with the system's error. */
	keepTogether(line: string, mark?: RecordMark): Promise<void>;
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
	let file = openAppendFile(path);
	const turns = createTurns((text) => file.append(text));
	return {
		keep: (line) => file.append(`${line}\n`),
		keepTogether: (line) => turns.add(`${line}\n`),
		reopen() {
			// Opened before the old one is closed: a number that stands for nothing may be given to a socket next.
			const opened = openAppendFile(path);
			file.close();
			file = opened;
		},
		close: () => file.close(),
	};
}
