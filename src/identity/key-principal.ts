import type { AccessLevel, ApiKey, LinkedPerson, Snapshot } from '../config/snapshot.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import { keyInvalid } from './find-api-key.ts';
import { linkedPerson, personUnknown } from './open-webui.ts';
import type { NamedPerson } from './open-webui-token.ts';
import type { Standing } from './people.ts';
import type { Grant, Principal } from './principal.ts';

/** The issuer of keys that speak for themselves; no directory can have it, for issuers are URLs. */
const ISSUER = 'api-key';

/** A key that was presented, and the person an Open WebUI instance names, if any. */
export interface PresentedKey {
	readonly key: ApiKey;
	readonly named: NamedPerson | undefined;
}

/** The person whom a key speaks for; `undefined`: it speaks for itself. Throws PC_PERSON_UNKNOWN. */
export function personBehind({ key, named }: PresentedKey, snapshot: Snapshot): LinkedPerson | undefined {
	if (named !== undefined) return linkedPerson(key, named, snapshot);
	return key.owner && { ...key.owner, name: key.name };
}

/**
 * The frozen principal of a key that speaks for a person: they get what they hold at this moment and never more than the key
 * says. Throws PC_KEY_INVALID or PC_PERSON_UNKNOWN where they hold nothing.
 */
export function personalPrincipal(
	{ key, named }: PresentedKey,
	person: LinkedPerson,
	held: Standing | undefined,
): Principal {
	if (held === undefined) throw named === undefined ? keyInvalid('owner') : personUnknown('membership');
	const { issuer, tid, oid } = person;
	return principalOf(key, {
		who: { issuer, tid, oid },
		name: person.name || oid,
		held,
		expiresAt: Math.min(held.until, named?.expiresAt ?? Number.POSITIVE_INFINITY),
	});
}

/** The frozen principal of a key that speaks for itself; of Open WebUI's, which knows its people, one that only lists. */
export function ownPrincipal(key: ApiKey): Principal {
	return principalOf(key, {
		who: { issuer: ISSUER, tid: key.workspaceId, oid: key.id },
		name: key.name,
		held: { level: key.level, rules: [] },
		expiresAt: Number.POSITIVE_INFINITY,
		...(key.kind === 'open-webui' && { listsOnly: true }),
	});
}

interface Speaker {
	readonly who: Identity;
	readonly name: string;
	readonly held: Pick<Grant, 'level' | 'rules'>;
	readonly expiresAt: number;
	readonly listsOnly?: true;
}

function principalOf(key: ApiKey, { who, name, held, expiresAt, listsOnly }: Speaker): Principal {
	const grant: Grant = Object.freeze({
		workspace: key.workspace,
		workspaceId: key.workspaceId,
		level: weaker(key.level, held.level),
		rules: Object.freeze(['api-key', ...held.rules]),
		...(key.servers !== undefined && { servers: new Set(key.servers) }),
		...(listsOnly && { listsOnly }),
	});
	return Object.freeze({
		...who,
		key: principalKey(who),
		name,
		vouchedBy: `${key.kind === 'open-webui' ? 'open-webui' : 'api-key'}:${key.id}`,
		expiresAt: Math.min(expiresAt, key.expiresAt ?? Number.POSITIVE_INFINITY),
		apiKeyKind: key.kind,
		platformLevel: undefined,
		grants: new Map([[key.workspace, grant]]),
	});
}

const LEVELS: readonly AccessLevel[] = ['read', 'write', 'admin'];

function weaker(a: AccessLevel, b: AccessLevel): AccessLevel {
	return LEVELS[Math.min(LEVELS.indexOf(a), LEVELS.indexOf(b))] ?? 'read';
}
