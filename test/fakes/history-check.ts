import { type HistoryCall, SHARED_TOOL, type Told } from './history-clients.ts';
import type { HistoryRecord, HistoryUsage, Kept } from './history-database.ts';
import type { Execution } from './history-upstream.ts';

/** What clients, servers and the database remember of the same time. */
export interface History extends Kept {
	readonly calls: readonly HistoryCall[];
	readonly executions: readonly Execution[];
	/** Credential of each `workspace/server`. */
	readonly keys: ReadonlyMap<string, string>;
	/** Records that never came into the database. */
	readonly setAside: number;
}

interface Index {
	readonly history: History;
	readonly callOf: ReadonlyMap<string, HistoryCall>;
	/** Of those who were told their request id. */
	readonly callByRequest: ReadonlyMap<string, HistoryCall>;
	readonly executionsOf: ReadonlyMap<string, readonly Execution[]>;
	readonly intents: readonly HistoryRecord[];
	/** Intents by tool. */
	readonly intentsOf: ReadonlyMap<string, readonly HistoryRecord[]>;
	/** Outcomes by request. */
	readonly outcomesOf: ReadonlyMap<string, readonly HistoryRecord[]>;
}

const PLATFORM = '00000000-0000-0000-0000-000000000000';

/** Every way in which the memories contradict each other, one sentence for each; none is what is wanted. */
export function violations(history: History): readonly string[] {
	const index = indexOf(history);
	const ofCalls = history.records.filter(({ kind }) => kind === 'intent' || kind === 'outcome');
	return [
		...executionFaults(index),
		...sharedFaults(index),
		...ofCalls.flatMap((record) => placeFaults(index, record)),
		...index.intents.flatMap((intent) => intentFaults(index, intent)),
		...[...index.outcomesOf.values()].flatMap((outcomes) => outcomeFaults(index, outcomes)),
		...history.calls.flatMap((call) => callFaults(index, call)),
		...usageFaults(history),
		...history.brokenChains,
		...(history.setAside > 0 ? [`${history.setAside} records were set aside`] : []),
	];
}

function indexOf(history: History): Index {
	const { calls, executions, records } = history;
	const intents = records.filter(({ kind }) => kind === 'intent');
	const outcomes = records.filter(({ kind }) => kind === 'outcome');
	return {
		history,
		callOf: new Map(calls.flatMap((call) => (call.nonce === undefined ? [] : [[call.nonce, call]]))),
		callByRequest: new Map(calls.flatMap((call) => (call.requestId === undefined ? [] : [[call.requestId, call]]))),
		executionsOf: groupBy(executions, ({ nonce }) => nonce),
		intents,
		intentsOf: groupBy(intents, ({ tool }) => tool ?? ''),
		outcomesOf: groupBy(outcomes, ({ request }) => request),
	};
}

function groupBy<T>(all: readonly T[], keyOf: (each: T) => string): ReadonlyMap<string, readonly T[]> {
	const groups = new Map<string, T[]>();
	for (const each of all) {
		const group = groups.get(keyOf(each)) ?? [];
		groups.set(keyOf(each), group);
		group.push(each);
	}
	return groups;
}

// By the tool, which is one call's alone, or by the request id; of a cut call of the shared tool nobody knows.
const callBehind = ({ callOf, callByRequest }: Index, { tool, request }: HistoryRecord): HistoryCall | undefined =>
	callByRequest.get(request) ?? callOf.get(tool ?? '');

// What was run: once, by the right server, with its credential, and never without an intent.
function executionFaults({ history, callOf, executionsOf, intentsOf }: Index): readonly string[] {
	return [...executionsOf].flatMap(([nonce, executions]) => {
		const [{ tool, place, credential }] = executions as [Execution];
		const intents = intentsOf.get(nonce)?.length ?? 0;
		const wanted = callOf.get(nonce)?.place;
		return [
			...(executions.length > 1 ? [`${nonce} was executed ${executions.length} times`] : []),
			...(place !== wanted ? [`${nonce} was for ${wanted} and executed by ${place}`] : []),
			...(credential !== history.keys.get(place) ? [`${nonce} came to ${place} with another credential`] : []),
			...(tool !== SHARED_TOOL && intents !== 1 ? [`${nonce} was executed and has ${intents} intents`] : []),
		];
	});
}

