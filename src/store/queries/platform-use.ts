import { randomUUID } from 'node:crypto';
import { personOf } from '../change-entry.ts';
import type { PlatformReason, PlatformTx } from '../tx.ts';
import { appendAudit } from './audit-chain.ts';

/** Records, in the audit of the platform, that something crossed workspaces, why, and who wanted it. */
export async function recordPlatformUse(tx: PlatformTx, { reason, actor, erased }: PlatformReason): Promise<void> {
	const at = new Date().toISOString();
	const request = randomUUID();
	const line = JSON.stringify({ time: at, kind: 'platform', request, reason, actor, erased });
	await appendAudit(tx, [{ line, at, request, kind: 'platform', method: reason, ...personOf(actor) }]);
}
