import type { BucketState } from '../../lib/bucket.ts';
import type { WorkspaceTx } from '../tx.ts';

/** A bucket as it is stored. */
export interface BucketRow extends BucketState {
	readonly key: string;
}

/** Buckets, by the clock of the database, which is the same for all processes. */
export interface LockedBuckets {
	/** Milliseconds since 1970. */
	readonly now: number;
	readonly rows: readonly BucketRow[];
}

/**
 * The buckets of these keys that are there, nobody else's until the transaction ends. The clock is read after the last of
 * them is locked: time that was waited for a lock fills buckets too.
 */
export async function lockBuckets(tx: WorkspaceTx, keys: readonly string[]): Promise<LockedBuckets> {
	// In the order of keys, so that two processes never wait for each other.
	const rows = await tx.query<BucketRow>(
		`select key, tokens, extract(epoch from at)::float8 * 1000 as at, leases from portcullis.rate_bucket
		 where workspace_id = $1 and key = any($2) order by key for update`,
		[tx.workspaceId, keys],
	);
	const [clock] = await tx.query<{ now: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as now');
	return { now: clock?.now ?? 0, rows };
}

/** Makes buckets of these keys; those that somebody else made in between stay as they are. */
export async function makeBuckets(tx: WorkspaceTx, made: readonly BucketRow[]): Promise<void> {
	await tx.query(
		`insert into portcullis.rate_bucket (workspace_id, key, tokens, at)
		 select $1, key, tokens, to_timestamp(at / 1000)
		 from json_to_recordset($2::json) as row (key text, tokens float8, at float8) order by key
		 on conflict (workspace_id, key) do nothing`,
		[tx.workspaceId, JSON.stringify(made)],
	);
}

/** Writes buckets that the transaction has locked. */
export async function writeBuckets(tx: WorkspaceTx, written: readonly BucketRow[]): Promise<void> {
	await tx.query(
		`update portcullis.rate_bucket b set tokens = row.tokens, at = to_timestamp(row.at / 1000), leases = row.leases
		 from json_to_recordset($2::json) as row (key text, tokens float8, at float8, leases jsonb)
		 where b.workspace_id = $1 and b.key = row.key`,
		[tx.workspaceId, JSON.stringify(written)],
	);
}

/** Removes buckets that nobody has asked for since: none of them takes longer than a day to be full again. */
export async function dropIdleBuckets(tx: WorkspaceTx): Promise<void> {
	await tx.query(
		`delete from portcullis.rate_bucket where workspace_id = $1 and at < clock_timestamp() - interval '25 hours'`,
		[tx.workspaceId],
	);
}
