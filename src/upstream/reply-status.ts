import type { Attached } from '../credentials/attach-credential.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { HttpReply } from './http-exchange.ts';

/**
 * Refuses the HTTP statuses that are never an MCP answer: redirects (a credential is attached, so they are not
 * followed), a refused credential (not the caller's to solve, so never passed on as 401), and server failures.
 */
export function checkStatus(status: number): void {
	const detail = `HTTP ${status}`;
	if (status >= 300 && status < 400) throw new PortcullisError('PC_UPSTREAM_REDIRECT', { detail });
	if (status === 401 || status === 403) throw new PortcullisError('PC_UPSTREAM_REFUSED', { detail });
	if (status >= 500) throw new PortcullisError('PC_UPSTREAM_FAILED', { detail });
}

/**
 * The same for an answer to a request with a credential, who is told first when that is refused. A refused call is never
 * repeated here: what the credential says goes to the caller.
 */
export function checkReply(
	{ status, headers }: Pick<HttpReply, 'status' | 'headers'>,
	refused: Attached['refused'],
): void {
	const isRefusal = status === 401 || status === 403;
	const answer = isRefusal ? refused?.({ status, challenge: headers['www-authenticate'] }) : undefined;
	if (answer !== undefined) throw answer;
	checkStatus(status);
}

const SPEAKS_OF_SESSION = /session/i;
const MAX_ERROR_BYTES = 4_096;

/**
 * Whether an answer to a request with a session id says that the session is gone: 404 by the specification (mcp
 * 2025-11-25: basic/transports, session management), 400 with a word about sessions by many servers in the field.
 */
export function isLostSession({ status, body }: Pick<HttpReply, 'status' | 'body'>): boolean {
	if (status === 404) return true;
	return status === 400 && body.length < MAX_ERROR_BYTES && SPEAKS_OF_SESSION.test(body.toString('utf8'));
}
