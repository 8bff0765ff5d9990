import { appendRecords, type RecordToAppend } from '../store/append-records.ts';
import type { Store } from '../store/store.ts';
import type { AuditRecord } from './audit-record.ts';
import type { ShipperParts } from './ship-records.ts';

/** What takes shipped records into the store. Those of a workspace that is gone go with it, and are counted. */
export function createStoreRecords(store: Store, onOrphaned: (count: number) => void): ShipperParts['ship'] {
	return async (records) => {
		const { orphaned } = await appendRecords(store, records.map(toAppend));
		if (orphaned > 0) onOrphaned(orphaned);
	};
}

function toAppend(record: AuditRecord): RecordToAppend {
	const { line, time, kind, request, workspaceId, principal, method, server, tool, outcome, code, durationMs } = record;
	return {
		workspaceId,
		line,
		at: time,
		request,
		kind,
		...principal,
		method,
		server,
		tool,
		outcome,
		code,
		durationMs,
	};
}
