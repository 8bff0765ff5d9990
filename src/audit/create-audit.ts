import type { Snapshot, SnapshotSource } from '../config/snapshot.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { RecordKeeper } from './file-record.ts';
import { createGaps } from './gaps.ts';
import { createTrails, type OpenTrail, type TrailOutcome } from './trail.ts';

/** What the audit of a gateway is made of. */
export interface AuditParts {
	readonly snapshots: SnapshotSource;
	readonly records: RecordKeeper;
	readonly log: Log;
	readonly metrics: Metrics;
}

/** The audit of a gateway. */
export interface Audit {
	readonly openTrail: OpenTrail;
	/** Tells of the records it went without, before the end. */
	tellGaps(): void;
}

/** Assembles trails and gaps over one record keeper; outcomes are logged and counted as well. */
export function createAudit({ snapshots, records, log, metrics }: AuditParts): Audit {
	const isLossy = (workspaceId: string): boolean => isBestEffort(snapshots.current(), workspaceId);
	const gaps = createGaps({ records, now: Date.now, isLossy, onDropped: metrics.auditDropped });
	const onOutcome = (ended: TrailOutcome): void => tellOutcome(ended, { log, metrics });
	return {
		openTrail: createTrails({ records, gaps, now: Date.now, onOutcome }),
		tellGaps() {
			try {
				gaps.tell();
			} catch (error) {
				const { code } = error as { code?: unknown };
				log.error({ code }, 'the audit cannot be told of all records it goes without');
			}
		},
	};
}

// Asked only when a record cannot be kept.
function isBestEffort(snapshot: Snapshot, workspaceId: string): boolean {
	return [...snapshot.workspaces.values()].some(
		({ id, auditMode }) => id === workspaceId && auditMode === 'best-effort',
	);
}

function tellOutcome(ended: TrailOutcome, { log, metrics }: Pick<AuditParts, 'log' | 'metrics'>): void {
	const { requestId, facts, outcome, code, stage, durationMs } = ended;
	metrics.call(outcome, stage ?? 'none', durationMs);
	const { address, method, workspace, server } = facts;
	const line = { request: requestId, outcome, code, address, method, workspace, server, durationMs };
	if (outcome === 'ok') log.debug(line, 'call');
	else log.info(line, 'call');
}
