import { PortcullisError } from '../errors/portcullis-error.ts';
import { changeEntry } from '../store/change-entry.ts';
import { appendAudit } from '../store/queries/audit-chain.ts';
import { lockOwnWorkspace } from '../store/queries/workspace.ts';
import type { PlatformReason, PlatformTx, WorkspaceTx } from '../store/tx.ts';
import { actorOf } from './caller.ts';
import { found } from './managed.ts';
import type { ResourceParts } from './resource-parts.ts';
import type { ApiAnswer, Context } from './route.ts';

/** A change that was made: what is answered, and what its record says. */
export interface Made<A extends ApiAnswer> {
	readonly answer: A;
	/** `server.create`. */
	readonly action: string;
	/** What was changed: `jira`, `jira/search`. */
	readonly object: string;
	/** Members that changed, of an update. */
	readonly fields?: readonly string[];
}

/** What a PUT answers: something new, or something replaced. */
export type PutAnswer<Body> =
	| { readonly status: 201; readonly location: string; readonly body: Body }
	| { readonly status: 200; readonly body: Body };

type Changing = Pick<Context, 'requestId' | 'operation' | 'caller' | 'once'>;

/** Makes a change once for its Idempotency-Key, with its record: all in this transaction, or none. */
export function makeChange<A extends ApiAnswer>(
	tx: WorkspaceTx | PlatformTx,
	{ requestId, caller, once }: Changing,
	change: () => Promise<Made<A>>,
): Promise<A> {
	return once(tx, async () => {
		const { answer, ...what } = await change();
		await appendAudit(tx, [changeEntry({ request: requestId, index: 0, actor: actorOf(caller), ...what })]);
		return answer;
	});
}

type InWorkspace = Pick<Context, 'operation' | 'snapshot'> & { readonly params: { readonly workspace: string } };

/** Id of the workspace that the path names; throws PC_NOT_FOUND where there is none. */
export function workspaceIdOf({ snapshot, params }: InWorkspace): string {
	return found(snapshot.workspaces.get(params.workspace)).id;
}

/** Reads in the workspace of the path. */
export function readWorkspace<T>(
	{ store }: Pick<ResourceParts, 'store'>,
	context: InWorkspace,
	read: (tx: WorkspaceTx) => Promise<T>,
): Promise<T> {
	return store.withWorkspace(workspaceIdOf(context), context.operation, read);
}

/** Changes something in the workspace of the path, one change after another; then this process knows of it. */
export async function changeWorkspace<A extends ApiAnswer>(
	{ store, refresh }: Pick<ResourceParts, 'store' | 'refresh'>,
	context: InWorkspace & Changing,
	change: (tx: WorkspaceTx) => Promise<Made<A>>,
): Promise<A> {
	const answer = await store.withWorkspace(workspaceIdOf(context), context.operation, (tx) =>
		makeChange(tx, context, async () => {
			const isThere = await lockOwnWorkspace(tx);
			if (!isThere) throw new PortcullisError('PC_NOT_FOUND');
			return change(tx);
		}),
	);
	await refresh();
	return answer;
}

/** Why an operation crosses workspaces: because this caller asked for it. */
export function reasonOf({ operation, caller }: Pick<Context, 'operation' | 'caller'>): PlatformReason {
	return { reason: operation, actor: actorOf(caller) };
}