// Calls of the shared tool cannot be told apart when they were cut; their number can.
function sharedFaults({ history, executionsOf, intentsOf }: Index): readonly string[] {
	const executed = [...executionsOf.values()].map(([first]) => first as Execution);
	return [...groupBy(executed, ({ tool, place }) => `${place} ${tool}`)].flatMap(([key, { length }]) => {
		const [place, tool] = key.split(' ');
		const slugOf = ({ chain, server }: HistoryRecord): string => `${history.workspaces.get(chain)}/${server}`;
		const intents = (intentsOf.get(tool ?? '') ?? []).filter((intent) => slugOf(intent) === place).length;
		return intents >= length ? [] : [`${tool} was executed ${length} times by ${place} and has ${intents} intents`];
	});
}

// Where a record stands: in the chain of the workspace it names, and that of the call it is about.
function placeFaults(index: Index, record: HistoryRecord): readonly string[] {
	const { chain, seq, said, tool, server, kind } = record;
	const slug = index.history.workspaces.get(chain);
	const call = callBehind(index, record);
	const name = `${kind} ${seq} of ${slug ?? 'the platform'}`;
	const isElsewhere = tool !== null && call !== undefined && call.place !== `${slug}/${server}`;
	return [
		...((said.workspaceId ?? PLATFORM) !== chain ? [`${name} says it is of ${said.workspaceId}`] : []),
		...(chain !== PLATFORM && said.workspace !== slug ? [`${name} says it is of ${said.workspace}`] : []),
		...(isElsewhere ? [`${name} is about a call to ${call.place}`] : []),
		...(tool !== null && tool !== SHARED_TOOL && call === undefined ? [`${name} is about ${tool}, never called`] : []),
	];
}

function intentFaults(index: Index, intent: HistoryRecord): readonly string[] {
	const { request, tool, chain, seq, oid } = intent;
	const outcomes = index.outcomesOf.get(request) ?? [];
	const call = callBehind(index, intent);
	const isStrange = call !== undefined && (call.tool !== tool || call.oid !== oid);
	return [
		...(outcomes.length !== 1 ? [`the intent of ${tool} has ${outcomes.length} outcomes`] : []),
		...(outcomes.some((outcome) => outcome.chain !== chain) ? [`the outcome of ${tool} is in another chain`] : []),
		...(outcomes.some((outcome) => outcome.seq < seq) ? [`the outcome of ${tool} is before its intent`] : []),
		...(outcomes.some((outcome) => outcome.tool !== tool) ? [`the outcome of ${tool} names another tool`] : []),
		...(isStrange ? [`the intent of ${tool} by ${oid} is that of ${call.tool} by ${call.oid}`] : []),
	];
}

// Something that went to a server has an intent, and only who was told nothing may have been left in the dark.
function outcomeFaults(index: Index, outcomes: readonly HistoryRecord[]): readonly string[] {
	const [first] = outcomes as [HistoryRecord];
	const { request, tool, outcome } = first;
	const told = callBehind(index, first)?.told;
	const hasIntent = (index.intentsOf.get(tool ?? '') ?? []).some((intent) => intent.request === request);
	const isDark = outcome === 'unknown' && told !== undefined && told.kind !== 'unknown' && !isLost(told);
	return [
		...(outcomes.length > 1 ? [`request ${request} has ${outcomes.length} outcomes`] : []),
		...(tool !== null && !hasIntent && outcome !== 'refused' ? [`${tool} has an outcome without an intent`] : []),
		...(isDark ? [`${tool} is unknown and was told ${told.kind}`] : []),
	];
}

