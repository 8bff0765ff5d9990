import type { PlatformTx, WorkspaceTx } from '../tx.ts';
import { PLATFORM_ID } from './audit-chain.ts';

/** Makes the partitions of this month and the ones after it, as many as asked for, where they are missing. */
export async function ensureAuditMonths(tx: PlatformTx, months: number): Promise<void> {
	await tx.query(
		`select portcullis.ensure_audit_month((date_trunc('month', now() at time zone 'utc') + n * interval '1 month')::date)
		 from generate_series(0, $1::int - 1) as n`,
		[months],
	);
}

/** A record as it is found again. */
export interface AuditEventRow {
	/** Place in the chain; a whole number as text. */
	readonly seq: string;
	readonly at: Date;
	readonly request: string;
	readonly kind: string;
	readonly outcome: string | null;
	readonly code: string | null;
	readonly server: string | null;
	readonly tool: string | null;
	readonly oid: string | null;
	readonly method: string | null;
	readonly durationMs: number | null;
	/** The record as it was kept, JSON. */
	readonly line: string;
}

/** Which records are looked for; what is absent does not matter. */
export interface AuditQuery {
	readonly from?: Date | undefined;
	readonly to?: Date | undefined;
	readonly kind?: string | undefined;
	readonly outcome?: string | undefined;
	readonly code?: string | undefined;
	readonly server?: string | undefined;
	readonly tool?: string | undefined;
	readonly oid?: string | undefined;
	readonly request?: string | undefined;
	/** Only what came before this place in the chain. */
	readonly before?: string | undefined;
	readonly limit: number;
}

/** Records of the transaction's workspace (of the platform, for the platform), newest first. */
export function listAuditEvents(tx: WorkspaceTx | PlatformTx, query: AuditQuery): Promise<readonly AuditEventRow[]> {
	const { from, to, kind, outcome, code, server, tool, oid, request, before, limit } = query;
	return tx.query(
		`select seq::text as seq, at, request, kind, outcome, code, server, tool, oid, method,
			duration_ms as "durationMs", line
		 from portcullis.audit_event
		 where workspace_id = $1
			and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3)
			and ($4::text is null or kind = $4) and ($5::text is null or outcome = $5) and ($6::text is null or code = $6)
			and ($7::text is null or server = $7) and ($8::text is null or tool = $8) and ($9::text is null or oid = $9)
			and ($10::text is null or request = $10) and ($11::bigint is null or seq < $11)
		 order by audit_event.seq desc limit $12`,
		[
			ownerOf(tx),
			...[from, to, kind, outcome, code, server, tool, oid, request, before].map((value) => value ?? null),
			limit,
		],
	);
}

/** What a chain is checked by. */
export type ChainLink = Omit<AuditEventRow, 'method' | 'durationMs'> & { readonly hash: Buffer };

/** Which links are read. */
export interface ChainRange {
	readonly after: string;
	/** The last one at most; the end of all unless told. */
	readonly upTo?: string;
	readonly limit: number;
}

/** The links after a place in the chain, in order. */
export function readChain(
	tx: WorkspaceTx | PlatformTx,
	{ after, upTo, limit }: ChainRange,
): Promise<readonly ChainLink[]> {
	return tx.query(
		`select seq::text as seq, at, request, kind, outcome, code, server, tool, oid, line, hash
		 from portcullis.audit_event
		 where workspace_id = $1 and seq > $2 and ($3::bigint is null or seq <= $3) order by audit_event.seq limit $4`,
		[ownerOf(tx), after, upTo ?? null, limit],
	);
}

/** Where the chain ends; `undefined` when nothing was ever recorded. */
export async function chainHead(
	tx: WorkspaceTx | PlatformTx,
): Promise<{ readonly seq: string; readonly hash: Buffer } | undefined> {
	const [head] = await tx.query<{ seq: string; hash: Buffer }>(
		'select seq::text as seq, hash from portcullis.audit_chain where workspace_id = $1',
		[ownerOf(tx)],
	);
	return head;
}

function ownerOf(tx: WorkspaceTx | PlatformTx): string {
	return 'workspaceId' in tx ? tx.workspaceId : PLATFORM_ID;
}
