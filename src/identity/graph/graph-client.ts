import type { GraphAccess } from '../../config/snapshot.ts';
import { createSlots } from '../../lib/slots.ts';
import { type ClientForm, createAppToken } from './app-token.ts';
import type { Ask, AskJson, JsonAnswer } from './ask-json.ts';
import { failureAnswered, failureOf, failureOfContent, GraphFailure } from './graph-failure.ts';

/** What Graph is asked with. */
export interface GraphClientOptions {
	readonly graph: GraphAccess;
	readonly ask: AskJson;
	readonly clientForm: ClientForm;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
	/** Limit of one request, milliseconds. */
	readonly requestMs: number;
}

/** Asks Microsoft Graph about people of one directory. */
export interface GraphClient {
	/** Which of at most 20 groups the person is in, nested membership included. Rejects with a `GraphFailure`. */
	checkMemberGroups(oid: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
	/** Milliseconds until Graph may be asked again; 0 where nothing speaks against it. */
	pauseMs(): number;
	/** Aborts requests in flight. */
	close(): void;
}

/** Most groups of one question (Graph v1.0: directoryObject: checkMemberGroups). */
export const MOST_GROUPS_ASKED = 20;

const GRAPH = 'Microsoft Graph';
const MOST_AT_ONCE = 16;

/** Builds it. After a failure nobody asks for a while: what fails for one person fails for all, and Graph counts. */
export function createGraphClient(options: GraphClientOptions): GraphClient {
	const { graph, ask, steadyNow, requestMs } = options;
	const inFlight = new Set<AbortController>();
	const withinLimit: Ask = (question) => limited(inFlight, requestMs, (signal) => ask(question, signal));
	const tokens = createAppToken({ ...options, ask: withinLimit });
	const slots = createSlots(MOST_AT_ONCE);
	let pausedUntil = 0;
	let lastFailure = '';

	async function post(oid: string, ids: readonly string[]): Promise<JsonAnswer> {
		const token = await tokens.get();
		const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
		const url = `${graph.baseUrl}/v1.0/users/${encodeURIComponent(oid)}/checkMemberGroups`;
		const answer = await withinLimit({ url, headers, body: JSON.stringify({ groupIds: ids }) });
		if (answer.status === 401) tokens.forget(token);
		return answer;
	}

	async function check(oid: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
		if (steadyNow() < pausedUntil) throw new GraphFailure(lastFailure, pausedUntil - steadyNow());
		try {
			const first = await post(oid, ids);
			return membersIn(first.status === 401 ? await post(oid, ids) : first, ids);
		} catch (error) {
			const failure = failureOf(error, GRAPH);
			lastFailure = failure.message;
			pausedUntil = Math.max(pausedUntil, steadyNow() + failure.pauseMs);
			throw failure;
		}
	}

	return {
		checkMemberGroups: (oid, ids) => slots(() => check(oid, ids)),
		pauseMs: () => Math.max(pausedUntil - steadyNow(), 0),
		close() {
			for (const each of inFlight) each.abort(new Error('the gateway no longer asks'));
		},
	};
}

async function limited<T>(
	inFlight: Set<AbortController>,
	limitMs: number,
	task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
	const controller = new AbortController();
	inFlight.add(controller);
	const timer = setTimeout(() => controller.abort(new Error('no answer in time')), limitMs).unref();
	try {
		return await task(controller.signal);
	} finally {
		clearTimeout(timer);
		inFlight.delete(controller);
	}
}

function membersIn(answer: JsonAnswer, ids: readonly string[]): ReadonlySet<string> {
	const { status, json } = answer;
	// Whoever is not there any more is in no group.
	if (status === 404 && isNotFound(json)) return new Set();
	if (status !== 200) throw failureAnswered(answer, GRAPH);
	const value = json?.['value'];
	// The rest of an answer in parts would stand at an address that somebody else chose.
	const isWhole = Array.isArray(value) && json?.['@odata.nextLink'] === undefined;
	if (!isWhole || !value.every((id) => typeof id === 'string')) throw failureOfContent(GRAPH);
	const held = new Set(value.map((id) => id.toLowerCase()));
	return new Set(ids.filter((id) => held.has(id.toLowerCase())));
}

function isNotFound(json: JsonAnswer['json']): boolean {
	return (json?.['error'] as { readonly code?: unknown } | undefined)?.code === 'Request_ResourceNotFound';
}
