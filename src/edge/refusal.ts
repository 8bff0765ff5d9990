import type { PortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS } from '../errors/table.ts';
import { challengeFor, isChallenged, type SignIn } from '../identity/challenge.ts';
import { errorText } from '../mcp/call.ts';
import type { Era } from '../mcp/revisions.ts';

/** What an error looks like on the wire. */
export interface Refusal {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	/** JSON-RPC error: sentence, stable code and request id; nothing else of what happened. */
	readonly body: string;
}

/** What the edge knows of the refused request. */
export interface RefusedRequest extends SignIn {
	readonly requestId: string;
	readonly idText: string;
	readonly era: Era | undefined;
}

/** Renders an error for its caller. */
export function refusalOf(error: PortcullisError, request: RefusedRequest): Refusal {
	const row = ERRORS[error.code];
	const data = { ...error.facts.data, code: error.code, request_id: request.requestId };
	const body = errorText(error.facts.idText ?? request.idText, { code: row.rpc, message: error.sentence, data });
	// 2026-07-28 wants 404 for an unknown method; legacy clients would take it for a lost session.
	const status = error.code === 'PC_METHOD_UNKNOWN' && request.era === 'modern' ? 404 : row.http;
	const headers = refusalHeaders(error, status, request);
	return { status, headers: status === 405 ? { ...headers, allow: 'POST' } : headers, body };
}

/** Headers of an answer that refuses, whatever its body: how to sign in, when to try again, whether to hang up. */
export function refusalHeaders(
	error: PortcullisError,
	status: number,
	signIn: SignIn,
): Readonly<Record<string, string>> {
	const headers: Record<string, string> = {};
	if (isChallenged(error.code, status)) headers['www-authenticate'] = challengeFor(error, signIn);
	const retryAfter = error.facts.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
	if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
	// The rest of a body that is too large is not read, and a gateway that stops takes no further request.
	if (status === 413 || error.code === 'PC_SHUTTING_DOWN') headers['connection'] = 'close';
	return headers;
}
