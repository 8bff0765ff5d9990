import type { RecordMark } from './file-record.ts';

/** The calls whose intent stands in the spool and whose outcome does not, with the segment of the intent. */
export interface OpenIntents {
	has(requestId: string): boolean;
	/** A record has been kept in this segment. */
	note(mark: RecordMark | undefined, segment: number): void;
	/** Ids of those whose intent stands in a segment before this one. */
	idsBefore(segment: number): readonly string[];
	/** Segments that have to stay. */
	segments(): ReadonlySet<number>;
}

/** Tracks what is kept from now on, beside the segment of each intent that is open already. */
export function createOpenIntents(already: Iterable<readonly [string, number]>): OpenIntents {
	const open = new Map(already);
	return {
		has: (requestId) => open.has(requestId),
		note(mark, segment) {
			if (mark?.kind === 'intent') open.set(mark.requestId, segment);
			else if (mark?.kind === 'outcome') open.delete(mark.requestId);
		},
		idsBefore: (segment) => [...open].filter(([, each]) => each < segment).map(([requestId]) => requestId),
		segments: () => new Set(open.values()),
	};
}
