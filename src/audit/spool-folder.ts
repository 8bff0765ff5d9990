import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A place in the spool: everything before it has been shipped. */
export interface SpoolPosition {
	/** Number of a segment. */
	readonly segment: number;
	/** Bytes into it. */
	readonly offset: number;
}

/** What is remembered of shipping from one process to the next. */
export interface Shipped extends SpoolPosition {
	/** Request ids of the intents before this place whose outcome was still to come. */
	readonly open: readonly string[];
}

const SEGMENT = /^\d{10}\.jsonl$/;
const DIGITS = 10;

/** The files of one spool. */
export interface SpoolFolder {
	pathOf(segment: number): string;
	/** Bytes of each segment that holds anything, by number, in order. Empty ones are removed. */
	segments(): Map<number, number>;
	/** `undefined` where nothing was shipped yet, or nobody can tell. */
	readShipped(): Shipped | undefined;
	/** Replaces what is remembered, wholly or not at all. */
	writeShipped(shipped: Shipped): Promise<void>;
	remove(segment: number): Promise<void>;
}

/** Opens the folder, or makes it with mode 0700. Throws the system's error. */
export function openSpoolFolder(folder: string): SpoolFolder {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const memory = join(folder, 'shipped.json');
	const pathOf = (segment: number): string => join(folder, `${String(segment).padStart(DIGITS, '0')}.jsonl`);
	return {
		pathOf,
		segments() {
			const names = readdirSync(folder).filter((name) => SEGMENT.test(name));
			const numbers = names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
			const sizes = numbers.map((each) => [each, statSync(pathOf(each)).size] as const);
			for (const [number, size] of sizes) if (size === 0) rmSync(pathOf(number));
			return new Map(sizes.filter(([, size]) => size > 0));
		},
		readShipped: () => parseShipped(readIfThere(memory)),
		async writeShipped(shipped) {
			await writeFile(`${memory}.tmp`, JSON.stringify(shipped), { mode: 0o600 });
			await rename(`${memory}.tmp`, memory);
		},
		remove: (segment) => rm(pathOf(segment), { force: true }),
	};
}

function readIfThere(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
		throw error;
	}
}

// What cannot be read counts as absent: shipping a record again does no harm, and skipping one would.
function parseShipped(text: string): Shipped | undefined {
	try {
		const { segment, offset, open } = JSON.parse(text) as Partial<Shipped>;
		const isPlace = Number.isSafeInteger(segment) && Number.isSafeInteger(offset) && Array.isArray(open);
		return isPlace ? ({ segment, offset, open } as Shipped) : undefined;
	} catch {
		return undefined;
	}
}
