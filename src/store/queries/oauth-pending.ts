import type { Identity } from '../../lib/principal-key.ts';
import type { WorkspaceTx } from '../tx.ts';

/** Somebody was sent to an authorization server and is expected back. */
export interface PendingValues {
	/** SHA-256 of the state. */
	readonly stateDigest: Buffer;
	/** Slug of the server. */
	readonly server: string;
	/** Whose the credential will be. */
	readonly owner: 'workspace' | 'principal';
	/** Who is expected. */
	readonly person: Identity;
	/** SHA-256 of the secret id of the browser's session. */
	readonly sessionDigest: Buffer;
	readonly authorizationServer: string;
	readonly sealed: Buffer;
	readonly keyId: string;
	/** How long they may take, milliseconds. */
	readonly lastsMs: number;
}

/** What is found of one who came back. */
export interface PendingRow {
	/** Slug of the server. */
	readonly server: string;
	readonly owner: 'workspace' | 'principal';
	readonly sealed: Buffer;
	readonly keyId: string;
}

/** Expects somebody, and forgets whoever did not come in time. */
export async function insertPending(tx: WorkspaceTx, pending: PendingValues): Promise<void> {
	await tx.query('delete from portcullis.oauth_pending where workspace_id = $1 and expires_at < now()', [
		tx.workspaceId,
	]);
	const { person } = pending;
	await tx.query(
		`insert into portcullis.oauth_pending (workspace_id, state_digest, server_id, owner, issuer, tid, oid, session_digest,
			authorization_server, sealed, key_id, expires_at)
		 select $1, $2, s.id, $4, $5, $6, $7, $8, $9, $10, $11, now() + $12 * interval '1 millisecond'
			from portcullis.server s where s.workspace_id = $1 and s.slug = $3`,
		[
			...[tx.workspaceId, pending.stateDigest, pending.server, pending.owner, person.issuer, person.tid, person.oid],
			...[pending.sessionDigest, pending.authorizationServer, pending.sealed, pending.keyId, pending.lastsMs],
		],
	);
}

/**
 * Takes away whom this state is about, so that nobody comes back twice; `undefined` where it is not of this person in this
 * browser, too late or unknown. Another person's attempt takes nothing away.
 */
export async function takePending(
	tx: WorkspaceTx,
	{ stateDigest, sessionDigest, person }: Pick<PendingValues, 'stateDigest' | 'sessionDigest' | 'person'>,
): Promise<PendingRow | undefined> {
	const [row] = await tx.query<PendingRow>(
		`delete from portcullis.oauth_pending p using portcullis.server s
		 where p.workspace_id = $1 and p.state_digest = $2 and p.session_digest = $3 and p.issuer = $4 and p.tid = $5
			and p.oid = $6 and p.expires_at > now() and s.workspace_id = p.workspace_id and s.id = p.server_id
		 returning s.slug as server, p.owner, p.sealed, p.key_id as "keyId"`,
		[tx.workspaceId, stateDigest, sessionDigest, person.issuer, person.tid, person.oid],
	);
	return row;
}
