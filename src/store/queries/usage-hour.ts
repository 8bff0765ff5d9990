import type { WorkspaceTx } from '../tx.ts';

/** What was used of one tool in one hour. */
export interface UsageRow {
	readonly hour: Date;
	readonly server: string;
	/** Upstream's own name; empty for calls of no tool. */
	readonly tool: string;
	readonly calls: number;
	/** Of the calls: answered with an error, failed, cut or unknown. */
	readonly errors: number;
	/** Of the calls: refused by the gateway. */
	readonly refusals: number;
	/** Of all calls together, milliseconds. */
	readonly durationMs: number;
}

/** Adds to what was counted before; the rows are of different hours, servers or tools. */
export async function addUsage(tx: WorkspaceTx, rows: readonly UsageRow[]): Promise<void> {
	if (rows.length === 0) return;
	await tx.query(
		`insert into portcullis.usage_hour as u (workspace_id, hour, server, tool, calls, errors, refusals, duration_ms)
		 select $1, hour, server, tool, calls, errors, refusals, "durationMs"
		 from json_to_recordset($2::json) as row (
			hour timestamptz, server text, tool text, calls bigint, errors bigint, refusals bigint, "durationMs" bigint
		 )
		 order by hour, server, tool
		 on conflict (workspace_id, hour, server, tool) do update set
			calls = u.calls + excluded.calls, errors = u.errors + excluded.errors,
			refusals = u.refusals + excluded.refusals, duration_ms = u.duration_ms + excluded.duration_ms`,
		[tx.workspaceId, JSON.stringify(rows)],
	);
}

/** Which hours are looked for, and after which row of `(hour, server, tool)` to go on. */
export interface UsageQuery {
	readonly from: Date;
	readonly to: Date;
	readonly server?: string | undefined;
	readonly after?: readonly [hour: string, server: string, tool: string] | undefined;
	readonly limit: number;
}

/** Usage by hour, server and tool, in that order. */
export function listUsage(
	tx: WorkspaceTx,
	{ from, to, server, after, limit }: UsageQuery,
): Promise<readonly UsageRow[]> {
	const [hour, afterServer, tool] = after ?? [null, null, null];
	return tx.query(
		`select hour, server, tool, calls::float8 as calls, errors::float8 as errors, refusals::float8 as refusals,
			duration_ms::float8 as "durationMs"
		 from portcullis.usage_hour
		 where workspace_id = $1 and hour >= $2 and hour < $3 and ($4::text is null or server = $4)
			and ($5::timestamptz is null or (hour, server, tool) > ($5, $6, $7))
		 order by hour, server, tool limit $8`,
		[tx.workspaceId, from, to, server ?? null, hour, afterServer, tool, limit],
	);
}
