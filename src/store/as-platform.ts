import type pg from 'pg';
import { recordPlatformUse } from './queries/platform-use.ts';
import { transact } from './transaction.ts';
import type { PlatformReason, PlatformTx } from './tx.ts';

/**
 * Runs `fn` in a transaction of the platform role. The use is recorded in the audit of the platform within the same
 * transaction; what the gateway asks of itself again and again (`standing`) is recorded once for each process.
 */
export interface AsPlatform {
	<T>(why: PlatformReason, fn: (tx: PlatformTx) => Promise<T>): Promise<T>;
	standing<T>(reason: string, fn: (tx: PlatformTx) => Promise<T>): Promise<T>;
}

/** The only way across workspaces. */
export function createAsPlatform(pool: pg.Pool): AsPlatform {
	const recorded = new Set<string>();
	const run = <T>({ reason, erased }: PlatformReason, fn: (tx: PlatformTx) => Promise<T>): Promise<T> => {
		const settings = { 'app.reason': reason, ...(erased !== undefined && { 'app.erased_workspace': erased }) };
		return transact(pool, settings, (query) => fn({ query } as PlatformTx));
	};
	const once = <T>(why: PlatformReason, fn: (tx: PlatformTx) => Promise<T>): Promise<T> =>
		run(why, async (tx) => {
			const result = await fn(tx);
			await recordPlatformUse(tx, why);
			return result;
		});
	const standing: AsPlatform['standing'] = async (reason, fn) => {
		const why = { reason, actor: 'gateway' };
		if (recorded.has(reason)) return run(why, fn);
		const result = await once(why, fn);
		recorded.add(reason);
		return result;
	};
	return Object.assign(once, { standing });
}
