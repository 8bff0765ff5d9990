import { PortcullisError } from '../errors/portcullis-error.ts';

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
