import { editObject, memberOf, membersOf, objectText, sliceOf } from '../lib/json-text.ts';

/** What belongs to one hop, or to the tasks of 2025-11-25, and means nothing to the other side. */
const HOP_MEMBERS = { _meta: undefined, task: undefined } as const;

/**
 * A legacy server's question as an entry of `inputRequests`, JSON text (mcp 2026-07-28: patterns/mrtr). Form elicitation
 * is named as such, and the id by which a page would report that it is done has no meaning any more.
 */
export function modernQuestion(method: string, params: string): string {
	const plain = editObject(params, { ...HOP_MEMBERS, elicitationId: undefined });
	const isForm = method === 'elicitation/create' && memberOf(plain, 'mode') === undefined;
	const text = isForm ? editObject(plain, { mode: '"form"' }) : plain;
	return objectText({ method: JSON.stringify(method), params: text });
}

/** The `params` of a question for a legacy client; `newId` names a page that it is to open (mcp 2025-11-25: elicitation). */
export function legacyQuestion(method: string, params: string, newId: () => string): string {
	const plain = editObject(params, HOP_MEMBERS);
	const mode = memberOf(plain, 'mode');
	const isPage = method === 'elicitation/create' && mode !== undefined && sliceOf(plain, mode) === '"url"';
	const needsId = isPage && memberOf(plain, 'elicitationId') === undefined;
	return needsId ? editObject(plain, { elicitationId: JSON.stringify(newId()) }) : plain;
}

/** The answers in the `params` text of a retry, JSON text by key. */
export function inputResponsesOf(params: string): ReadonlyMap<string, string> {
	const responses = memberOf(params, 'inputResponses');
	const members = responses === undefined ? [] : membersOf(params, responses.start);
	return new Map(members.map((member) => [member.key, sliceOf(params, member)]));
}

/** The result that asks the caller and gives it the state to come back with. */
export function inputRequiredResult(requests: Readonly<Record<string, string>>, requestState: string): string {
	return objectText({
		resultType: '"input_required"',
		inputRequests: objectText(requests),
		requestState: JSON.stringify(requestState),
	});
}

/**
 * The pages in a legacy server's error -32042 as `inputRequests`; empty when there are none (mcp 2025-11-25:
 * elicitation, URL elicitation required).
 */
export function pagesToOpen(errorData: unknown): Readonly<Record<string, string>> {
	const listed = (errorData as { elicitations?: unknown } | undefined)?.elicitations;
	const pages = Array.isArray(listed) ? (listed as Readonly<Record<string, unknown>>[]) : [];
	const fitting = pages.filter((page) => page?.['mode'] === 'url' && typeof page['url'] === 'string');
	const requests = fitting.map((page, index) => {
		return [`page${index + 1}`, modernQuestion('elicitation/create', JSON.stringify(page))] as const;
	});
	return Object.fromEntries(requests);
}
