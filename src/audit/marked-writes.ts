import type { RecordMark } from './file-record.ts';
import type { OpenIntents } from './open-intents.ts';
import { unknownLine } from './record-line.ts';
import type { Segments } from './segments.ts';

/** Writes to the segments, and the account of which calls are under way. */
export interface MarkedWrites {
	/** Appends lines with their marks, after what is owed. Throws the system's error; then none of them is kept. */
	append(text: string, marks: readonly (RecordMark | undefined)[]): void;
	/** The record cannot be kept. If somebody waits for it, the outcome is owed: it will be called unknown. */
	lose(mark: RecordMark | undefined): void;
	/** Whether this is the outcome of a call whose intent is kept. */
	isAwaited(mark: RecordMark | undefined): mark is RecordMark;
	/** Writes what is owed, where that is possible already. */
	settle(): void;
}

/** What they are made with. */
export interface MarkedWriteParts {
	readonly segments: Segments;
	readonly intents: OpenIntents;
	/** Outcomes that a former process did not come to write. */
	readonly owed: readonly RecordMark[];
	/** Milliseconds since 1970. */
	now(): number;
}

/** Nothing is kept before what is owed. */
export function createMarkedWrites({ segments, intents, owed, now }: MarkedWriteParts): MarkedWrites {
	const debts = [...owed];
	const isAwaited = (mark: RecordMark | undefined): mark is RecordMark =>
		mark?.kind === 'outcome' && intents.has(mark.requestId);
	const lose = (mark: RecordMark | undefined): void => {
		if (isAwaited(mark)) debts.push(mark);
	};
	// One by one: what is written stays written when the next one fails.
	const payDebts = (): void => {
		for (let mark = debts[0]; mark !== undefined; mark = debts[0]) {
			const line = unknownLine(new Date(now()).toISOString(), mark);
			intents.note(mark, segments.append(`${line}\n`));
			debts.shift();
		}
	};
	return {
		append(text, marks) {
			try {
				payDebts();
				const segment = segments.append(text);
				for (const mark of marks) intents.note(mark, segment);
			} catch (error) {
				for (const mark of marks) lose(mark);
				throw error;
			}
		},
		lose,
		isAwaited,
		settle() {
			try {
				payDebts();
			} catch {
				// Whoever keeps something next is told why it is not possible.
			}
		},
	};
}
