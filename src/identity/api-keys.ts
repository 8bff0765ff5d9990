import type { ApiKey, LinkedPerson, Snapshot, SnapshotSource } from '../config/snapshot.ts';
import { createFindApiKey, hasEnded } from './find-api-key.ts';
import { ownPrincipal, type PresentedKey, personalPrincipal, personBehind } from './key-principal.ts';
import { namedPerson } from './open-webui.ts';
import type { People, Standing } from './people.ts';
import type { Presented } from './presented.ts';
import type { Principal } from './principal.ts';

/** What was used, for whoever notes it. */
export type NoteKeyUse = (key: Pick<ApiKey, 'workspaceId' | 'id'>) => void;

/** What the way of API keys works with. */
export interface ApiKeysOptions {
	readonly snapshots: SnapshotSource;
	/** What owners and linked people hold. */
	readonly people: People;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	readonly noteUse: NoteKeyUse;
}

/** Principals of API keys. */
export interface ApiKeys {
	/**
	 * A promise only where somebody's groups have to be looked up. Throws or rejects with PC_KEY_INVALID and
	 * PC_GROUPS_UNAVAILABLE; of a key of Open WebUI also PC_OPEN_WEBUI_TOKEN, PC_PERSON_UNKNOWN and PC_HEADER_INVALID.
	 */
	authenticate(text: string, presented: Presented): Principal | Promise<Principal>;
	/** The same under the current snapshot; `undefined` when the key is gone, has ended or says something else now. */
	renew(principal: Principal): Principal | undefined;
}

interface Built {
	readonly version: number;
	readonly principal: Principal;
}

/** Builds the way of API keys: but for people's groups everything it needs is in the snapshot. */
export function createApiKeys({ snapshots, people, now, noteUse }: ApiKeysOptions): ApiKeys {
	const findKey = createFindApiKey();
	const built = new WeakMap<ApiKey, Built>();
	const origins = new WeakMap<Principal, PresentedKey>();

	const remember = (origin: PresentedKey, principal: Principal): Principal => {
		origins.set(principal, origin);
		return principal;
	};
	// Once for each snapshot.
	function itself(origin: PresentedKey, { version }: Snapshot): Principal {
		const known = built.get(origin.key);
		if (known?.version === version) return known.principal;
		const principal = remember(origin, ownPrincipal(origin.key));
		built.set(origin.key, { version, principal });
		return principal;
	}

	const personal = (origin: PresentedKey, person: LinkedPerson, held: Standing | undefined): Principal =>
		remember(origin, personalPrincipal(origin, person, held));

	function principalOf(origin: PresentedKey, snapshot: Snapshot): Principal | Promise<Principal> {
		const person = personBehind(origin, snapshot);
		if (person === undefined) return itself(origin, snapshot);
		const held = people.standingOf(person, origin.key.workspace);
		if (held instanceof Promise) return held.then((standing) => personal(origin, person, standing));
		return personal(origin, person, held);
	}

	// As known by now: nobody waits for a stream to be judged anew.
	function renewed(origin: PresentedKey, snapshot: Snapshot): Principal {
		const person = personBehind(origin, snapshot);
		if (person === undefined) return itself(origin, snapshot);
		return personal(origin, person, people.knownStandingOf(person, origin.key.workspace));
	}

	return {
		authenticate(text, presented) {
			const snapshot = snapshots.current();
			const nowMs = now();
			const key = findKey(text, { snapshot, nowMs, remoteAddress: presented.remoteAddress });
			// Beside any other key what Open WebUI says is nobody's word, and is not looked at.
			const named = key.kind === 'open-webui' ? namedPerson(key, { presented, snapshot, nowMs }) : undefined;
			return noted(principalOf({ key, named }, snapshot), () => noteUse(key));
		},
		renew(principal) {
			const snapshot = snapshots.current();
			const origin = origins.get(principal);
			const key = origin && snapshot.apiKeys.get(origin.key.digest);
			if (origin === undefined || key === undefined) return undefined;
			if (hasEnded(principal, now()) || !saySame(origin.key, key)) return undefined;
			try {
				return renewed({ key, named: origin.named }, snapshot);
			} catch {
				return undefined;
			}
		},
	};
}

function noted(found: Principal | Promise<Principal>, note: () => void): Principal | Promise<Principal> {
	if (found instanceof Promise) return found.then((principal) => noted(principal, note));
	note();
	return found;
}

// The name takes no part: it is for people.
function saySame(a: ApiKey, b: ApiKey): boolean {
	const said = ({ name: _, ...rest }: ApiKey): string => JSON.stringify(Object.entries(rest).sort());
	return a === b || said(a) === said(b);
}
