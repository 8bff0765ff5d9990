import { LRUCache } from 'lru-cache';
import { canonicalDigest } from '../../config/canonical-digest.ts';
import type { Directory, SnapshotSource } from '../../config/snapshot.ts';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { ClientForm } from './app-token.ts';
import { type AskJson, askJson } from './ask-json.ts';
import { type AskedGroups, createAskedGroups, isGuid } from './asked-groups.ts';
import { createGraphClient, type GraphClient, MOST_GROUPS_ASKED } from './graph-client.ts';

/** Somebody whose groups are asked for. */
export interface Person {
	/** Id of the directory. */
	readonly directory: string;
	readonly tid: string;
	readonly oid: string;
}

/** Groups of a person, of those that grant rules ask about; the same object while nothing new is known. */
export interface HeldGroups {
	/** As the rules spell them. */
	readonly ids: ReadonlySet<string>;
	/** Until when they are believed, on the steady clock, milliseconds. */
	readonly until: number;
}

/** What groups are looked up with. */
export interface MemberGroupsOptions {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	readonly clientForm: ClientForm;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
	readonly ask?: AskJson;
	/** Limit of one request, milliseconds; 5 s unless told. */
	readonly requestMs?: number;
}

/**
 * Groups of people by Microsoft Graph, for rules that name groups by object id. Refusals: PC_TOKEN_GROUPS_UNKNOWN where the
 * directory has no `graph` or the person no object id of Entra, PC_GROUPS_UNAVAILABLE where Graph gives no answer and the
 * last one is older than an hour.
 */
export interface MemberGroups {
	/** At once where it is known, which is the usual case; throws or rejects with the refusals. */
	look(person: Person): HeldGroups | Promise<HeldGroups>;
	/** The groups of a person of whom no token says anything; rejects with the refusals. */
	groupsOf(person: Person): Promise<ReadonlySet<string>>;
	/** What was known last, if that is less than an hour ago; asks nobody. */
	known(person: Person): HeldGroups | undefined;
	/** Aborts what is asked at the moment. */
	close(): void;
}

/** How long an answer of Graph is believed; also the time in which a removal from a group takes effect. */
export const FRESH_MS = 600_000;
/** How long it is believed while Graph gives no other. */
export const STALE_MS = 3_600_000;

const MOST_PEOPLE = 20_000;
const REQUEST_MS = 5_000;

interface Answer {
	readonly isMember: boolean;
	readonly at: number;
}

interface Known {
	/** By group id. */
	readonly answers: ReadonlyMap<string, Answer>;
	/** What they were asked for. */
	readonly asked: AskedGroups;
	/** What they come to; `undefined` where one of them is wanting. */
	readonly held: HeldGroups | undefined;
	readonly askAgainAt: number;
}

/** Builds it. Answers are kept for each person of each directory apart, and each group by itself: new rules ask for theirs. */
export function createMemberGroups(options: MemberGroupsOptions): MemberGroups {
	const { snapshots, steadyNow } = options;
	const askedGroupsOf = createAskedGroups();
	const sources = createSources(options);
	const nothing: HeldGroups = Object.freeze({ ids: new Set<string>(), until: Number.POSITIVE_INFINITY });

	function lookupOf({ directory, tid, oid }: Person): Lookup {
		const source = sources.of(directory);
		const isKnown = source !== undefined && source.directory.tenantId === tid && isGuid(oid);
		if (!isKnown) throw new PortcullisError('PC_TOKEN_GROUPS_UNKNOWN');
		return { source, oid, asked: askedGroupsOf(snapshots.current().grantRules, directory) };
	}

	function look(person: Person): HeldGroups | Promise<HeldGroups> {
		const { source, oid, asked } = lookupOf(person);
		if (asked.ids.length === 0) return nothing;
		const known = source.people.get(oid);
		const isCurrent = known?.asked === asked && steadyNow() < known.askAgainAt;
		if (isCurrent && known.held !== undefined) return known.held;
		const running = source.inFlight.get(oid);
		if (running === undefined) return begin({ source, oid, asked });
		// Begun under other rules it does not answer what these ask.
		return running.asked === asked ? running.outcome : afterwards(running.outcome, person);
	}

	async function afterwards(outcome: Promise<unknown>, person: Person): Promise<HeldGroups> {
		await outcome.catch(() => undefined);
		return look(person);
	}

	function begin(lookup: Lookup): Promise<HeldGroups> {
		const { source, oid, asked } = lookup;
		const outcome = refresh(lookup, steadyNow).finally(() => source.inFlight.delete(oid));
		source.inFlight.set(oid, { asked, outcome });
		return outcome;
	}

	return {
		look,
		groupsOf: async (person) => (await look(person)).ids,
		known(person) {
			const { source, oid, asked } = lookupOf(person);
			if (asked.ids.length === 0) return nothing;
			const answers = source.people.get(oid)?.answers;
			return answers && heldAmong(answers, asked, steadyNow());
		},
		close: sources.close,
	};
}

