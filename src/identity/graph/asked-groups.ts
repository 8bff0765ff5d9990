import type { GrantRule } from '../../config/snapshot.ts';

/** What the grant rules of one directory ask about groups. */
export interface AskedGroups {
	/** Object ids, each once, as the rules spell them. */
	readonly ids: readonly string[];
	/** Whether a rule names a group in another way, which Graph cannot be asked about. */
	readonly hasNames: boolean;
}

/** What these rules ask of people of a directory; the same object for the same two. */
export type AskedGroupsOf = (rules: readonly GrantRule[], directory: string) => AskedGroups;

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is an object id of Entra. */
export function isGuid(text: string): boolean {
	return GUID.test(text);
}

/** Builds it, with a memory that forgets rules when everybody else does. */
export function createAskedGroups(): AskedGroupsOf {
	const known = new WeakMap<readonly GrantRule[], Map<string, AskedGroups>>();
	return (rules, directory) => {
		const byDirectory = known.get(rules) ?? new Map<string, AskedGroups>();
		known.set(rules, byDirectory);
		const asked = byDirectory.get(directory) ?? collect(rules, directory);
		byDirectory.set(directory, asked);
		return asked;
	};
}

function collect(rules: readonly GrantRule[], id: string): AskedGroups {
	const values = rules
		.filter(({ directory, match }) => match.claim === 'group' && (directory ?? id) === id)
		.map(({ match }) => match.value);
	const ids = [...new Set(values.filter(isGuid))];
	return Object.freeze({ ids: Object.freeze(ids), hasNames: !values.every(isGuid) });
}
