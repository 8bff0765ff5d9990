import type { AccessLevel } from '../../config/snapshot.ts';
import type { WorkspaceTx } from '../tx.ts';
import { deleteCredentialsOf } from './credential.ts';
import type { ManagedRow, Page } from './rows.ts';

/** Who a membership is about. */
export interface MemberIdentity {
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
}

/** A person named one by one. */
export interface MembershipRow extends ManagedRow, MemberIdentity {
	readonly name: string;
	readonly level: AccessLevel;
}

/** What a membership says. */
export type MembershipValues = MemberIdentity & Pick<MembershipRow, 'name' | 'level' | 'managedBy'>;

const SELECT = `select issuer, tid, oid, name, level, managed_by as "managedBy", version,
	created_at as "createdAt", updated_at as "updatedAt" from portcullis.membership`;

/** Members in the order of `(oid, tid, issuer)`; `after` is the JSON of such three. */
export function listMemberships(tx: WorkspaceTx, { after, limit }: Page = {}): Promise<readonly MembershipRow[]> {
	const [oid, tid, issuer] = after === undefined ? ['', '', ''] : (JSON.parse(after) as [string, string, string]);
	return tx.query(
		`${SELECT} where workspace_id = $1 and (oid, tid, issuer) > ($2, $3, $4) order by oid, tid, issuer limit $5`,
		[tx.workspaceId, oid, tid, issuer, limit ?? null],
	);
}

/** The membership of one person. */
export async function membershipOf(
	tx: WorkspaceTx,
	{ issuer, tid, oid }: MemberIdentity,
): Promise<MembershipRow | undefined> {
	const [row] = await tx.query<MembershipRow>(
		`${SELECT} where workspace_id = $1 and issuer = $2 and tid = $3 and oid = $4`,
		[tx.workspaceId, issuer, tid, oid],
	);
	return row;
}

/** Makes a membership. Throws PC_CONFLICT when the person has one. */
export async function insertMembership(tx: WorkspaceTx, member: MembershipValues): Promise<void> {
	await tx.query(
		`insert into portcullis.membership (workspace_id, issuer, tid, oid, name, level, managed_by)
		 values ($1, $2, $3, $4, $5, $6, $7)`,
		[tx.workspaceId, member.issuer, member.tid, member.oid, member.name, member.level, member.managedBy],
	);
}

/** Replaces a membership; whether it was still that version (`undefined`: any). */
export async function updateMembership(
	tx: WorkspaceTx,
	member: MembershipValues & { readonly version?: number },
): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.membership set name = $5, level = $6, managed_by = $7
		 where workspace_id = $1 and issuer = $2 and tid = $3 and oid = $4 and version = coalesce($8, version) returning 1`,
		[
			tx.workspaceId,
			member.issuer,
			member.tid,
			member.oid,
			member.name,
			member.level,
			member.managedBy,
			member.version ?? null,
		],
	);
	return rows.length > 0;
}

/** Removes a membership and what is kept of the person there; whether it was still that version (`undefined`: any). */
export async function deleteMembership(
	tx: WorkspaceTx,
	{ issuer, tid, oid, version }: MemberIdentity & { readonly version?: number },
): Promise<boolean> {
	const rows = await tx.query(
		`delete from portcullis.membership
		 where workspace_id = $1 and issuer = $2 and tid = $3 and oid = $4 and version = coalesce($5, version) returning 1`,
		[tx.workspaceId, issuer, tid, oid, version ?? null],
	);
	if (rows.length > 0) await deleteCredentialsOf(tx, { issuer, tid, oid });
	return rows.length > 0;
}
