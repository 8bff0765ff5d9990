import type { AccessLevel, GrantRule } from '../config/snapshot.ts';

/** What somebody is given in one workspace, or in `*`, and by which rule. */
export interface Gift {
	readonly workspace: string;
	readonly level: AccessLevel;
	readonly name: string;
	/** Where the rule stands among all. */
	readonly place: number;
}

/** A gift of a rule, to people of one directory; `undefined` stands for the only one. */
export interface RuleGift extends Gift {
	readonly directory: string | undefined;
}

/** Grant rules by what they look at, so that a caller costs what matches them and not what there is. */
export interface GrantIndex {
	readonly group: ReadonlyMap<string, readonly RuleGift[]>;
	readonly role: ReadonlyMap<string, readonly RuleGift[]>;
	/** Directories that a rule about a group is about. */
	readonly groupDirectories: ReadonlySet<string | undefined>;
}

/** The index of these rules: made once for each list of rules and forgotten with it. */
export type GrantIndexOf = (rules: readonly GrantRule[]) => GrantIndex;

/** Builds the source of indexes. */
export function createGrantIndexes(): GrantIndexOf {
	const known = new WeakMap<readonly GrantRule[], GrantIndex>();
	return (rules) => {
		const index = known.get(rules) ?? indexRules(rules);
		known.set(rules, index);
		return index;
	};
}

function indexRules(rules: readonly GrantRule[]): GrantIndex {
	const byClaim = { group: new Map<string, RuleGift[]>(), role: new Map<string, RuleGift[]>() };
	const groupDirectories = new Set<string | undefined>();
	for (const [place, { directory, match, workspace, level, name }] of rules.entries()) {
		const same = byClaim[match.claim].get(match.value) ?? [];
		byClaim[match.claim].set(match.value, same);
		same.push({ directory, workspace, level, name, place });
		if (match.claim === 'group') groupDirectories.add(directory);
	}
	return { ...byClaim, groupDirectories };
}
