import { type FileHandle, open } from 'node:fs/promises';

/** Which part of a file to read, and at most how much of it. */
export interface LineRange {
	readonly offset: number;
	/** Nothing from here on is looked at. */
	readonly end: number;
	readonly maxBytes: number;
	readonly maxLines: number;
}

/** Whole lines, and the place after the last of them. */
export interface ReadLines {
	readonly lines: readonly string[];
	readonly next: number;
}

/** The next whole lines of a file; one alone where it is longer than wanted. Empty ones are left out. */
export async function readLines(path: string, range: LineRange): Promise<ReadLines> {
	const file = await open(path, 'r');
	try {
		for (let bytes = range.maxBytes; ; bytes *= 2) {
			const length = Math.min(bytes, range.end - range.offset);
			const maxLines = bytes > range.maxBytes ? 1 : range.maxLines;
			const read = cutLines(await readFully(file, range.offset, length), range.offset, maxLines);
			if (read.next > range.offset || length < bytes) return read;
		}
	} finally {
		await file.close();
	}
}

async function readFully(file: FileHandle, offset: number, length: number): Promise<Buffer> {
	const buffer = Buffer.alloc(length);
	let at = 0;
	while (at < length) {
		const { bytesRead } = await file.read(buffer, at, length - at, offset + at);
		if (bytesRead === 0) break;
		at += bytesRead;
	}
	return buffer.subarray(0, at);
}

function cutLines(buffer: Buffer, offset: number, maxLines: number): ReadLines {
	const lines: string[] = [];
	let from = 0;
	for (let to = buffer.indexOf(10); to !== -1 && lines.length < maxLines; to = buffer.indexOf(10, from)) {
		if (to > from) lines.push(buffer.toString('utf8', from, to));
		from = to + 1;
	}
	return { lines, next: offset + from };
}
