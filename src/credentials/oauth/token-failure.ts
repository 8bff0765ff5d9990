import {
	AuthorizationResponseError,
	allowInsecureRequests,
	ResponseBodyError,
	WWWAuthenticateChallengeError,
} from 'oauth4webapi';
import { errorCode, PortcullisError } from '../../errors/portcullis-error.ts';
import type { ErrorCode } from '../../errors/table.ts';

/** Plain http is judged by the guard of outgoing requests, which alone knows what the operator allowed. */
export function insecureAllowed(): { readonly [allowInsecureRequests]: true } {
	return { [allowInsecureRequests]: true };
}

const BY_WORD: Readonly<Record<string, ErrorCode>> = {
	invalid_grant: 'PC_OAUTH_ENDED',
	invalid_client: 'PC_OAUTH_CLIENT_REFUSED',
	unauthorized_client: 'PC_OAUTH_CLIENT_REFUSED',
	temporarily_unavailable: 'PC_OAUTH_UNAVAILABLE',
	server_error: 'PC_OAUTH_UNAVAILABLE',
	slow_down: 'PC_OAUTH_UNAVAILABLE',
};

/**
 * What a failed request to an authorization server means: PC_OAUTH_ENDED where the grant is gone for good, and
 * PC_OAUTH_UNAVAILABLE where it may work later. The server's own description goes nowhere: it is a stranger's text.
 */
export function tokenFailure(error: unknown): PortcullisError {
	if (errorCode(error) !== undefined) return error as PortcullisError;
	if (error instanceof ResponseBodyError) return bodyFailure(error);
	// Only the client's own proof is answered with a challenge here (RFC 6749 §5.2).
	if (error instanceof WWWAuthenticateChallengeError)
		return failure('PC_OAUTH_CLIENT_REFUSED', 'invalid_client', error);
	if (error instanceof AuthorizationResponseError) return failure('PC_OAUTH_DENIED', wordOf(error.error), error);
	const status = statusOf(error);
	const isPassing = status !== undefined && (status >= 500 || status === 429);
	return failure(isPassing ? 'PC_OAUTH_UNAVAILABLE' : 'PC_OAUTH_INVALID', `HTTP ${status ?? '?'}`, error);
}

function bodyFailure(error: ResponseBodyError): PortcullisError {
	const isPassing = error.status >= 500 || error.status === 429;
	const known = Object.hasOwn(BY_WORD, error.error) ? BY_WORD[error.error] : undefined;
	return failure(isPassing ? 'PC_OAUTH_UNAVAILABLE' : (known ?? 'PC_OAUTH_REFUSED'), wordOf(error.error), error);
}

function statusOf(error: unknown): number | undefined {
	const cause = (error as { readonly cause?: unknown } | undefined)?.cause;
	return cause instanceof Response ? cause.status : undefined;
}

// The cause is named, never kept: its body may hold tokens.
function failure(code: ErrorCode, detail: string, error: unknown): PortcullisError {
	const kind = error instanceof Error ? error.name : 'error';
	return new PortcullisError(code, { detail: `${kind}: ${detail}` });
}

function wordOf(word: unknown): string {
	return typeof word === 'string' && /^[\w-]{1,40}$/.test(word) ? word : 'an unknown error';
}
