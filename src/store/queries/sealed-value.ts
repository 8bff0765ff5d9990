import type { WorkspaceTx } from '../tx.ts';

/** A sealed value of a workspace, wherever it stands. */
export interface SealedValue {
	/** The table it stands in. */
	readonly table: SealedTable;
	/** What finds its row again. */
	readonly row: string;
	readonly sealed: Buffer;
	/** Id of its wrapping key. */
	readonly keyId: string;
}

/** Tables of workspaces with sealed values. */
export type SealedTable = 'credential' | 'oauth_registration' | 'oauth_pending';

/** Sealed values of the workspace under other wrapping keys than this one, so many at most. */
export function sealedBehind(
	tx: WorkspaceTx,
	{ keyId, limit }: { readonly keyId: string; readonly limit: number },
): Promise<readonly SealedValue[]> {
	return tx.query(
		`select * from (
			select 'credential' as "table", id::text as "row", sealed, key_id as "keyId" from portcullis.credential
				where workspace_id = $1 and key_id <> $2
			union all
			select 'oauth_registration', ctid::text, sealed, key_id from portcullis.oauth_registration
				where workspace_id = $1 and key_id <> $2
			union all
			select 'oauth_pending', encode(state_digest, 'hex'), sealed, key_id from portcullis.oauth_pending
				where workspace_id = $1 and key_id <> $2
		 ) behind limit $3`,
		[tx.workspaceId, keyId, limit],
	);
}

/** Puts the same value under another wrapping key in its place, unless it was replaced since it was read. */
export async function storeRewrapped(
	tx: WorkspaceTx,
	{ table, row, sealed: before }: SealedValue,
	{ sealed, keyId }: { readonly sealed: Buffer; readonly keyId: string },
): Promise<void> {
	const values = [tx.workspaceId, row, sealed, keyId, before];
	if (table === 'credential') {
		await tx.query(
			`update portcullis.credential set sealed = $3, key_id = $4
			 where workspace_id = $1 and id = $2::uuid and sealed = $5`,
			values,
		);
	} else if (table === 'oauth_registration') {
		await tx.query(
			`update portcullis.oauth_registration set sealed = $3, key_id = $4
			 where workspace_id = $1 and ctid = $2::tid and sealed = $5`,
			values,
		);
	} else {
		await tx.query(
			`update portcullis.oauth_pending set sealed = $3, key_id = $4
			 where workspace_id = $1 and state_digest = decode($2, 'hex') and sealed = $5`,
			values,
		);
	}
}
