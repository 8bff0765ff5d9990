import type { ApiKey, Snapshot, SnapshotSource } from '../config/snapshot.ts';
import { createFindApiKey, hasEnded } from './find-api-key.ts';
import { createKeyPrincipal } from './key-principal.ts';
import { namedPerson } from './open-webui.ts';
import type { NamedPerson } from './open-webui-token.ts';
import type { Presented } from './presented.ts';
import type { Principal } from './principal.ts';

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
	/** Throws PC_KEY_INVALID; of a key of Open WebUI also PC_OPEN_WEBUI_TOKEN, PC_PERSON_UNKNOWN and PC_HEADER_INVALID. */
	authenticate(text: string, presented: Presented): Principal;
	/** The same under the current snapshot; `undefined` when the key is gone, has ended or says something else now. */
	renew(principal: Principal): Principal | undefined;
}

/** What a principal was made of. */
interface Origin {
	readonly key: ApiKey;
	readonly named: NamedPerson | undefined;
}

interface Built {
	readonly version: number;
	readonly principal: Principal;
}

/** Builds the way of API keys: everything it needs is in the snapshot. */
export function createApiKeys({ snapshots, now, noteUse }: ApiKeysOptions): ApiKeys {
	const findKey = createFindApiKey();
	const built = new WeakMap<ApiKey, Built>();
	const origins = new WeakMap<Principal, Origin>();

	function create(origin: Origin, snapshot: Snapshot): Principal {
		const principal = createKeyPrincipal(origin.key, snapshot, origin.named);
		origins.set(principal, origin);
		return principal;
	}

	// Of the key itself once for each snapshot: what a person holds changes while their key does not.
	function principalOf(origin: Origin, snapshot: Snapshot): Principal {
		const { key, named } = origin;
		if (named !== undefined) return create(origin, snapshot);
		const known = built.get(key);
		if (known?.version === snapshot.version) return known.principal;
		const principal = create(origin, snapshot);
		built.set(key, { version: snapshot.version, principal });
		return principal;
	}

	return {
		authenticate(text, presented) {
			const snapshot = snapshots.current();
			const nowMs = now();
			const key = findKey(text, { snapshot, nowMs, remoteAddress: presented.remoteAddress });
			// Beside any other key what Open WebUI says is nobody's word, and is not looked at.
			const named = key.kind === 'open-webui' ? namedPerson(key, { presented, snapshot, nowMs }) : undefined;
			const principal = principalOf({ key, named }, snapshot);
			noteUse(key);
			return principal;
		},
		renew(principal) {
			const snapshot = snapshots.current();
			const origin = origins.get(principal);
			const key = origin && snapshot.apiKeys.get(origin.key.digest);
			if (origin === undefined || key === undefined) return undefined;
			if (hasEnded(principal, now()) || !saySame(origin.key, key)) return undefined;
			try {
				return principalOf({ key, named: origin.named }, snapshot);
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