const isLost = (told: Told): boolean => told.kind === 'failed' && told.code === 'PC_AUDIT_OUTCOME_LOST';

// Whoever was told something finds the same in the audit.
function callFaults({ outcomesOf, executionsOf, history }: Index, call: HistoryCall): readonly string[] {
	const { nonce, tool, place, oid, told, requestId = '' } = call;
	if (told.kind === 'unknown') return [];
	const name = nonce ?? `a list of ${place}`;
	const [outcome] = outcomesOf.get(requestId) ?? [];
	if (outcome === undefined) return [`${name} was told ${told.kind} and has no outcome`];
	const slug = history.workspaces.get(outcome.chain);
	// What was refused before its server was known is nobody's; a list is its workspace's, of no single server.
	const own = nonce === undefined ? place.slice(0, place.indexOf('/')) : place;
	const found = nonce === undefined ? slug : `${slug}/${outcome.server}`;
	const isHere = outcome.chain === PLATFORM ? told.kind === 'failed' : found === own;
	const executed = executionsOf.get(nonce ?? '')?.length ?? 0;
	const wasRun = nonce !== undefined && (told.kind === 'ok' || told.kind === 'error');
	return [
		...(isToldBy(told, outcome) ? [] : [`${name} was told ${told.kind} and the audit says ${outcome.outcome}`]),
		...(isHere ? [] : [`${name} has its outcome in ${slug}/${outcome.server}`]),
		...(outcome.tool !== null && outcome.tool !== tool ? [`${name} has the outcome of ${outcome.tool}`] : []),
		...(outcome.oid !== null && outcome.oid !== oid ? [`${name} has the outcome of ${outcome.oid}`] : []),
		...(wasRun && executed === 0 ? [`${name} was told ${told.kind} and never executed`] : []),
		...(outcome.outcome === 'refused' && executed > 0 ? [`${name} was refused and executed`] : []),
	];
}

function isToldBy(told: Told, { outcome, code }: HistoryRecord): boolean {
	if (told.kind !== 'failed') return outcome === told.kind && code === null;
	if (isLost(told)) return outcome === 'unknown';
	return code === told.code && ['refused', 'failed', 'cut'].includes(outcome ?? '');
}

type Counted = Omit<HistoryUsage, 'chain' | 'hour' | 'server' | 'tool'>;

const FAILURES: readonly (string | null)[] = ['error', 'failed', 'cut', 'unknown'];

// What is counted is what the outcomes say, neither more nor less.
function usageFaults({ records, usage }: History): readonly string[] {
	const keyOf = ({ chain, hour, server, tool }: Pick<HistoryRecord, 'chain' | 'hour' | 'server' | 'tool'>): string =>
		`${chain} ${hour} ${server} ${tool ?? ''}`;
	const wanted = new Map<string, Counted>();
	for (const record of records) {
		if (record.kind !== 'outcome' || record.server === null || record.chain === PLATFORM) continue;
		const { calls, errors, refusals, durationMs } = wanted.get(keyOf(record)) ?? NOTHING;
		wanted.set(keyOf(record), {
			calls: calls + 1,
			errors: errors + (FAILURES.includes(record.outcome) ? 1 : 0),
			refusals: refusals + (record.outcome === 'refused' ? 1 : 0),
			durationMs: durationMs + Math.max(0, record.durationMs ?? 0),
		});
	}
	const counted = new Map(
		usage.map(({ calls, errors, refusals, durationMs, ...row }) => {
			return [keyOf(row), { calls, errors, refusals, durationMs }] as const;
		}),
	);
	const keys = new Set([...wanted.keys(), ...counted.keys()]);
	return [...keys].flatMap((key) => {
		const [is, should] = [counted.get(key) ?? NOTHING, wanted.get(key) ?? NOTHING].map((each) => JSON.stringify(each));
		return is === should ? [] : [`usage of ${key} is ${is} and not ${should}`];
	});
}

const NOTHING: Counted = { calls: 0, errors: 0, refusals: 0, durationMs: 0 };
