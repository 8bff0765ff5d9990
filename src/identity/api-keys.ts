import type { ApiKey, Snapshot, SnapshotSource } from '../config/snapshot.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import { createFindApiKey, hasEnded, keyInvalid } from './find-api-key.ts';
import { heldNow, type Standing, weaker } from './held-now.ts';
import type { Presented } from './presented.ts';
import type { Grant, Principal } from './principal.ts';

/** What was used, for whoever notes it. */
export type NoteKeyUse = (key: Pick<ApiKey, 'workspaceId' | 'id'>) => void;

/** What the way of API keys works with. */
export interface ApiKeysOptions {
	readonly snapshots: SnapshotSource;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	readonly noteUse: NoteKeyUse;
}

/** Principals of API keys. */
export interface ApiKeys {
	/** Throws PC_KEY_INVALID. */
	authenticate(text: string, presented: Presented): Principal;
	/** The same under the current snapshot; `undefined` when the key is gone, has ended or says something else now. */
	renew(principal: Principal): Principal | undefined;
}

/** The issuer of keys that speak for themselves; no directory can have it, for issuers are URLs. */
const ISSUER = 'api-key';

interface Built {
	readonly version: number;
	readonly principal: Principal;
}

/** Builds the way of API keys: everything it needs is in the snapshot. */
export function createApiKeys({ snapshots, now, noteUse }: ApiKeysOptions): ApiKeys {
	const findKey = createFindApiKey();
	const built = new WeakMap<ApiKey, Built>();
	const keyBehind = new WeakMap<Principal, ApiKey>();

	// Once for each snapshot: what a person holds changes while their key does not.
	function principalOf(key: ApiKey, snapshot: Snapshot): Principal {
		const known = built.get(key);
		if (known?.version === snapshot.version) return known.principal;
		const principal = Object.freeze(createPrincipal(key, snapshot));
		built.set(key, { version: snapshot.version, principal });
		keyBehind.set(principal, key);
		return principal;
	}

	return {
		authenticate(text, { remoteAddress }) {
			const snapshot = snapshots.current();
			const key = findKey(text, { snapshot, nowMs: now(), remoteAddress });
			const principal = principalOf(key, snapshot);
			noteUse(key);
			return principal;
		},
		renew(principal) {
			const snapshot = snapshots.current();
			const before = keyBehind.get(principal);
			const key = before && snapshot.apiKeys.get(before.digest);
			if (key === undefined || hasEnded(key, now()) || !saySame(before as ApiKey, key)) return undefined;
			try {
				return principalOf(key, snapshot);
			} catch {
				return undefined;
			}
		},
	};
}

// The name takes no part: it is for people.
function saySame(a: ApiKey, b: ApiKey): boolean {
	const said = ({ name: _, ...rest }: ApiKey): string => JSON.stringify(Object.entries(rest).sort());
	return a === b || said(a) === said(b);
}

function createPrincipal(key: ApiKey, snapshot: Snapshot): Principal {
	const who = identityOf(key);
	const held = standingOf(key, snapshot);
	const grant: Grant = Object.freeze({
		workspace: key.workspace,
		workspaceId: key.workspaceId,
		level: weaker(key.level, held.level),
		rules: Object.freeze(['api-key', ...held.rules]),
		...(key.servers !== undefined && { servers: new Set(key.servers) }),
	});
	return {
		...who,
		key: principalKey(who),
		name: key.name,
		vouchedBy: `api-key:${key.id}`,
		expiresAt: key.expiresAt ?? Number.POSITIVE_INFINITY,
		apiKeyKind: key.kind,
		platformLevel: undefined,
		grants: new Map([[key.workspace, grant]]),
	};
}

function identityOf({ owner, workspaceId, id }: ApiKey): Identity {
	if (owner === undefined) return { issuer: ISSUER, tid: workspaceId, oid: id };
	const { issuer, tid, oid } = owner;
	return { issuer, tid, oid };
}

// A person's key gives what the person holds at this moment, and never more than it says itself.
function standingOf({ owner, workspace, level }: ApiKey, snapshot: Snapshot): Standing {
	if (owner === undefined) return { level, rules: [] };
	const held = heldNow(owner, workspace, snapshot);
	if (held === undefined) throw keyInvalid('owner');
	return held;
}
