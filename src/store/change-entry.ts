import type { AuditEntry } from './queries/audit-chain.ts';

/** One change of something, as the audit keeps it. No secrets: names of members that changed, never their values. */
export interface ChangeRecord {
	/** The request that made it, or the run of a program. */
	readonly request: string;
	/** Which of the request's changes this is, from 0. */
	readonly index: number;
	/** A principal key, `operator`, or `gateway`. */
	readonly actor: string;
	/** `server.create`, `tool-rule.delete`. */
	readonly action: string;
	/** `jira`, `jira/search`. */
	readonly object: string;
	readonly fields?: readonly string[];
}

/** The record of a change, to be appended in the transaction that makes it. */
export function changeEntry({ request, index, actor, action, object, fields }: ChangeRecord): AuditEntry {
	const at = new Date().toISOString();
	const id = index === 0 ? request : `${request}#${index}`;
	const line = JSON.stringify({ time: at, kind: 'change', request: id, actor, action, object, fields });
	return { line, at, request: id, kind: 'change', method: action, ...personOf(actor) };
}

/** The person behind an actor: a principal key is the JSON of three texts, anything else is no person. */
export function personOf(actor: string): Pick<AuditEntry, 'issuer' | 'tid' | 'oid'> {
	if (!actor.startsWith('[')) return {};
	const [issuer, tid, oid] = JSON.parse(actor) as [string, string, string];
	return { issuer, tid, oid };
}
