import { PortcullisError } from '../errors/portcullis-error.ts';
import { type AuditEntry, appendAudit } from './queries/audit-chain.ts';
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
 * record is delivered. Each workspace is a transaction of its own. Throws PC_STORE_UNAVAILABLE, and anything else only
 * where a record itself is to blame.
 */
export async function appendRecords(store: Store, records: readonly RecordToAppend[]): Promise<Appended> {
	let orphaned = 0;
	for (const [workspaceId, theirs] of byWorkspace(records)) {
		const kept = await append(store, workspaceId, theirs).catch((error: unknown) => {
			throw blames(error) ? error : unavailable(error);
		});
		if (!kept) orphaned += theirs.length;
	}
	return { orphaned };
}

/** SQLSTATE classes that blame a row: its data, its integrity, its size (PostgreSQL, appendix A). */
const ROW_FAULTS: ReadonlySet<string> = new Set(['22', '23', '54']);

// A right that was taken away, a schema half restored or a standby in the place of its primary is no record's fault: no
// record is set aside because of it, all of them wait until it is over.
function blames(error: unknown): boolean {
	const { cause } = error as { readonly cause?: { readonly code?: unknown } };
	const state = typeof cause?.code === 'string' ? cause.code : '';
	return !/^[0-9A-Z]{5}$/.test(state) || ROW_FAULTS.has(state.slice(0, 2));
}

function unavailable(error: unknown): PortcullisError {
	const { facts } = error as PortcullisError;
	return new PortcullisError('PC_STORE_UNAVAILABLE', facts, { cause: error });
}

function append(store: Store, workspaceId: string | undefined, entries: readonly AuditEntry[]): Promise<boolean> {
	return workspaceId === undefined ? appendToPlatform(store, entries) : appendToWorkspace(store, workspaceId, entries);
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
	for (const { kind, at, server, tool = '', outcome, durationMs = 0 } of entries) {
		if (kind !== 'outcome' || server === undefined) continue;
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
