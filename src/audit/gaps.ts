import { randomUUID } from 'node:crypto';
import type { RecordKeeper, RecordMark, RecordSubject } from './file-record.ts';
import { recordLine } from './record-line.ts';

/** Counts the records that workspaces with best-effort audit go without, and says so in the audit. */
export interface Gaps {
	/**
	 * Whether the call may go on without this record; then it is counted. Never true of a record without a workspace.
	 */
	forgive(mark: RecordMark): boolean;
	/** Keeps a record of each gap, before anything else is kept. Throws what the keeper throws. */
	tell(): void;
}

/** What gaps are made with. */
export interface GapParts {
	readonly records: RecordKeeper;
	/** Milliseconds since 1970. */
	now(): number;
	/** Whether calls of the workspace with this id go on without a record. */
	isLossy(workspaceId: string): boolean;
	/** Told of each record that is dropped. */
	onDropped?(subject: RecordSubject): void;
}

interface Gap {
	readonly workspace: string | undefined;
	readonly since: string;
	count: number;
}

/** No gaps yet. */
export function createGaps({ records, now, isLossy, onDropped }: GapParts): Gaps {
	const gaps = new Map<string, Gap>();
	const timestamp = (): string => new Date(now()).toISOString();
	return {
		forgive({ subject }) {
			const { workspace, workspaceId } = subject;
			if (workspaceId === undefined || !isLossy(workspaceId)) return false;
			const gap = gaps.get(workspaceId) ?? { workspace, since: timestamp(), count: 0 };
			gap.count++;
			gaps.set(workspaceId, gap);
			onDropped?.(subject);
			return true;
		},
		tell() {
			if (gaps.size === 0) return;
			for (const [workspaceId, { workspace, since, count }] of gaps) {
				// An id of its own: two gaps of one millisecond are two records.
				const mark = { kind: 'gap', requestId: randomUUID(), subject: { workspaceId } } as const;
				records.keep(recordLine(timestamp(), mark, { workspace, workspaceId, count, since }), mark);
				gaps.delete(workspaceId);
			}
		},
	};
}