/** What is known of the people of one directory, and how to ask for more. */
interface Source {
	readonly directory: Directory;
	readonly client: GraphClient;
	/** By object id. */
	readonly people: LRUCache<string, Known>;
	readonly inFlight: Map<string, { readonly asked: AskedGroups; readonly outcome: Promise<HeldGroups> }>;
}

interface Lookup {
	readonly source: Source;
	readonly oid: string;
	readonly asked: AskedGroups;
}

/** The sources of the directories in use; one of whose settings change begins with nothing. */
function createSources({ snapshots, ask = askJson, requestMs = REQUEST_MS, ...given }: MemberGroupsOptions) {
	const sources = new Map<string, Source>();
	let seen: readonly Directory[] = [];

	function retain(directories: readonly Directory[]): void {
		seen = directories;
		for (const [id, { directory, client }] of sources) {
			const now = directories.find((each) => each.id === id);
			if (now !== undefined && canonicalDigest(now) === canonicalDigest(directory)) continue;
			client.close();
			sources.delete(id);
		}
	}

	function open(id: string): Source | undefined {
		const directory = seen.find((each) => each.id === id);
		if (directory?.graph === undefined) return undefined;
		const client = createGraphClient({ ...given, ask, requestMs, graph: directory.graph });
		const people = new LRUCache<string, Known>({ max: MOST_PEOPLE });
		const source: Source = { directory, client, people, inFlight: new Map() };
		sources.set(id, source);
		return source;
	}

	return {
		of(id: string): Source | undefined {
			const { directories } = snapshots.current();
			if (directories !== seen) retain(directories);
			return sources.get(id) ?? open(id);
		},
		close: () => retain([]),
	};
}

/** Asks for what is not known well enough. Rejects with PC_GROUPS_UNAVAILABLE when it stays so. */
async function refresh({ source, oid, asked }: Lookup, steadyNow: () => number): Promise<HeldGroups> {
	const { client, people } = source;
	const before = people.get(oid)?.answers;
	const askedAt = steadyNow();
	const answers = new Map(asked.ids.flatMap((id) => pairOf(id, before?.get(id))));
	const missing = asked.ids.filter((id) => !isYounger(answers.get(id), FRESH_MS, askedAt));
	const ask = async (ids: readonly string[]): Promise<void> => {
		const members = await client.checkMemberGroups(oid, ids);
		for (const id of ids) answers.set(id, { isMember: members.has(id), at: askedAt });
	};
	const settled = await Promise.allSettled(batchesOf(missing).map(ask));
	const failed = settled.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
	const now = steadyNow();
	const isWhole = asked.ids.every((id) => isYounger(answers.get(id), STALE_MS, now));
	const held = isWhole ? heldAmong(answers, asked, now) : undefined;
	const pausedUntil = failed === undefined ? Number.POSITIVE_INFINITY : now + client.pauseMs();
	people.set(oid, { answers, asked, held, askAgainAt: Math.min(held?.until ?? now, pausedUntil) });
	if (held !== undefined) return held;
	const retryAfterSeconds = Math.max(Math.ceil(client.pauseMs() / 1_000), 1);
	const detail = (failed?.reason as Error | undefined)?.message ?? 'no answer';
	throw new PortcullisError('PC_GROUPS_UNAVAILABLE', { detail, retryAfterSeconds }, { cause: failed?.reason });
}

function pairOf(id: string, answer: Answer | undefined): readonly (readonly [string, Answer])[] {
	return answer === undefined ? [] : [[id, answer]];
}

function isYounger(answer: Answer | undefined, ageMs: number, now: number): answer is Answer {
	return answer !== undefined && now - answer.at < ageMs;
}

function batchesOf(ids: readonly string[]): readonly (readonly string[])[] {
	const starts = Array.from({ length: Math.ceil(ids.length / MOST_GROUPS_ASKED) }, (_, at) => at * MOST_GROUPS_ASKED);
	return starts.map((start) => ids.slice(start, start + MOST_GROUPS_ASKED));
}

// What nobody has answered within the hour is no membership.
function heldAmong(answers: ReadonlyMap<string, Answer>, asked: AskedGroups, now: number): HeldGroups {
	const usable = asked.ids.flatMap((id) => {
		const answer = answers.get(id);
		return isYounger(answer, STALE_MS, now) ? [{ id, ...answer }] : [];
	});
	const oldest = Math.min(...usable.map(({ at }) => at), now);
	const isFresh = now - oldest < FRESH_MS;
	return Object.freeze({
		ids: new Set(usable.filter(({ isMember }) => isMember).map(({ id }) => id)),
		until: isFresh ? oldest + FRESH_MS : Math.min(oldest + STALE_MS, now + FRESH_MS),
	});
}
