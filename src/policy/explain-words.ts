import type { GrantRule, Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { Decision, Reason } from './decide.ts';

/** Who the principal is and which workspaces which rules give them. */
export function explainGrants(principal: Principal, grantRules: readonly GrantRule[]): readonly string[] {
	const identity = `${principal.name} is ${principal.oid} of the directory ${principal.tid}.`;
	if (principal.grants.size === 0) return [identity, 'No grant rule matches, so no workspace is open to them.'];
	const inWords = (name: string): string => explainRule(name, grantRules);
	const grants = [...principal.grants.values()].map(
		({ workspace, level, rules }) => `  ${workspace}: ${level}, by ${rules.map(inWords).join(' and ')}`,
	);
	return [identity, 'Their workspaces:', ...grants];
}

/** The rule of this name, with what it says. */
export function explainRule(name: string, grantRules: readonly GrantRule[]): string {
	if (name === 'member') return 'membership (named there one by one)';
	const rule = grantRules.find((candidate) => candidate.name === name);
	return rule === undefined
		? name
		: `${name} (${rule.match.claim} ${rule.match.value} is ${rule.level} in ${rule.workspace})`;
}

const SENTENCES: Readonly<Record<Reason, string>> = {
	'workspace-granted': 'A grant rule or a membership opens the workspace to them.',
	'workspace-not-granted': 'No grant rule and no membership opens the workspace to them.',
	'server-outside-key': 'The key they come with is for other servers of the workspace.',
	'server-enabled': 'The server is enabled.',
	'server-disabled': 'The server is disabled.',
	'server-faulty': 'The server cannot be used by this gateway, for example because a secret of it cannot be found.',
	'tool-in-toolset': 'The tool is in the toolset of the address.',
	'tool-not-in-toolset': 'The tool is not in the toolset of the address.',
	'tool-enabled': 'The tool is enabled.',
	'tool-disabled': 'The tool is disabled by its rule or by the server’s default.',
	'tool-definition-unchanged': 'The server defines the tool as it did when its rule was made.',
	'tool-definition-changed':
		'The server defines the tool otherwise than when its rule was made; look at it before you allow it again.',
	'tool-read-only': 'The tool says that it only reads (readOnlyHint), which the level read may use.',
	'tool-marked-readable': 'The workspace marked the tool as readable, which the level read may use.',
	'tool-not-read-only': 'The tool does not say that it only reads, and the level read may use no others.',
	'level-sufficient': 'Their access level is enough.',
	'level-insufficient': 'Their access level is lower than this takes.',
	'person-required': 'The key they come with reads lists only, unless Open WebUI says for whom it calls.',
};

/** One reason as a sentence. */
export function explainReason(reason: Reason): string {
	return SENTENCES[reason];
}

/** Whether a tool may be used, as a sentence. */
export function explainVerdict(
	{ allowed }: Pick<Decision, 'allowed'>,
	{ server, name }: { readonly server: Server; readonly name: string },
): string {
	const path = `${server.workspace}/${server.slug}/${name}`;
	return allowed ? `Yes: ${path} is listed and callable.` : `No: ${path} is neither listed nor callable.`;
}

/** A decision in words, one line for each rule that was looked at; the last one decided. */
export function explainDecision(decision: Decision, at: { readonly server: Server; readonly name: string }) {
	const steps = decision.reasons.map((reason) => `  ${reason}: ${SENTENCES[reason]}`);
	return { allowed: decision.allowed, lines: [explainVerdict(decision, at), ...steps] };
}
