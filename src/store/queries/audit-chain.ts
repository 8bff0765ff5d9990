import { createHash } from 'node:crypto';
import type { PlatformTx, WorkspaceTx } from '../tx.ts';

/** The workspace of the platform's own records; no workspace has this id. */
export const PLATFORM_ID = '00000000-0000-0000-0000-000000000000';

/** A record as it is kept: its line, and what of it can be searched by. */
export interface AuditEntry {
	/** The line as it was written first, JSON; what the chain is made over. */
	readonly line: string;
	/** ISO 8601. */
	readonly at: string;
	/** With time and kind, what makes a record one and the same. */
	readonly request: string;
	readonly kind: string;
	readonly issuer?: string | undefined;
	readonly tid?: string | undefined;
	readonly oid?: string | undefined;
	readonly method?: string | undefined;
	readonly server?: string | undefined;
	readonly tool?: string | undefined;
	readonly outcome?: string | undefined;
	readonly code?: string | undefined;
	readonly durationMs?: number | undefined;
}

interface Head {
	readonly seq: string;
	readonly hash: Buffer;
}

/** What a chain begins with: nothing before it. */
export const GENESIS: Buffer = Buffer.alloc(32);

/** Hash of a record that follows one with hash `previous`. */
export function chainHash(previous: Buffer, line: string): Buffer {
	return createHash('sha256').update(previous).update(line).digest();
}

/** Longest text of a column: as long as the name of a tool may be anywhere, and no index refuses it. */
const COLUMN_LENGTH = 256;
const UNSTORABLE = /[\0\p{Surrogate}]/gu;
const PLAIN = /^[ -~]*$/;

/**
 * What a column says of a text that callers and servers may choose: a NUL or half of a surrogate pair, which PostgreSQL
 * refuses, or an endless name must not keep a record out of its chain. The line has it as it was.
 */
export function columnText(text: string): string {
	if (text.length <= COLUMN_LENGTH && PLAIN.test(text)) return text;
	return text.slice(0, COLUMN_LENGTH).replace(UNSTORABLE, '\ufffd');
}

const CHOSEN = ['issuer', 'tid', 'oid', 'method', 'server', 'tool', 'outcome', 'code'] as const;

type Writable<T> = { -readonly [name in keyof T]: T[name] };

function storable(entry: AuditEntry): AuditEntry {
	const stored: Writable<AuditEntry> = { ...entry };
	for (const name of CHOSEN) {
		const text = stored[name];
		if (text !== undefined) stored[name] = columnText(text);
	}
	return stored;
}

/**
 * Appends records to the chain of the transaction's workspace, in this order, each once: those that are there already
 * are passed over. Returns the ones that were new, as their columns say them. The end of the chain is locked until the
 * transaction ends, so this comes last in it.
 */
export async function appendAudit(
	tx: WorkspaceTx | PlatformTx,
	entries: readonly AuditEntry[],
): Promise<readonly AuditEntry[]> {
	const workspaceId = 'workspaceId' in tx ? tx.workspaceId : PLATFORM_ID;
	await tx.query(
		`insert into portcullis.audit_chain (workspace_id, seq, hash) values ($1, 0, $2) on conflict do nothing`,
		[workspaceId, GENESIS],
	);
	const [head] = await tx.query<Head>(
		`select seq, hash from portcullis.audit_chain where workspace_id = $1 for update`,
		[workspaceId],
	);
	if (head === undefined) throw new Error('the chain of the workspace is not there');
	const fresh = (await unknownOf(tx, workspaceId, entries)).map(storable);
	if (fresh.length > 0) await append(tx, { workspaceId, head, fresh });
	return fresh;
}

const keyOf = ({ at, request, kind }: Pick<AuditEntry, 'at' | 'request' | 'kind'>): string =>
	`${at} ${request} ${kind}`;

async function unknownOf(
	tx: WorkspaceTx | PlatformTx,
	workspaceId: string,
	entries: readonly AuditEntry[],
): Promise<readonly AuditEntry[]> {
	const [newest] = await tx.query<{ at: Date | null }>(
		`select max(at) as at from portcullis.audit_event where workspace_id = $1`,
		[workspaceId],
	);
	const newestMs = newest?.at?.getTime() ?? Number.NEGATIVE_INFINITY;
	// What is younger than all there is cannot be there: as a rule nothing is left to look for.
	const suspects = entries.filter(({ at }) => Date.parse(at) <= newestMs);
	const seen = await knownKeys(tx, workspaceId, suspects);
	return entries.filter((entry) => {
		const key = keyOf(entry);
		if (seen.has(key)) return false;
		seen.add(key);
		return true;
	});
}

async function knownKeys(
	tx: WorkspaceTx | PlatformTx,
	workspaceId: string,
	entries: readonly AuditEntry[],
): Promise<Set<string>> {
	if (entries.length === 0) return new Set();
	const known = await tx.query<{ at: Date; request: string; kind: string }>(
		`select e.at, e.request, e.kind
		 from unnest($2::timestamptz[], $3::text[], $4::text[]) as wanted (at, request, kind)
		 join portcullis.audit_event e using (at, request, kind)
		 where e.workspace_id = $1`,
		[workspaceId, entries.map(({ at }) => at), entries.map(({ request }) => request), entries.map(({ kind }) => kind)],
	);
	return new Set(known.map(({ at, ...rest }) => keyOf({ ...rest, at: at.toISOString() })));
}

interface Appending {
	readonly workspaceId: string;
	readonly head: Head;
	readonly fresh: readonly AuditEntry[];
}

async function append(tx: WorkspaceTx | PlatformTx, { workspaceId, head, fresh }: Appending): Promise<void> {
	const first = BigInt(head.seq) + 1n;
	let hash = head.hash;
	const rows = fresh.map((entry, index) => {
		hash = chainHash(hash, entry.line);
		const { durationMs, ...rest } = entry;
		return { ...rest, duration_ms: durationMs, seq: `${first + BigInt(index)}`, hash: `\\x${hash.toString('hex')}` };
	});
	await tx.query(
		`insert into portcullis.audit_event
			(workspace_id, at, seq, request, kind, issuer, tid, oid, method, server, tool, outcome, code, duration_ms, line, hash)
		 select $1, at, seq, request, kind, issuer, tid, oid, method, server, tool, outcome, code, duration_ms, line, hash
		 from json_to_recordset($2::json) as row (
			at timestamptz, seq bigint, request text, kind text, issuer text, tid text, oid text, method text, server text,
			tool text, outcome text, code text, duration_ms integer, line text, hash bytea
		 )`,
		[workspaceId, JSON.stringify(rows)],
	);
	await tx.query(`update portcullis.audit_chain set seq = $2, hash = $3 where workspace_id = $1`, [
		workspaceId,
		`${first + BigInt(fresh.length - 1)}`,
		hash,
	]);
}
