import { STATUS_CODES } from 'node:http';
import { refusalHeaders } from '../edge/refusal.ts';
import type { PortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS } from '../errors/table.ts';
import type { SignIn } from '../identity/challenge.ts';

/** What an error looks like to a caller of the management API (RFC 9457). */
export interface Problem {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly text: string;
}

/** What is known of the refused request. */
export interface RefusedApiRequest extends SignIn {
	readonly requestId: string;
	/** Methods that the address takes, for a method it does not. */
	readonly allow: readonly string[];
}

/** Media type of all problems. */
export const PROBLEM_TYPE = 'application/problem+json';

/** What the `type` of a problem begins with; its code follows. */
export const PROBLEM_URN = 'urn:portcullis:error:';

/** Renders an error for a caller: its sentence, stable code and request id; nothing else of what happened. */
export function problemOf(error: PortcullisError, request: RefusedApiRequest): Problem {
	const { http } = ERRORS[error.code];
	// Errors that MCP wants in-band have no status of their own.
	const status = http < 400 ? 500 : http;
	const body = {
		...error.facts.data,
		type: PROBLEM_URN + error.code,
		title: STATUS_CODES[status],
		status,
		detail: error.sentence,
		code: error.code,
		request_id: request.requestId,
	};
	const headers: Record<string, string> = {
		...refusalHeaders(error, status, request),
		'content-type': PROBLEM_TYPE,
	};
	if (status === 405) headers['allow'] = request.allow.join(', ');
	return { status, headers, text: JSON.stringify(body) };
}
