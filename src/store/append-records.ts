import { type AuditEntry, appendAudit, columnText } from './queries/audit-chain.ts';
import { addUsage, type UsageRow } from './queries/usage-hour.ts';
import { holdWorkspace } from './queries/workspace.ts';
import type { Store } from './store.ts';

/** A record on its way into the database, and whose it is; `undefined` for calls that reached no workspace. */
export interface RecordToAppend extends AuditEntry {
	readonly workspaceId: string | undefined;
}

/** How many records found their workspace gone; they go with it. */
export interface Appended {
	readonly orphaned: number;
}

const REASON = 'ship-audit';
const FAILURES: ReadonlySet<string | undefined> = new Set(['error', 'failed', 'cut', 'unknown']);

/**
 * Appends records to the chains of their workspaces, in the order given, and counts usage; both once, however often a
 * record is delivered. Each workspace is a transaction of its own. Throws PC_STORE_UNAVAILABLE.
 */
export async function appendRecords(store: Store, records: readonly RecordToAppend[]): Promise<Appended> {
	let orphaned = 0;
	for (const [workspaceId, theirs] of byWorkspace(records)) {
		const kept =
			workspaceId === undefined
				? await appendToPlatform(store, theirs)
				: await appendToWorkspace(store, workspaceId, theirs);
		if (!kept) orphaned += theirs.length;
	}
	return { orphaned };
}

function byWorkspace(records: readonly RecordToAppend[]): ReadonlyMap<string | undefined, readonly AuditEntry[]> {
	const grouped = new Map<string | undefined, AuditEntry[]>();
	for (const { workspaceId, ...entry } of records) {
		const theirs = grouped.get(workspaceId) ?? [];
		grouped.set(workspaceId, theirs);
		theirs.push(entry);
	}
	return grouped;
}

async function appendToPlatform(store: Store, entries: readonly AuditEntry[]): Promise<boolean> {
	await store.asPlatform.standing(REASON, (tx) => appendAudit(tx, entries));
	return true;
}

function appendToWorkspace(store: Store, workspaceId: string, entries: readonly AuditEntry[]): Promise<boolean> {
	return store.withWorkspace(workspaceId, REASON, async (tx) => {
		if (!(await holdWorkspace(tx))) return false;
		const fresh = await appendAudit(tx, entries);
		await addUsage(tx, usageOf(fresh));
		return true;
	});
}

function usageOf(entries: readonly AuditEntry[]): readonly UsageRow[] {
	const rows = new Map<string, UsageRow>();
	for (const { kind, at, outcome, durationMs = 0, ...used } of entries) {
		if (kind !== 'outcome' || used.server === undefined) continue;
		const [server, tool] = [columnText(used.server), columnText(used.tool ?? '')];
		const hour = new Date(at);
		hour.setUTCMinutes(0, 0, 0);
		const key = JSON.stringify([hour, server, tool]);
		const known = rows.get(key) ?? { hour, server, tool, calls: 0, errors: 0, refusals: 0, durationMs: 0 };
		rows.set(key, {
			...known,
			calls: known.calls + 1,
			errors: known.errors + (FAILURES.has(outcome) ? 1 : 0),
			refusals: known.refusals + (outcome === 'refused' ? 1 : 0),
			durationMs: known.durationMs + Math.max(0, Math.round(durationMs)),
		});
	}
	return [...rows.values()];
}
