import { ensureAuditMonths } from './queries/audit-event.ts';
import type { Store } from './store.ts';

/** Months from now for which there is a partition, this one included: a gateway that runs on makes them in time. */
const MONTHS = 3;

/** Sees to it that records of this month and the next ones have a partition to go to. */
export function prepareAudit(store: Store): Promise<void> {
	return store.asPlatform.standing('prepare-audit', (tx) => ensureAuditMonths(tx, MONTHS));
}
