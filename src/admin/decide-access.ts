import type { AccessLevel } from '../config/snapshot.ts';
import type { ErrorCode } from '../errors/table.ts';
import { type Caller, isAdministrator, platformLevelOf, standingIn } from './caller.ts';

/**
 * Whom an operation is for: everybody with a token; those who administrate a workspace, whichever; platform administrators; or those who hold at least this level in
 * the workspace that the path names, where `apiKeys` says so only when they come with no API key.
 */
export type Authorization =
	| 'signed-in'
	| 'administrator'
	| 'platform-admin'
	| { readonly workspace: AccessLevel; readonly apiKeys?: 'refused' };

/** Why access is what it is; the words of the policy stage where they say the same. */
export type AccessReason =
	| 'signed-in'
	| 'administrator'
	| 'not-administrator'
	| 'platform-admin'
	| 'not-platform-admin'
	| 'workspace-granted'
	| 'workspace-not-granted'
	| 'api-key-refused'
	| 'level-sufficient'
	| 'level-insufficient';

/** The outcome; `refusal` is the error of a refused request. */
export interface AccessDecision {
	readonly refusal: ErrorCode | undefined;
	readonly reasons: readonly AccessReason[];
	readonly level: AccessLevel | undefined;
	readonly rules: readonly string[];
}

/** What access is asked for. */
export interface AccessRequest {
	readonly wanted: Authorization;
	readonly caller: Caller;
	/** The workspace of the path, as it was sent. */
	readonly workspace: string | undefined;
}

const RANK: Readonly<Record<AccessLevel, number>> = { read: 0, write: 1, admin: 2 };

/**
 * Whether a caller may ask for an operation. A workspace in which they hold nothing is refused exactly like one that
 * does not exist, and both after the same work: nothing outside of memory is asked.
 */
export function decideAccess(request: AccessRequest): AccessDecision {
	if (request.wanted === 'signed-in') return decision(undefined, ['signed-in']);
	if (request.wanted === 'administrator') return decideAdministrator(request);
	return request.wanted === 'platform-admin' ? decidePlatform(request) : decideWorkspace(request, request.wanted);
}

function decideAdministrator({ caller }: AccessRequest): AccessDecision {
	return isAdministrator(caller)
		? decision(undefined, ['administrator'])
		: decision('PC_LEVEL_TOO_LOW', ['not-administrator']);
}

function decidePlatform({ caller }: AccessRequest): AccessDecision {
	const level = platformLevelOf(caller);
	return level === 'admin'
		? decision(undefined, ['platform-admin'], { level })
		: decision('PC_LEVEL_TOO_LOW', ['not-platform-admin'], { level });
}

function decideWorkspace(
	{ caller, workspace = '' }: AccessRequest,
	wanted: Exclude<Authorization, string>,
): AccessDecision {
	const standing = standingIn(workspace, caller);
	if (standing === undefined) return decision('PC_NOT_FOUND', ['workspace-not-granted']);
	if (wanted.apiKeys === 'refused' && caller.principal?.apiKeyKind !== undefined) {
		return decision('PC_KEY_REFUSED', ['workspace-granted', 'api-key-refused'], standing);
	}
	return RANK[standing.level] >= RANK[wanted.workspace]
		? decision(undefined, ['workspace-granted', 'level-sufficient'], standing)
		: decision('PC_LEVEL_TOO_LOW', ['workspace-granted', 'level-insufficient'], standing);
}

interface Held {
	readonly level: AccessLevel | undefined;
	readonly rules?: readonly string[];
}

function decision(refusal: ErrorCode | undefined, reasons: readonly AccessReason[], held?: Held): AccessDecision {
	return { refusal, reasons, level: held?.level, rules: held?.rules ?? [] };
}
