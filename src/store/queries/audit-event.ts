import type { PlatformTx } from '../tx.ts';

/** Makes the partitions of this month and the ones after it, as many as asked for, where they are missing. */
export async function ensureAuditMonths(tx: PlatformTx, months: number): Promise<void> {
	await tx.query(
		`select portcullis.ensure_audit_month((date_trunc('month', now() at time zone 'utc') + n * interval '1 month')::date)
		 from generate_series(0, $1::int - 1) as n`,
		[months],
	);
}
