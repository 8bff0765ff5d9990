import type { ApiKey, LinkedPerson, Snapshot } from '../config/snapshot.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import { keyInvalid } from './find-api-key.ts';
import { heldNow, type Standing, weaker } from './held-now.ts';
import { linkedPerson, personUnknown } from './open-webui.ts';
import type { NamedPerson } from './open-webui-token.ts';
import type { Grant, Principal } from './principal.ts';

/** The issuer of keys that speak for themselves; no directory can have it, for issuers are URLs. */
const ISSUER = 'api-key';

interface Speaker {
	readonly who: Identity;
	readonly name: string;
	readonly held: Standing;
	readonly listsOnly?: true;
}

/**
 * The frozen principal of a key under a snapshot; `named`: of the person an Open WebUI instance names. A person gets what
 * they hold at this moment and never more than the key says. Throws PC_KEY_INVALID or PC_PERSON_UNKNOWN.
 */
export function createKeyPrincipal(key: ApiKey, snapshot: Snapshot, named?: NamedPerson): Principal {
	const { who, name, held, listsOnly } = speakerOf(key, snapshot, named);
	const grant: Grant = Object.freeze({
		workspace: key.workspace,
		workspaceId: key.workspaceId,
		level: weaker(key.level, held.level),
		rules: Object.freeze(['api-key', ...held.rules]),
		...(key.servers !== undefined && { servers: new Set(key.servers) }),
		...(listsOnly && { listsOnly }),
	});
	const [never, end] = [Number.POSITIVE_INFINITY, key.expiresAt ?? Number.POSITIVE_INFINITY];
	return Object.freeze({
		...who,
		key: principalKey(who),
		name,
		vouchedBy: `${key.kind === 'open-webui' ? 'open-webui' : 'api-key'}:${key.id}`,
		expiresAt: Math.min(end, named?.expiresAt ?? never),
		apiKeyKind: key.kind,
		platformLevel: undefined,
		grants: new Map([[key.workspace, grant]]),
	});
}

function speakerOf(key: ApiKey, snapshot: Snapshot, named: NamedPerson | undefined): Speaker {
	if (named !== undefined) return personOf(key, linkedPerson(key, named, snapshot), snapshot);
	const { owner, workspaceId, id, name, level, workspace } = key;
	const itself = { who: { issuer: ISSUER, tid: workspaceId, oid: id }, name, held: { level, rules: [] } };
	if (key.kind === 'open-webui') return { ...itself, listsOnly: true };
	if (owner === undefined) return itself;
	const held = heldNow(owner, workspace, snapshot);
	if (held === undefined) throw keyInvalid('owner');
	return { who: identityOf(owner), name, held };
}

function personOf({ workspace }: ApiKey, person: LinkedPerson, snapshot: Snapshot): Speaker {
	const held = heldNow(person, workspace, snapshot);
	if (held === undefined) throw personUnknown('membership');
	return { who: identityOf(person), name: person.name || person.oid, held };
}

const identityOf = ({ issuer, tid, oid }: Identity): Identity => ({ issuer, tid, oid });
