import { isUsable } from '../config/is-usable.ts';
import { isWithin } from '../config/is-within.ts';
import type { AccessLevel, Server, ToolRule, Toolset } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { MethodEffect } from '../mcp/methods.ts';
import type { CatalogItem } from '../router/catalog.ts';

/** Why a decision is what it is; the words travel to the audit and to `explain` as they are. */
export type Reason =
	| 'workspace-granted'
	| 'workspace-not-granted'
	| 'server-outside-key'
	| 'server-enabled'
	| 'server-disabled'
	| 'server-faulty'
	| 'tool-in-toolset'
	| 'tool-not-in-toolset'
	| 'tool-enabled'
	| 'tool-disabled'
	| 'tool-definition-unchanged'
	| 'tool-definition-changed'
	| 'tool-read-only'
	| 'tool-marked-readable'
	| 'tool-not-read-only'
	| 'level-sufficient'
	| 'level-insufficient'
	| 'person-required';

/** What a principal wants to touch. */
export interface Subject {
	readonly server: Server;
	readonly effect: MethodEffect;
	/** The tool as its server describes it; absent when the call is about no tool. */
	readonly tool: Pick<CatalogItem, 'name' | 'readOnly' | 'digest'> | undefined;
	/** The toolset at whose address it is; `undefined`: at an address of servers. */
	readonly toolset: Toolset | undefined;
}

/** The outcome, with every rule that was looked at, in order; the last one decided. */
export interface Decision {
	readonly allowed: boolean;
	readonly reasons: readonly Reason[];
	/** Level held in the workspace; `undefined` without a grant. */
	readonly level: AccessLevel | undefined;
	/** Names of the grant rules that gave the level. */
	readonly rules: readonly string[];
}

const RANK: Readonly<Record<AccessLevel, number>> = { read: 0, write: 1, admin: 2 };

/**
 * The only function that decides whether a principal may use something: each dispatch asks it, and a list is its
 * projection. Pure: no I/O, no clock, no state.
 */
export function decide(principal: Principal, subject: Subject): Decision {
	const grant = principal.grants.get(subject.server.workspace);
	const rules = grant?.rules ?? [];
	const level = grant?.level;
	const refuse = (...reasons: Reason[]): Decision => ({ allowed: false, reasons, level, rules });
	if (grant === undefined) return refuse('workspace-not-granted');
	if (!isWithin(grant, subject.server)) return refuse('workspace-granted', 'server-outside-key');
	if (!isUsable(subject.server)) {
		return refuse('workspace-granted', subject.server.enabled ? 'server-faulty' : 'server-disabled');
	}
	const judged = judge(grant.level, subject);
	const reasons: Reason[] = ['workspace-granted', 'server-enabled', ...judged.reasons];
	return { allowed: judged.allowed, reasons, level, rules };
}

interface Judgement {
	readonly allowed: boolean;
	readonly reasons: readonly Reason[];
}

function judge(level: AccessLevel, subject: Subject): Judgement {
	if (subject.toolset !== undefined) return judgeInToolset(level, subject, subject.toolset);
	if (subject.tool !== undefined) return judgeTool(level, subject.tool, subject.server);
	// A method nobody described may change something, so it takes the right to change things.
	if (subject.effect === 'unknown' && level === 'read') return { allowed: false, reasons: ['level-insufficient'] };
	return { allowed: subject.effect !== 'tool', reasons: ['level-sufficient'] };
}

// A toolset has tools and nothing else.
function judgeInToolset(level: AccessLevel, { tool, server }: Subject, { tools }: Toolset): Judgement {
	if (tool === undefined || tools.get(server.slug)?.has(tool.name) !== true) {
		return { allowed: false, reasons: ['tool-not-in-toolset'] };
	}
	const { allowed, reasons } = judgeTool(level, tool, server);
	return { allowed, reasons: ['tool-in-toolset', ...reasons] };
}

function judgeTool(level: AccessLevel, tool: NonNullable<Subject['tool']>, server: Server): Judgement {
	const rule = server.toolRules.get(tool.name);
	if (!(rule?.enabled ?? server.toolsEnabledByDefault)) return { allowed: false, reasons: ['tool-disabled'] };
	const pin = rule?.definitionDigest;
	if (pin !== undefined && pin !== tool.digest) {
		return { allowed: false, reasons: ['tool-enabled', 'tool-definition-changed'] };
	}
	const { allowed, reason } = judgeLevel(level, tool.readOnly, rule);
	const seen: readonly Reason[] = pin === undefined ? ['tool-enabled'] : ['tool-enabled', 'tool-definition-unchanged'];
	return { allowed, reasons: [...seen, reason] };
}

function judgeLevel(level: AccessLevel, readOnly: boolean, rule: ToolRule | undefined) {
	if (rule !== undefined && RANK[level] < RANK[rule.minimumLevel]) {
		return { allowed: false, reason: 'level-insufficient' } as const;
	}
	if (level !== 'read') return { allowed: true, reason: 'level-sufficient' } as const;
	const reason = readReason(readOnly, rule);
	return { allowed: reason !== 'tool-not-read-only', reason };
}

function readReason(readOnly: boolean, rule: ToolRule | undefined): Reason {
	if (readOnly) return 'tool-read-only';
	return rule?.readable === true ? 'tool-marked-readable' : 'tool-not-read-only';
}
