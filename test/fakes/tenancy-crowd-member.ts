import { type Caller, createCaller, type Era } from './tenancy-caller.ts';
import type { Build } from './tenancy-upstream.ts';

/** One of many people who all do the same at once. */
export interface Member {
	/** Answers to questions and arguments of its own hold this name, and nobody else's do. */
	readonly name: string;
	readonly workspace: string;
	readonly era: Era;
	readonly random: () => number;
	/** Its server of each build. */
	readonly servers: readonly Build[];
	/** Those it lets ask it; a legacy child would have to be started for each person. */
	readonly asking: readonly Build[];
	/** Somebody else of the same workspace and era. */
	colleague(): Member;
	/** A client that can be asked nothing, or one that answers with the name. */
	caller(kind: 'plain' | 'askable'): Caller;
	/** Begins new sessions from now on, as a client does whose session is unknown. */
	startAnew(): void;
	/** Everybody counts from 1. */
	nextId(): number;
}

/** What a member is made from. */
export interface MemberPlan extends Pick<Member, 'name' | 'workspace' | 'era' | 'servers' | 'asking' | 'colleague'> {
	readonly url: string;
	readonly token: string;
	readonly seed: number;
}

/** What somebody called this answers to every question. */
export const answerOf = (name: string): object => ({ action: 'accept', content: { name } });

/** Makes one. */
export function createMember({ url, token, seed, ...plan }: MemberPlan): Member {
	const open = () => ({
		plain: createCaller({ url, token, era: plan.era, capabilities: {} }),
		askable: createCaller({
			...{ url, token, era: plan.era, capabilities: { elicitation: {} } },
			answerTo: () => answerOf(plan.name),
		}),
	});
	let callers = open();
	let lastId = 0;
	return {
		...plan,
		random: randomFrom(seed),
		caller: (kind) => callers[kind],
		startAnew() {
			callers = open();
		},
		nextId: () => ++lastId,
	};
}

/** Mulberry32: small, seeded, good enough to shuffle calls. */
export function randomFrom(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** One of the values. */
export const pick = <T>(random: () => number, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
