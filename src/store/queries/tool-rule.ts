import type { DeclaredRule } from '../../config/declared.ts';
import type { WorkspaceTx } from '../tx.ts';
import type { ManagedRow, Manager, Page } from './rows.ts';

/** A rule for one tool of one server. */
export interface ToolRuleRow extends DeclaredRule, ManagedRow {
	readonly tool: string;
}

/** A rule that is to be written. */
export interface ToolRuleValues extends DeclaredRule {
	readonly serverId: string;
	readonly tool: string;
	readonly managedBy: Manager;
}

const SELECT = `select tool, enabled, minimum_level as "minimumLevel", readable, description,
	definition_digest as "definitionDigest", managed_by as "managedBy", version, created_at as "createdAt",
	updated_at as "updatedAt" from portcullis.tool_rule`;

/** Rules of a server in the order of tool names. */
export function listToolRules(
	tx: WorkspaceTx,
	serverId: string,
	{ after, limit }: Page = {},
): Promise<readonly ToolRuleRow[]> {
	return tx.query(`${SELECT} where workspace_id = $1 and server_id = $2 and tool > $3 order by tool limit $4`, [
		tx.workspaceId,
		serverId,
		after ?? '',
		limit ?? null,
	]);
}

/** The rule for one tool. */
export async function toolRuleOf(tx: WorkspaceTx, serverId: string, tool: string): Promise<ToolRuleRow | undefined> {
	const [row] = await tx.query<ToolRuleRow>(`${SELECT} where workspace_id = $1 and server_id = $2 and tool = $3`, [
		tx.workspaceId,
		serverId,
		tool,
	]);
	return row;
}

/** Makes a rule. Throws PC_CONFLICT when the tool has one. */
export async function insertToolRule(tx: WorkspaceTx, rule: ToolRuleValues): Promise<void> {
	await tx.query(
		`insert into portcullis.tool_rule
			(workspace_id, server_id, tool, enabled, minimum_level, readable, description, definition_digest, managed_by)
		 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		[tx.workspaceId, ...valuesOf(rule)],
	);
}

/** Replaces a rule; whether it was still that version (`undefined`: any). */
export async function updateToolRule(
	tx: WorkspaceTx,
	rule: ToolRuleValues & { readonly version?: number },
): Promise<boolean> {
	const rows = await tx.query(
		`update portcullis.tool_rule set enabled = $4, minimum_level = $5, readable = $6, description = $7,
			definition_digest = $8, managed_by = $9
		 where workspace_id = $1 and server_id = $2 and tool = $3 and version = coalesce($10, version) returning 1`,
		[tx.workspaceId, ...valuesOf(rule), rule.version ?? null],
	);
	return rows.length > 0;
}

/** Removes a rule; whether it was still that version (`undefined`: any). */
export async function deleteToolRule(
	tx: WorkspaceTx,
	{ serverId, tool, version }: { readonly serverId: string; readonly tool: string; readonly version?: number },
): Promise<boolean> {
	const rows = await tx.query(
		`delete from portcullis.tool_rule
		 where workspace_id = $1 and server_id = $2 and tool = $3 and version = coalesce($4, version) returning 1`,
		[tx.workspaceId, serverId, tool, version ?? null],
	);
	return rows.length > 0;
}

/** Makes these all the rules of a server, in two statements however many there are. */
export async function replaceToolRules(
	tx: WorkspaceTx,
	{ serverId, managedBy }: { readonly serverId: string; readonly managedBy: Manager },
	rules: Readonly<Record<string, DeclaredRule>>,
): Promise<void> {
	await tx.query('delete from portcullis.tool_rule where workspace_id = $1 and server_id = $2', [
		tx.workspaceId,
		serverId,
	]);
	const rows = Object.entries(rules).map(([tool, rule]) => ({ tool, ...rule }));
	if (rows.length === 0) return;
	await tx.query(
		`insert into portcullis.tool_rule
			(workspace_id, server_id, tool, enabled, minimum_level, readable, description, definition_digest, managed_by)
		 select $1, $2, tool, enabled, "minimumLevel", readable, description, "definitionDigest", $3
		 from json_to_recordset($4::json) as row (
			tool text, enabled boolean, "minimumLevel" text, readable boolean, description text, "definitionDigest" text
		 )`,
		[tx.workspaceId, serverId, managedBy, JSON.stringify(rows)],
	);
}

function valuesOf(rule: ToolRuleValues): readonly unknown[] {
	return [
		rule.serverId,
		rule.tool,
		rule.enabled,
		rule.minimumLevel,
		rule.readable,
		rule.description,
		rule.definitionDigest,
		rule.managedBy,
	];
}
