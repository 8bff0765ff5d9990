import type { PlatformTx, WorkspaceTx } from '../tx.ts';
import { PLATFORM_ID } from './audit-chain.ts';

/** Whose key it is, within the transaction's workspace (the platform's, for the platform). */
export interface KeyOwner {
	readonly principal: string;
	readonly key: string;
	/** SHA-256 of the request it came with. */
	readonly requestDigest: Buffer;
}

/** An answer that was given to the request of a key. */
export interface AnswerRow {
	readonly requestDigest: Buffer;
	readonly status: number;
	/** JSON text. */
	readonly answer: string;
}

/** How long an answer is given again. */
const KEPT = '24 hours';

/** Takes the key until the transaction ends, after waiting for whoever has it; gives the answer that is kept under it. */
export async function takeKey(
	tx: WorkspaceTx | PlatformTx,
	{ principal, key }: KeyOwner,
): Promise<AnswerRow | undefined> {
	const workspaceId = ownerOf(tx);
	await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
		JSON.stringify(['idempotency', workspaceId, principal, key]),
	]);
	const [row] = await tx.query<AnswerRow>(
		`select request_digest as "requestDigest", status, answer from portcullis.idempotency_key
		 where workspace_id = $1 and principal = $2 and key = $3 and created_at > now() - $4::interval`,
		[workspaceId, principal, key, KEPT],
	);
	return row;
}

/** Keeps the answer under a key that was taken, and forgets a few answers that are too old. */
export async function keepAnswer(
	tx: WorkspaceTx | PlatformTx,
	{ principal, key, requestDigest }: KeyOwner,
	{ status, answer }: Pick<AnswerRow, 'status' | 'answer'>,
): Promise<void> {
	const workspaceId = ownerOf(tx);
	await tx.query(
		`delete from portcullis.idempotency_key where workspace_id = $1 and created_at <= now() - $2::interval`,
		[workspaceId, KEPT],
	);
	await tx.query(
		`insert into portcullis.idempotency_key (workspace_id, principal, key, request_digest, status, answer)
		 values ($1, $2, $3, $4, $5, $6)`,
		[workspaceId, principal, key, requestDigest, status, answer],
	);
}

function ownerOf(tx: WorkspaceTx | PlatformTx): string {
	return 'workspaceId' in tx ? tx.workspaceId : PLATFORM_ID;
}
