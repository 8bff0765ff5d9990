import type pg from 'pg';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { transact } from './transaction.ts';
import type { WorkspaceTx } from './tx.ts';

/**
 * Runs `fn` in a transaction that sees the rows of this workspace and no others. `reason` says what for, in words of a
 * program (`ship-audit`); the database's own logs and views can show it. Throws what `transact` throws.
 */
export type WithWorkspace = <T>(workspaceId: string, reason: string, fn: (tx: WorkspaceTx) => Promise<T>) => Promise<T>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The only way to the rows of workspaces. */
export function createWithWorkspace(pool: pg.Pool): WithWorkspace {
	return (workspaceId, reason, fn) => {
		// An id that is no id would see nothing; that it got this far is a fault of ours worth hearing of.
		if (!UUID.test(workspaceId)) {
			return Promise.reject(new PortcullisError('PC_INTERNAL', { detail: 'workspace id is not a UUID' }));
		}
		const settings = { 'app.workspace_id': workspaceId, 'app.reason': reason };
		return transact(pool, settings, (query) => fn({ workspaceId, query } as WorkspaceTx));
	};
}
