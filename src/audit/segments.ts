import { type AppendFile, openAppendFile } from './append-file.ts';
import type { SpoolFolder, SpoolPosition } from './spool-folder.ts';

/** Where there may be something to read. */
export interface Stretch extends SpoolPosition {
	/** Bytes up to here are whole writes. */
	readonly end: number;
	/** Nothing will follow in this segment. */
	readonly isSealed: boolean;
}

/** The numbered files of a spool: one grows, the others are sealed. Everything before `position` was shipped. */
export interface Segments {
	/** Appends to the current segment, or to a new one where that is full; returns its number. Throws the system's error. */
	append(text: string): number;
	/** Seals the current segment, unless it is empty, and begins another. Throws the system's error. */
	seal(): void;
	/** Seals it too, or opens it anew where it is empty. Throws the system's error. */
	reopen(): void;
	/** Bytes after the position. */
	unshippedBytes(): number;
	position(): SpoolPosition;
	/** The place itself, or the beginning of the next segment where its own has nothing more. */
	stretchAt(place: SpoolPosition): Stretch;
	/** Moves the position on. */
	moveTo(place: SpoolPosition): void;
	/** Numbers of sealed segments that lie wholly before the position. */
	finished(): readonly number[];
	forget(segment: number): void;
	close(): void;
}

/** What segments are made with. */
export interface SegmentParts {
	readonly folder: SpoolFolder;
	readonly segmentBytes: number;
	/** What a former process left: bytes by number, in order. */
	readonly left: ReadonlyMap<number, number>;
	/** Where shipping goes on; from the first one unless given. */
	readonly from: SpoolPosition | undefined;
}

/** Opens a segment of its own: what a former process wrote last may end in half a line. */
export function createSegments({ folder, segmentBytes, left, from }: SegmentParts): Segments {
	// Never a number that is thought to be shipped already.
	let number = Math.max(from?.segment ?? 0, ...left.keys()) + 1;
	let file: AppendFile = openAppendFile(folder.pathOf(number));
	let fullAt = segmentBytes;
	const sealed = createSealed(left, from ?? { segment: 0, offset: 0 }, number);

	const switchTo = (next: AppendFile): void => {
		const former = file;
		file = next;
		fullAt = segmentBytes;
		former.close();
	};
	const begin = (): void => {
		const next = openAppendFile(folder.pathOf(number + 1));
		sealed.add(number, file.size());
		number++;
		switchTo(next);
	};
	// Otherwise the old one goes on, and another is tried only when as much again was written.
	const beginIfPossible = (): void => {
		try {
			begin();
		} catch {
			fullAt = file.size() + segmentBytes;
		}
	};
	return {
		append(text) {
			if (file.size() >= fullAt) beginIfPossible();
			file.append(text);
			return number;
		},
		seal() {
			if (file.size() > 0) begin();
		},
		reopen() {
			if (file.size() > 0) begin();
			else switchTo(openAppendFile(folder.pathOf(number)));
		},
		unshippedBytes: () => sealed.backlog() + file.size(),
		position: sealed.position,
		stretchAt: (place) => sealed.stretchAt(place) ?? currentStretch(place, number, file),
		moveTo: (place) => sealed.moveTo(place, number),
		finished: sealed.finished,
		forget: sealed.forget,
		close: () => file.close(),
	};
}

function currentStretch({ segment, offset }: SpoolPosition, number: number, file: AppendFile): Stretch {
	return { segment: number, offset: segment === number ? offset : 0, end: file.size(), isSealed: false };
}

interface Sealed extends Pick<Segments, 'position' | 'finished' | 'forget'> {
	add(number: number, bytes: number): void;
	/** Bytes of the sealed segments after the position, less what was shipped of the current one. */
	backlog(): number;
	/** `undefined` when there is nothing to read after the place but in the current segment. */
	stretchAt(place: SpoolPosition): Stretch | undefined;
	moveTo(place: SpoolPosition, current: number): void;
}

function createSealed(left: ReadonlyMap<number, number>, from: SpoolPosition, current: number): Sealed {
	const sizes = new Map(left);
	let position = from;
	let backlog = 0;

	const stretchAt = ({ segment, offset }: SpoolPosition): Stretch | undefined => {
		for (const [each, end] of sizes) {
			const at = each === segment ? offset : 0;
			if (each >= segment && at < end) return { segment: each, offset: at, end, isSealed: true };
		}
		return undefined;
	};
	const moveTo = (place: SpoolPosition, number: number): void => {
		const offset = place.segment === number ? place.offset : 0;
		const { segment, offset: at } = stretchAt(place) ?? { segment: number, offset };
		position = { segment, offset: at };
		backlog = -at;
		for (const [each, bytes] of sizes) if (each >= segment) backlog += bytes;
	};
	moveTo(from, current);

	return {
		add(number, bytes) {
			sizes.set(number, bytes);
			backlog += bytes;
		},
		backlog: () => backlog,
		position: () => position,
		stretchAt,
		moveTo,
		finished: () => [...sizes.keys()].filter((each) => each < position.segment),
		forget: (segment) => void sizes.delete(segment),
	};
}
