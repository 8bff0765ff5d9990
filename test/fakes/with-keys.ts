import { byDigest } from '../../src/config/api-keys.ts';
import type { ApiKey, Snapshot, SnapshotSource } from '../../src/config/snapshot.ts';
import { createKeyText, keyDigest } from '../../src/lib/api-key-text.ts';

/** A service key that a gateway without a store is to know; workspaces are called by their slugs there. */
export interface GivenKey {
	readonly text: string;
	readonly workspace: string;
	readonly level: ApiKey['level'];
	readonly servers?: readonly string[];
}

/** A new key of these. */
export function makeGivenKey(given: Omit<GivenKey, 'text'>): GivenKey {
	return { text: createKeyText(), ...given };
}

/** Snapshots of a file, with these keys beside it: only a store has keys. */
export function withKeys(source: SnapshotSource, given: readonly GivenKey[]): SnapshotSource {
	if (given.length === 0) return source;
	const apiKeys = byDigest(given.map(keyOf));
	const made = new WeakMap<Snapshot, Snapshot>();
	const joined = (snapshot: Snapshot): Snapshot => {
		const known = made.get(snapshot) ?? { ...snapshot, apiKeys };
		made.set(snapshot, known);
		return known;
	};
	return {
		current: () => joined(source.current()),
		onChange: (listener) => source.onChange((next, previous) => listener(joined(next), joined(previous))),
	};
}

function keyOf({ text, workspace, level, servers }: GivenKey, index: number): ApiKey {
	return {
		...{
			id: `key-${index}`,
			digest: keyDigest(text),
			workspace,
			workspaceId: workspace,
			kind: 'service',
			level,
			servers,
		},
		...{ name: `Key ${index}`, owner: undefined, networks: undefined, expiresAt: undefined, openWebUi: undefined },
	};
}
