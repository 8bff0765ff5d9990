import type { RecordKeeper, RecordMark } from './file-record.ts';
import { createMarkedWrites, type MarkedWrites } from './marked-writes.ts';
import { createOpenIntents, type OpenIntents } from './open-intents.ts';
import { readLines } from './read-lines.ts';
import { recoverSpool } from './recover-spool.ts';
import { createSegments, type Segments } from './segments.ts';
import { openSpoolFolder, type SpoolFolder, type SpoolPosition } from './spool-folder.ts';
import { createTurns } from './turns.ts';

/** What a spool is made with. */
export interface SpoolParts {
	/** One process at a time; made with mode 0700. */
	readonly folder: string;
	/** Most bytes that wait to be shipped. Outcomes of calls whose intent is kept may use a sixteenth more. */
	readonly limitBytes: number;
	/** A segment that has reached this size is sealed; 8 MiB unless given. */
	readonly segmentBytes?: number;
	/** Milliseconds since 1970. */
	now(): number;
}

/** Records to ship. */
export interface SpoolBatch {
	/** Whole lines as they were kept, without their line breaks; none where only the position moves on. */
	readonly records: readonly string[];
	/** To be acknowledged when they are shipped. */
	readonly position: SpoolPosition;
	/** Half lines that were passed over: a process died while it wrote them, and told nobody that they were kept. */
	readonly torn: number;
}

/** The side of a spool that one shipper reads. */
export interface SpoolReader {
	readonly folder: string;
	/**
	 * The first records that are not acknowledged, the same again until they are: at most this many bytes and records, but
	 * one at least. `undefined` when there is nothing.
	 */
	read(maxBytes: number, maxRecords?: number): Promise<SpoolBatch | undefined>;
	/** Remembers that everything before was shipped, and removes the segments nobody needs any more. One at a time. */
	acknowledge(position: SpoolPosition): Promise<void>;
	/** Seals the current segment unless it is empty, so that it can be removed when it is shipped. */
	seal(): void;
	/** Bytes that were kept and not acknowledged. */
	unshippedBytes(): number;
	/** So many may wait before shipping them is urgent. */
	readonly restfulBytes: number;
}

/** Keeps records in numbered files until they are shipped (docs/audit.md). */
export interface Spool extends RecordKeeper, SpoolReader {
	/** Calls of a former process whose outcome nobody knows; each is told so in the audit. */
	readonly abandoned: number;
}

const SEGMENT_BYTES = 8 * 1024 * 1024;
const RESERVE = 1 / 16;

/** Opens a spool; what a former process left is recovered before anything new is kept. Throws the system's error. */
export function createSpool({ folder: path, limitBytes, segmentBytes = SEGMENT_BYTES, now }: SpoolParts): Spool {
	const folder = openSpoolFolder(path);
	const left = folder.segments();
	const shipped = folder.readShipped();
	const abandoned = recoverSpool({ folder, left, shipped });
	const segments = createSegments({ folder, segmentBytes, left, from: shipped });
	const intents = createOpenIntents(abandoned.map(({ requestId, segment }) => [requestId, segment]));
	const writes = createMarkedWrites({ segments, intents, owed: abandoned, now });
	writes.settle();
	return {
		folder: path,
		abandoned: abandoned.length,
		...createKeeper({ segments, writes, limitBytes }),
		reopen: segments.reopen,
		close: segments.close,
		read: (maxBytes, maxRecords = Number.POSITIVE_INFINITY) => readBatch(folder, segments, { maxBytes, maxRecords }),
		async acknowledge(position) {
			await acknowledge({ folder, segments, intents }, position);
			writes.settle();
		},
		seal: segments.seal,
		unshippedBytes: segments.unshippedBytes,
		restfulBytes: limitBytes / 2,
	};
}

interface KeeperParts extends Pick<SpoolParts, 'limitBytes'> {
	readonly segments: Segments;
	readonly writes: MarkedWrites;
}

function createKeeper({ segments, writes, limitBytes }: KeeperParts): Pick<RecordKeeper, 'keep' | 'keepTogether'> {
	const reserved = limitBytes + Math.floor(limitBytes * RESERVE);
	let turn: (RecordMark | undefined)[] = [];
	let turnBytes = 0;

	const admit = (text: string, mark: RecordMark | undefined): number => {
		const bytes = Buffer.byteLength(text);
		// Who may begin a call may also say how it ended.
		const room = writes.isAwaited(mark) ? reserved : limitBytes;
		if (segments.unshippedBytes() + turnBytes + bytes <= room) return bytes;
		writes.lose(mark);
		throw spoolFull();
	};
	const turns = createTurns((text) => {
		const marks = turn;
		turn = [];
		turnBytes = 0;
		writes.append(text, marks);
	});

	return {
		keep(line, mark) {
			const text = `${line}\n`;
			admit(text, mark);
			writes.append(text, [mark]);
		},
		keepTogether(line, mark) {
			const text = `${line}\n`;
			try {
				turnBytes += admit(text, mark);
			} catch (error) {
				return Promise.reject(error);
			}
			turn.push(mark);
			return turns.add(text);
		},
	};
}

function spoolFull(): Error {
	return Object.assign(new Error('more waits to be shipped than the spool may hold'), { code: 'SPOOL_FULL' });
}

interface ReadLimits {
	readonly maxBytes: number;
	readonly maxRecords: number;
}

async function readBatch(
	folder: SpoolFolder,
	segments: Segments,
	{ maxBytes, maxRecords }: ReadLimits,
): Promise<SpoolBatch | undefined> {
	const from = segments.position();
	const { segment, offset, end, isSealed } = segments.stretchAt(from);
	const range = { offset, end, maxBytes, maxLines: maxRecords };
	const { lines, next } = offset < end ? await readLines(folder.pathOf(segment), range) : { lines: [], next: offset };
	if (next > offset) return { records: lines, position: { segment, offset: next }, torn: 0 };
	if (isSealed) return { records: [], position: { segment, offset: end }, torn: 1 };
	return segment === from.segment ? undefined : { records: [], position: { segment, offset }, torn: 0 };
}

type Acknowledging = { readonly folder: SpoolFolder; readonly segments: Segments; readonly intents: OpenIntents };

async function acknowledge({ folder, segments, intents }: Acknowledging, place: SpoolPosition): Promise<void> {
	const { segment, offset } = segments.stretchAt(place);
	const before = segments.position();
	if (segment < before.segment || (segment === before.segment && offset <= before.offset)) return;
	const open = intents.idsBefore(segment);
	// Remembered before anything is removed. What becomes open or known meanwhile stands in segments that stay.
	await folder.writeShipped({ segment, offset, open }).catch((error) => {
		// A full disk must not keep itself from being emptied: where nothing is open, the segments that stay say enough.
		if (open.length > 0) throw error;
	});
	segments.moveTo({ segment, offset });
	const needed = intents.segments();
	const finished = segments.finished().filter((each) => !needed.has(each));
	// The oldest first: where nothing could be remembered, an intent must not be found without the outcome after it.
	for (const each of finished) {
		await folder.remove(each);
		segments.forget(each);
	}
}
