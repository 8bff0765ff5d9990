import type { AccessLevel } from '../../config/snapshot.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { ManagedRow, Manager, Page } from './rows.ts';

/** A grant rule of a workspace. */
export interface GrantRuleRow extends ManagedRow {
	readonly id: string;
	readonly directory: string | null;
	readonly claim: 'group' | 'role';
	readonly value: string;
	readonly level: AccessLevel;
}

/** What a grant rule says. */
export type GrantRuleValues = Pick<GrantRuleRow, 'directory' | 'claim' | 'value' | 'level' | 'managedBy'>;

const SELECT = `select id, directory, claim, value, level, managed_by as "managedBy", version,
	created_at as "createdAt", updated_at as "updatedAt" from portcullis.grant_rule`;

const FIRST = '00000000-0000-0000-0000-000000000000';

/** Grant rules in id order. */
export function listGrantRules(tx: WorkspaceTx, { after, limit }: Page = {}): Promise<readonly GrantRuleRow[]> {
	return tx.query(`${SELECT} where workspace_id = $1 and id > $2 order by id limit $3`, [
		tx.workspaceId,
		after ?? FIRST,
		limit ?? null,
	]);
}

/** The rule with this id. */
export async function grantRuleById(tx: WorkspaceTx, id: string): Promise<GrantRuleRow | undefined> {
	const [row] = await tx.query<GrantRuleRow>(`${SELECT} where workspace_id = $1 and id = $2`, [tx.workspaceId, id]);
	return row;
}

/** Makes a rule and returns its id. Throws PC_CONFLICT when the same group or role has one. */
export async function insertGrantRule(tx: WorkspaceTx, rule: GrantRuleValues): Promise<string> {
	const [row] = await tx.query<{ id: string }>(
		`insert into portcullis.grant_rule (workspace_id, directory, claim, value, level, managed_by)
		 values ($1, $2, $3, $4, $5, $6) returning id`,
		[tx.workspaceId, rule.directory, rule.claim, rule.value, rule.level, rule.managedBy],
	);
	return row?.id ?? '';
}

/** Sets the level of the rule for a group or role; whether there is one. */
export async function setGrantLevel(tx: WorkspaceTx, rule: GrantRuleValues): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.grant_rule set level = $5, managed_by = $6
		 where workspace_id = $1 and directory is not distinct from $2 and claim = $3 and value = $4 returning 1`,
		[tx.workspaceId, rule.directory, rule.claim, rule.value, rule.level, rule.managedBy],
	);
	return rows.length > 0;
}

/** Replaces a rule; whether it was still that version. */
export async function updateGrantRule(
	tx: WorkspaceTx,
	{ id, version, ...rule }: GrantRuleValues & { readonly id: string; readonly version: number },
): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.grant_rule set directory = $3, claim = $4, value = $5, level = $6, managed_by = $7
		 where workspace_id = $1 and id = $2 and version = $8 returning 1`,
		[tx.workspaceId, id, rule.directory, rule.claim, rule.value, rule.level, rule.managedBy, version],
	);
	return rows.length > 0;
}

/** Removes a rule; whether it was still that version. */
export async function deleteGrantRule(tx: WorkspaceTx, id: string, version: number): Promise<boolean> {
	const rows = await tx.query(
		'delete from portcullis.grant_rule where workspace_id = $1 and id = $2 and version = $3 returning 1',
		[tx.workspaceId, id, version],
	);
	return rows.length > 0;
}

/** Removes the rule for a group or role. */
export async function deleteGrant(
	tx: WorkspaceTx,
	{ directory, claim, value }: Pick<GrantRuleRow, 'directory' | 'claim' | 'value'>,
): Promise<void> {
	await tx.query(
		`delete from portcullis.grant_rule
		 where workspace_id = $1 and directory is not distinct from $2 and claim = $3 and value = $4`,
		[tx.workspaceId, directory, claim, value],
	);
}

/** Who manages each rule, by the rule. */
export function grantManagers(
	tx: WorkspaceTx,
): Promise<readonly (Pick<GrantRuleRow, 'directory' | 'claim' | 'value'> & { readonly managedBy: Manager })[]> {
	return tx.query(
		`select directory, claim, value, managed_by as "managedBy" from portcullis.grant_rule where workspace_id = $1`,
		[tx.workspaceId],
	);
}
